// World: simulated time, what happens next, chance, and who lives. Everything happens in one thread, in an
// order that follows from the seed.
//
// What is to happen belongs to a process; when that has ended, it does not happen.
#pragma once

#include <coroutine>
#include <cstdint>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <unordered_set>
#include <utility>

#include "proto/hooke/ids.h"
#include "tests/simulation/random.h"
#include "tests/simulation/totals.h"

namespace hooke::simulation {

constexpr TimeUs kMs = 1'000;
constexpr TimeUs kSecond = 1'000'000;

// What must never break is broken.
class Violation : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class World {
 public:
  using ProcessId = std::uint64_t;
  // Everyone's: it never ends.
  static constexpr ProcessId kNobody = 0;

  World(std::uint64_t seed, bool trace) : random(seed), trace_(trace) {}

  Random random;
  Totals totals;

  TimeUs now() const { return now_; }

  ProcessId begin_process();
  void end_process(ProcessId process) { living_.erase(process); }
  bool lives(ProcessId process) const { return process == kNobody || living_.contains(process); }

  void after(TimeUs delay, ProcessId owner, std::function<void()> what);
  // The next thing happens; false when nothing is to.
  bool step();

  // Faults may happen.
  bool is_stormy() const { return stormy_; }
  void calm_down() { stormy_ = false; }

  // One line of the trace, when it is wanted.
  bool is_traced() const { return trace_; }
  void note(const std::string& line);

 private:
  struct Event {
    ProcessId owner;
    std::function<void()> what;
  };

  const bool trace_;
  bool stormy_ = true;
  TimeUs now_ = 1'700'000'000 * kSecond;
  std::uint64_t next_ = 0;  // breaks ties
  std::map<std::pair<TimeUs, std::uint64_t>, Event> events_;
  ProcessId last_process_ = kNobody;
  std::unordered_set<ProcessId> living_;
};

// A process while it lives. Its threads are Tasks, which stand after it in their owner, and so end before.
class Process {
 public:
  explicit Process(World& world) : world_(world), id_(world.begin_process()) {}
  ~Process() { world_.end_process(id_); }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  World& world() const { return world_; }
  World::ProcessId id() const { return id_; }

  // co_await process.sleep(delay)
  auto sleep(TimeUs delay) {
    struct Sleep {
      Process& process;
      TimeUs delay;
      bool await_ready() const { return false; }
      void await_suspend(std::coroutine_handle<> waiting) const {
        process.world_.after(delay, process.id_, [waiting] { waiting.resume(); });
      }
      void await_resume() const {}
    };
    return Sleep{*this, delay};
  }
  // About that long.
  auto pause(TimeUs delay) { return sleep(world_.random.between(delay / 2, delay * 3 / 2)); }

 private:
  World& world_;
  const World::ProcessId id_;
};

}  // namespace hooke::simulation
