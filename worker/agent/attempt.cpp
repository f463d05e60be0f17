#include "worker/agent/attempt.h"

#include <spdlog/spdlog.h>

#include <cctype>
#include <optional>
#include <thread>

#include "proto/hooke/error.h"
#include "worker/agent/ending.h"
#include "worker/agent/folder.h"
#include "worker/agent/heart.h"
#include "worker/agent/keeper.h"
#include "worker/agent/resume.h"
#include "worker/agent/trainer_process.h"
#include "worker/spool/spool.h"
#include "worker/uplink/uplink.h"

namespace hooke::agent {
namespace {

using std::chrono::milliseconds;
namespace fs = std::filesystem;

constexpr milliseconds kFinishDeadline{10'000};
// How long a stopping worker waits, after its trainer, for the server to take the rest: with kTrainerGraceMs
// less than the half minute that Slurm gives.
constexpr milliseconds kStopDrain{5'000};

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

std::vector<Barrier> barriers_of(const v1::LeaseGrant& grant) {
  std::vector<Barrier> barriers;
  for (const auto& one : grant.barriers()) barriers.push_back({one.attempt_id(), one.record(), one.step()});
  return barriers;
}

// As hooke-trainer takes them: "cuda:0,cuda:1".
std::string joined(const std::vector<std::string>& devices) {
  std::string names;
  for (const std::string& device : devices) names += (names.empty() ? "" : ",") + device;
  return names;
}

class Attempt {
 public:
  Attempt(sdk::Connection& connection, const Options& options, const v1::LeaseGrant& grant,
          const std::atomic<bool>& stop)
      : connection_(connection),
        options_(options),
        grant_(grant),
        stop_(stop),
        run_folder_(options.spool / grant.run_id()),
        folder_(run_folder_ / std::to_string(grant.attempt())),
        ref_(ref_of(grant)),
        name_("run " + grant.run_id() + " attempt " + std::to_string(grant.attempt())),
        keeper_({run_folder_, grant.attempt(), options.keep_spool}) {}

  AttemptResult run() {
    try {
      check_run_id(grant_.run_id());
      fs::create_directories(run_folder_);
      if (!fs::create_directory(folder_)) return give_back_number();
      spool::replace_text(spool::system_files(), folder_ / "config.json", grant_.config_json());
      uplink_.emplace(connection_, ref_, spool(),
                      [this](const std::optional<std::string>& lost) { note_connection(lost); });
      heart_.emplace(connection_, ref_, to_ms(grant_.period()));
      const auto end = train();
      uplink_->close_spool();
      return end ? conclude(*end) : finish_without_checkpoint();
    } catch (const fs::filesystem_error& error) {
      return crashed(error.what() + spool::remedy(error.code()));
    } catch (const std::exception& error) {
      return crashed(error.what());
    }
  }

 private:
  fs::path spool() const { return folder_ / spool::kFileName; }
  fs::path log() const { return folder_ / "trainer.log"; }

  void note_connection(const std::optional<std::string>& lost) {
    if (lost) {
      spdlog::warn("{}: connection lost ({}); training goes on, records wait in the spool", name_, *lost);
    } else {
      spdlog::info("{}: connected again", name_);
    }
  }

  AttemptResult crashed(const std::string& message) {
    if (uplink_) uplink_->close_spool();
    return finish(v1::OUTCOME_CRASHED, make_reason(v1::REASON_KIND_EXIT, message));
  }

  // The folder is another attempt's, which a server that was restored from a backup has forgotten.
  AttemptResult give_back_number() {
    const std::string message =
        folder_.string() + " is there already, and nothing is overwritten: the run needs an attempt of " +
        "another number";
    const auto result = finish(v1::OUTCOME_RETURNED, make_reason(v1::REASON_KIND_RETURNED, message));
    const bool given_back = result == AttemptResult::kReturned || result == AttemptResult::kToBeRepeated;
    return given_back ? AttemptResult::kNotBegun : result;
  }

  // Trains from the newest checkpoint that fits and can be read, else from the beginning; says how the
  // trainer ended. Nothing when the run must not begin again.
  std::optional<ProcessEnd> train() {
    const auto earlier = attempts_in(run_folder_, grant_.attempt());
    for (const Resume& way : ways_to_resume(barriers_of(grant_), earlier, grant_.must_resume())) {
      spdlog::info("{}: resumes after step {} from {}", name_, way.checkpoint.step,
                   way.checkpoint.path.string());
      const ProcessEnd end = train_from(&way);
      if (end.signal != 0 || end.exit_status != kExitNoCheckpoint || stop_) return end;
      spdlog::warn("{}: {} cannot be resumed: {}", name_, way.checkpoint.path.string(),
                   complaint(end, tail(log(), kLogLines)));
    }
    if (grant_.must_resume()) return std::nullopt;
    if (grant_.attempt() > 1)
      spdlog::info("{}: begins the run again; no checkpoint in {} fits what the server has", name_,
                   run_folder_.string());
    return train_from(nullptr);
  }

  ProcessEnd train_from(const Resume* way) {
    keeper_.resumed_from(way ? way->checkpoint.path : fs::path());
    write_attempt(folder_, grant_.attempt_id(), way ? way->base : std::nullopt);
    TrainerProcess trainer(command(way), log());
    spdlog::info("{}: started in {}", name_, folder_.string());
    return wait_for(trainer);
  }

  std::vector<std::string> command(const Resume* way) const {
    std::vector<std::string> out{options_.trainer.string(),
                                 "--config",
                                 (folder_ / "config.json").string(),
                                 "--out",
                                 folder_.string(),
                                 "--threads",
                                 std::to_string(options_.threads),
                                 "--device",
                                 joined(options_.devices),
                                 "--checkpoint-seconds",
                                 std::to_string(options_.checkpoint_seconds),
                                 "--spool-limit",
                                 std::to_string(options_.spool_limit_bytes)};
    const auto add = [&out](const char* option, const std::string& value) {
      out.push_back(option);
      out.push_back(value);
    };
    for (const auto& root : options_.data_roots) add("--data-root", root.string());
    if (options_.allow_torchscript) out.push_back("--allow-torchscript");
    if (options_.no_system_metrics) out.push_back("--no-system-metrics");
    if (!way) return out;
    add("--resume", way->checkpoint.path.string());
    if (!way->resend_after) return out;
    add("--resend-after", std::to_string(*way->resend_after));
    if (way->base) add("--resume-step", std::to_string(way->base->step));
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
      drop_what_is_secured();
      std::this_thread::sleep_for(kTrainerPoll);
    }
  }

  void drop_what_is_secured() {
    try {
      if (const auto barrier = uplink_->acknowledged_barrier()) keeper_.secured(*barrier);
    } catch (const std::exception& error) {  // the training need not end for it
      spdlog::warn("{}: {}", name_, error.what());
    }
  }

  // Everything that the trainer left goes to the server first: without limit, unless stopping.
  void drain() {
    using Clock = std::chrono::steady_clock;
    std::optional<Clock::time_point> deadline;
    while (!refusal() && !uplink_->wait_drained(kTrainerPoll)) {
      if (!stop_) continue;
      if (!deadline) deadline = Clock::now() + kStopDrain;
      if (Clock::now() >= *deadline) return;
    }
  }

  AttemptResult conclude(const ProcessEnd& end) {
    drain();
    const auto refused = refusal();
    const auto ending =
        ending_of({end, uplink_->wait_drained(milliseconds(0)), uplink_->end(), refused, uplink_->rewound(),
                   stop_, had_no_time(), tail(log(), kLogLines), spool().string()});
    if (!ending) {
      spdlog::warn("{}: stopped: {}; the spool stays in {}", name_, describe(*refused), folder_.string());
      return AttemptResult::kFenced;
    }
    if (!refused) drop_what_is_secured();
    return finish(ending->outcome, ending->reason);
  }

  AttemptResult finish_without_checkpoint() {
    const std::int64_t step = grant_.barriers().empty() ? -1 : grant_.barriers().rbegin()->step();
    return finish(v1::OUTCOME_FAILED,
                  make_reason(v1::REASON_KIND_EXCEPTION,
                              "the run was extended and must go on from a checkpoint of step " +
                                  std::to_string(step) + ", and worker " + options_.name + " has none in " +
                                  run_folder_.string() + "; retry it where the checkpoint is"));
  }

  // Slurm's time limit came before the first step, and not for the first time, as Slurm may warn a minute
  // early: another start would do no better.
  bool had_no_time() const {
    const bool again = options_.slurm && options_.slurm->restart_count() > 0;
    return again && options_.time_is_up && *options_.time_is_up && checkpoints_in(folder_).empty();
  }

  AttemptResult finish(v1::Outcome outcome, const v1::Reason& reason) {
    v1::FinishRequest request;
    *request.mutable_attempt() = ref_;
    request.set_outcome(outcome);
    if (outcome != v1::OUTCOME_SUCCEEDED) *request.mutable_reason() = reason;
    request.set_last_record(uplink_ ? uplink_->acknowledged() : 0);
    for (std::string& line : tail(log(), kLogLines)) request.add_log_tail(std::move(line));
    const auto stub = v1::WorkerService::NewStub(connection_.channel());
    bool queued = false;
    while (true) {
      try {
        const auto response =
            connection_.call(*stub, &v1::WorkerService::Stub::Finish, request,
                             {.deadline = kFinishDeadline, .retry_for = milliseconds(1'000)});
        spdlog::info("{}: {}{}; the run is {}", name_, plain(v1::Outcome_Name(outcome)),
                     reason.message().empty() ? "" : " (" + reason.message() + ")",
                     plain(v1::RunState_Name(response.state())));
        queued = response.state() == v1::RUN_STATE_QUEUED;
        clean_up(outcome);
        break;
      } catch (const Error& error) {
        const bool away = error.code() == Code::kUnavailable || error.code() == Code::kDeadlineExceeded;
        if (away && !stop_) continue;
        spdlog::warn("{}: the end could not be reported: {}; the spool stays in {}", name_, describe(error),
                     folder_.string());
        return away ? AttemptResult::kReturned : AttemptResult::kFenced;
      }
    }
    if (outcome == v1::OUTCOME_SUCCEEDED) return AttemptResult::kSucceeded;
    if (stop_ && outcome == v1::OUTCOME_RETURNED) return AttemptResult::kReturned;
    return queued ? AttemptResult::kToBeRepeated : AttemptResult::kFailed;
  }

  void clean_up(v1::Outcome outcome) {
    const bool has_all = uplink_ && !uplink_->refusal() && uplink_->wait_drained(milliseconds(0));
    uplink_.reset();
    keeper_.finished(has_all, outcome == v1::OUTCOME_SUCCEEDED);
  }

  sdk::Connection& connection_;
  const Options& options_;
  const v1::LeaseGrant& grant_;
  const std::atomic<bool>& stop_;
  const fs::path run_folder_, folder_;
  const v1::AttemptRef ref_;
  const std::string name_;  // for the log
  Keeper keeper_;
  std::optional<uplink::Uplink> uplink_;
  std::optional<Heart> heart_;
};

}  // namespace

AttemptResult run_attempt(sdk::Connection& connection, const Options& options, const v1::LeaseGrant& grant,
                          const std::atomic<bool>& stop) {
  return Attempt(connection, options, grant, stop).run();
}

}  // namespace hooke::agent
