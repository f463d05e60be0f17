#include "server/services/open_streams.h"

#include <algorithm>
#include <utility>

namespace hooke::services {

bool OpenStreams::add(const std::shared_ptr<Stoppable>& stream, const access::Caller& caller) {
  grpc::Status refused;
  {
    const std::lock_guard lock(mutex_);
    refused = place_for(caller);
    if (refused.ok()) streams_.push_back({stream, caller});
  }
  if (!refused.ok()) stream->end(refused);
  return refused.ok();
}

grpc::Status OpenStreams::place_for(const access::Caller& caller) {
  std::erase_if(streams_, [](const Entry& one) { return one.stream.expired(); });
  if (stopped_) return kStopping;
  const auto full = [](std::size_t most) {
    return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED,
                        std::to_string(most) + " streams are open already; close one, or try again later");
  };
  if (streams_.size() >= most_) return full(most_);
  // Without tokens nobody can be told from another.
  if (caller.token_hash.empty() && caller.owner.empty()) return grpc::Status::OK;
  const auto own = std::count_if(streams_.begin(), streams_.end(), [&](const Entry& one) {
    return one.caller.token_hash == caller.token_hash && one.caller.owner == caller.owner;
  });
  return static_cast<std::size_t>(own) < most_of_one_ ? grpc::Status::OK : full(most_of_one_);
}

void OpenStreams::end_refused(const Gate& gate) {
  std::vector<std::pair<std::weak_ptr<Stoppable>, grpc::Status>> refused;
  {
    const std::lock_guard lock(mutex_);
    for (const Entry& one : streams_) {
      try {
        gate.check_again(one.caller);
      } catch (...) {
        refused.emplace_back(one.stream, status_of(std::current_exception()));
      }
    }
  }
  for (const auto& [weak, status] : refused)
    if (const auto stream = weak.lock()) stream->end(status);
}

void OpenStreams::stop() {
  std::vector<Entry> streams;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    streams.swap(streams_);
  }
  for (const Entry& one : streams)
    if (const auto stream = one.stream.lock()) stream->end(kStopping);
}

}  // namespace hooke::services
