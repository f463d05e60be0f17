#include "client/cli/feed.h"

#include <algorithm>

#include "client/cli/resources.h"
#include "proto/hooke/error.h"

namespace hooke::cli {
namespace {

// Between two tries to reach a server that is away.
constexpr std::chrono::milliseconds kReconnectPause{500};

bool is_away(const Error& error) {
  return error.code() == Code::kUnavailable || error.code() == Code::kCancelled ||
         error.code() == Code::kDeadlineExceeded;
}

}  // namespace

RunFeed::RunFeed(Api& api, std::vector<v1::Run> runs) : api_(api) {
  for (v1::Run& run : runs) {
    names_.push_back(run.name());
    runs_[run.name()] = std::move(run);
  }
  if (!all_final()) reader_ = std::thread([this] { read_until_stopped(); });
}

RunFeed::~RunFeed() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    if (stream_) stream_->cancel();
  }
  changed_.notify_all();
  if (reader_.joinable()) reader_.join();
}

RunFeed::View RunFeed::next(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, timeout, [&] { return dirty_ || error_; });
  if (error_) std::rethrow_exception(error_);
  dirty_ = false;
  View view;
  for (const std::string& name : names_) view.runs.push_back(runs_.at(name));
  view.connected = connected_;
  view.all_final = all_final();
  return view;
}

void RunFeed::read_until_stopped() {
  while (true) {
    try {
      read_stream();
    } catch (const Error& error) {
      const std::lock_guard lock(mutex_);
      if (!stopped_ && !is_away(error)) {
        error_ = std::current_exception();
        changed_.notify_all();
        return;
      }
    }
    std::unique_lock lock(mutex_);
    stream_.reset();
    if (stopped_ || all_final()) return;
    if (connected_) dirty_ = true;
    connected_ = false;
    changed_.notify_all();
    changed_.wait_for(lock, kReconnectPause, [&] { return stopped_; });
    if (stopped_) return;
  }
}

void RunFeed::read_stream() {
  RunStream* stream = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    stream_ = api_.watch(names_);
    stream = stream_.get();
  }
  for (v1::Run run; stream->read(run);) {
    const std::lock_guard lock(mutex_);
    if (!connected_) dirty_ = true;
    connected_ = true;
    store(run);
    changed_.notify_all();
  }
  stream->finish();
}

void RunFeed::store(const v1::Run& run) {
  const auto found = runs_.find(run.name());
  if (found == runs_.end()) return;
  found->second = run;
  dirty_ = true;
}

bool RunFeed::all_final() const {
  return std::all_of(runs_.begin(), runs_.end(),
                     [](const auto& entry) { return is_final(entry.second.state()); });
}

}  // namespace hooke::cli
