#include "worker/agent/attempt.h"

#include <spdlog/spdlog.h>

#include <cctype>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <optional>
#include <thread>

#include "proto/hooke/error.h"
#include "worker/agent/trainer_process.h"
#include "worker/agent/uplink.h"

namespace hooke::agent {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPoll{50};
constexpr milliseconds kHeartbeatDeadline{10'000};
// How long a stopping worker waits for its trainer, then for the server to take the rest.
constexpr int kTrainerGraceMs = 8'000;
constexpr milliseconds kStopDrain{5'000};
constexpr std::size_t kLogLines = 50;
// Exit status of a trainer that stopped because it was told to.
constexpr int kExitStopped = 75;

milliseconds to_ms(const google::protobuf::Duration& duration) {
  return milliseconds(duration.seconds() * 1000 + duration.nanos() / 1'000'000);
}

void write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out) throw Error(Code::kUnavailable, "cannot write " + path.string());
}

// "succeeded" for OUTCOME_SUCCEEDED and RUN_STATE_SUCCEEDED.
std::string plain(std::string name) {
  name.erase(0, name.rfind('_') + 1);
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

v1::AttemptRef ref_of(const v1::LeaseGrant& grant) {
  v1::AttemptRef ref;
  ref.set_run(grant.run_id());
  ref.set_attempt(grant.attempt());
  ref.set_token(grant.token());
  return ref;
}

// Keeps the lease alive until it is refused or destroyed.
class Heart {
 public:
  Heart(sdk::Connection& connection, v1::AttemptRef ref, milliseconds period)
      : connection_(connection), ref_(std::move(ref)), period_(period), thread_([this] { run(); }) {}

  ~Heart() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  std::optional<Error> refusal() const {
    const std::lock_guard lock(mutex_);
    return refusal_;
  }

 private:
  void run() {
    const auto stub = v1::WorkerService::NewStub(connection_.channel());
    v1::HeartbeatRequest request;
    *request.mutable_attempt() = ref_;
    std::unique_lock lock(mutex_);
    while (!changed_.wait_for(lock, period_ / 3, [&] { return stopping_; })) {
      lock.unlock();
      std::optional<Error> refused;
      try {
        const auto response =
            connection_.call(*stub, &v1::WorkerService::Stub::Heartbeat, request,
                             {.deadline = kHeartbeatDeadline, .retry_for = milliseconds(0)});
        if (response.has_period()) period_ = to_ms(response.period());
      } catch (const Error& error) {
        if (error.code() == Code::kFailedPrecondition || error.code() == Code::kNotFound)
          refused = error;
        else
          spdlog::debug("run {}: heartbeat: {}", ref_.run(), describe(error));
      }
      lock.lock();
      if (refused) {
        refusal_ = refused;
        return;
      }
    }
  }

  sdk::Connection& connection_;
  const v1::AttemptRef ref_;
  milliseconds period_;  // the thread's own
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;         // guarded by mutex_
  std::optional<Error> refusal_;  // guarded by mutex_
  std::thread thread_;
};

class Attempt {
 public:
  Attempt(sdk::Connection& connection, const Options& options, const v1::LeaseGrant& grant,
          const std::atomic<bool>& stop)
      : connection_(connection),
        options_(options),
        grant_(grant),
        stop_(stop),
        folder_(options.spool / grant.run_id() / std::to_string(grant.attempt())),
        ref_(ref_of(grant)) {}

  AttemptResult run() {
    if (const auto problem = prepare_folder()) return finish_without_trainer(v1::OUTCOME_CRASHED, *problem);
    uplink_.emplace(connection_, ref_, spool());
    heart_.emplace(connection_, ref_, to_ms(grant_.period()));
    spdlog::info("run {} attempt {}: started in {}", grant_.run_id(), grant_.attempt(), folder_.string());
    ProcessEnd end;
    try {
      TrainerProcess trainer(command(), log());
      end = wait_for(trainer);
    } catch (const Error& error) {
      uplink_->close_spool();
      return finish_without_trainer(v1::OUTCOME_CRASHED, error.what());
    }
    uplink_->close_spool();
    return conclude(end);
  }

 private:
  std::filesystem::path spool() const { return folder_ / "records.spool"; }
  std::filesystem::path log() const { return folder_ / "trainer.log"; }

  // What is wrong with the attempt's folder; nullopt when it is ready.
  std::optional<std::string> prepare_folder() {
    try {
      std::filesystem::create_directories(folder_);
      // The spool of an earlier grant of the same attempt would be taken for this one's.
      if (std::filesystem::exists(spool()))
        return "the folder of this attempt is in use: " + folder_.string();
      write_file(folder_ / "config.json", grant_.config_json());
    } catch (const std::exception& error) {
      return error.what();
    }
    return std::nullopt;
  }

  std::vector<std::string> command() const {
    std::vector<std::string> out{
        options_.trainer.string(), "--config",  (folder_ / "config.json").string(), "--out",
        folder_.string(),          "--threads", std::to_string(options_.threads),   "--device",
        options_.devices.front()};
    for (const auto& root : options_.data_roots) {
      out.push_back("--data-root");
      out.push_back(root.string());
    }
    return out;
  }

  std::optional<Error> refusal() const {
    if (auto refused = uplink_->refusal()) return refused;
    return heart_->refusal();
  }

  // Until the trainer has ended by itself, was refused, or must stop.
  ProcessEnd wait_for(TrainerProcess& trainer) {
    while (true) {
      if (const auto end = trainer.poll()) return *end;
      if (stop_ || refusal()) return trainer.stop(kTrainerGraceMs);
      std::this_thread::sleep_for(kPoll);
    }
  }

  // Everything that the trainer left goes to the server first: without limit, unless stopping.
  void drain() {
    using Clock = std::chrono::steady_clock;
    std::optional<Clock::time_point> deadline;
    while (!refusal() && !uplink_->wait_drained(kPoll)) {
      if (!stop_) continue;
      if (!deadline) deadline = Clock::now() + kStopDrain;
      if (Clock::now() >= *deadline) return;
    }
  }

  AttemptResult conclude(const ProcessEnd& end) {
    drain();
    if (const auto refused = refusal()) {
      spdlog::warn("run {} attempt {}: stopped: {}; the spool stays in {}", grant_.run_id(), grant_.attempt(),
                   describe(*refused), folder_.string());
      return AttemptResult::kFenced;
    }
    const auto last = uplink_->end();
    if (last && last->state() == v1::RUN_STATE_SUCCEEDED && end.signal == 0 && end.exit_status == 0)
      return finish(v1::OUTCOME_SUCCEEDED, {});
    if (last && last->state() == v1::RUN_STATE_FAILED) return finish(v1::OUTCOME_FAILED, last->reason());
    if (stop_ || (end.signal == 0 && end.exit_status == kExitStopped)) {
      v1::Reason reason;
      reason.set_kind(v1::REASON_KIND_RETURNED);
      reason.set_message("the worker was stopped");
      return finish(v1::OUTCOME_RETURNED, reason);
    }
    return finish(v1::OUTCOME_CRASHED, reason_of(end));
  }

  AttemptResult finish_without_trainer(v1::Outcome outcome, const std::string& message) {
    v1::Reason reason;
    reason.set_kind(v1::REASON_KIND_EXIT);
    reason.set_message(message);
    return finish(outcome, reason);
  }

  AttemptResult finish(v1::Outcome outcome, const v1::Reason& reason) {
    v1::FinishRequest request;
    *request.mutable_attempt() = ref_;
    request.set_outcome(outcome);
    if (outcome != v1::OUTCOME_SUCCEEDED) *request.mutable_reason() = reason;
    request.set_last_record(uplink_ ? uplink_->acknowledged() : 0);
    for (std::string& line : tail(log(), kLogLines)) request.add_log_tail(std::move(line));
    const auto stub = v1::WorkerService::NewStub(connection_.channel());
    while (true) {
      try {
        const auto response =
            connection_.call(*stub, &v1::WorkerService::Stub::Finish, request,
                             {.deadline = kHeartbeatDeadline, .retry_for = milliseconds(1'000)});
        spdlog::info("run {} attempt {}: {}{}; the run is {}", grant_.run_id(), grant_.attempt(),
                     plain(v1::Outcome_Name(outcome)),
                     reason.message().empty() ? "" : " (" + reason.message() + ")",
                     plain(v1::RunState_Name(response.state())));
        clean_up();
        break;
      } catch (const Error& error) {
        const bool away = error.code() == Code::kUnavailable || error.code() == Code::kDeadlineExceeded;
        if (away && !stop_) continue;
        spdlog::warn("run {} attempt {}: the end could not be reported: {}", grant_.run_id(),
                     grant_.attempt(), describe(error));
        return away ? AttemptResult::kReturned : AttemptResult::kFenced;
      }
    }
    if (outcome == v1::OUTCOME_SUCCEEDED) return AttemptResult::kSucceeded;
    return outcome == v1::OUTCOME_RETURNED ? AttemptResult::kReturned : AttemptResult::kFailed;
  }

  // What the server has need not stay here.
  void clean_up() {
    uplink_.reset();
    std::error_code ignored;
    if (!options_.keep_spool) std::filesystem::remove(spool(), ignored);
  }

  sdk::Connection& connection_;
  const Options& options_;
  const v1::LeaseGrant& grant_;
  const std::atomic<bool>& stop_;
  const std::filesystem::path folder_;
  const v1::AttemptRef ref_;
  std::optional<Uplink> uplink_;
  std::optional<Heart> heart_;
};

}  // namespace

AttemptResult run_attempt(sdk::Connection& connection, const Options& options, const v1::LeaseGrant& grant,
                          const std::atomic<bool>& stop) {
  return Attempt(connection, options, grant, stop).run();
}

}  // namespace hooke::agent
