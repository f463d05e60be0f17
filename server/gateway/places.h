// How many may be inside at a time. Thread-safe; a place is given back by scope.
#pragma once

#include <atomic>
#include <memory>

namespace hooke::gateway {

class Places {
 public:
  explicit Places(std::size_t most) : most_(most) {}

  struct Leave {
    void operator()(Places* places) const { places->taken_.fetch_sub(1); }
  };
  using Place = std::unique_ptr<Places, Leave>;

  // Null when all are taken.
  Place take() {
    if (taken_.fetch_add(1) < most_) return Place(this);
    taken_.fetch_sub(1);
    return nullptr;
  }
  std::size_t taken() const { return taken_.load(); }
  std::size_t most() const { return most_; }

 private:
  const std::size_t most_;
  std::atomic<std::size_t> taken_ = 0;
};

}  // namespace hooke::gateway
