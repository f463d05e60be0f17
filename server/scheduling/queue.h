// Queue: submitting, leasing and ending runs.
//
// Owned by server/app; borrows the Writer. Every call blocks until
// its transaction is committed, from any thread but the writer's. It keeps no state of its own: the
// database is the queue, so there is nothing to lose or to lock.
//
// Invariants:
// 1. A run has at most one attempt that the fence lets pass: the newest.
// 2. Every change of a run's state is in its history, with the attempt and the reason.
// 3. Repeated with the same request id, submit and lease answer the same and change nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "server/storage/attempts.h"
#include "server/storage/experiments.h"
#include "server/storage/fence.h"
#include "server/storage/runs.h"
#include "server/storage/writer.h"

namespace hooke::scheduling {

struct QueueOptions {
  // A lease lapses when nothing is heard of its attempt for this long.
  std::chrono::milliseconds lease_period{60'000};
  // A worker without a grant asks again after this.
  std::chrono::milliseconds retry_after{2'000};
};

// One run of a submit: a configuration that was completed and checked.
struct RunSpec {
  std::string config_json;  // canonical
  std::int64_t seed = 0;
  storage::Pairs sweep;
};

struct SubmitRequest {
  std::string request_id;     // required
  std::string name;           // wanted for the experiment
  std::vector<RunSpec> runs;  // at least one
  storage::Pairs require;
  storage::Pairs tags;
  std::int32_t priority = 0;
  std::string executor;
  std::string submitter;
  std::int32_t max_attempts = 5;  // at least 1
};

struct SubmitResult {
  storage::Experiment experiment;
  std::vector<storage::Run> runs;
};

struct LeaseRequest {
  std::string request_id;  // required
  std::string worker;      // required
  storage::Pairs labels;
  std::vector<std::string> devices;
  std::string version;
  std::string run;  // run id or resource name; empty: the next
  std::optional<storage::SlurmJob> slurm;
};

// A segment of a run that was made without a server.
struct SegmentRequest {
  std::string uuid;          // of the run, in lower case
  std::int32_t segment = 0;  // at least 1
  std::string worker;        // required; who sends it
  std::string submitted;     // run id or name of a run for Slurm that this is; empty: none was submitted
  std::string experiment;    // to be joined, or made under this name
  std::string new_name;      // of the experiment that is made without one
  RunSpec run;               // used when the server does not know the run
  std::string submitter;
  // Throws when a run that is here, with this canonical configuration, is another one.
  std::function<void(const std::string& config_json)> check_config;
};

struct LeaseGrant {
  storage::Run run;
  std::int32_t attempt = 0;
  std::string attempt_id;
  std::string token;  // 32 bytes
  std::chrono::milliseconds period{0};
  std::uint64_t committed_record = 0;  // last one of the attempt
  // At which the run may go on; the newest when there are very many.
  std::vector<storage::Barrier> barriers;
};

struct ExtendRequest {
  std::string run;            // run id or resource name
  std::string config_before;  // canonical; what `config_json` was made from
  std::string config_json;    // canonical; of the longer training
  std::string why;            // as "extended to 4 epochs by ada"
};

struct FinishRequest {
  storage::AttemptKey attempt;
  storage::Outcome outcome = storage::Outcome::kFailed;  // one of the first four
  storage::Reason reason;
  std::vector<std::string> log_tail;
  std::uint64_t last_record = 0;
};

// What Slurm says of a run's task; `job.state` in its own words, UNKNOWN when it has forgotten the task.
struct SlurmReport {
  std::string run;  // run id or resource name
  storage::SlurmJob job;
};

class Queue {
 public:
  Queue(storage::Writer& writer, QueueOptions options, storage::Clock clock, storage::Random random);

  // Stores an experiment with its runs. A name that is taken gets -2, -3, ….
  // Throws kInvalidArgument; kAlreadyExists when the request id was used for another request.
  SubmitResult submit(const SubmitRequest& request);

  // What workers call, by the thousand: nobody waits. `then` gets the answer on the writer's thread, after
  // the commit; what follows is thrown to it, but for what is wrong with the request itself, which is thrown
  // at once.

  // Grants the run that is named, or the next: the highest priority, then the submitter with the
  // fewest running runs, then the oldest. The worker's labels must include what the run requires.
  // Pull workers get runs without an executor; a run of another executor must be named.
  // A task that Slurm has started again takes the named run over from its earlier start, at once.
  // Absent: nothing to do. Throws kInvalidArgument; for a named run kNotFound and
  // kFailedPrecondition (not queued, labels missing); kFailedPrecondition when the request id
  // stands for an attempt that has ended.
  void lease(LeaseRequest request, storage::Then<std::optional<LeaseGrant>> then);

  // The grant of a segment, the same one to everybody who asks. The first of a UUID stores its run, as
  // running, or takes the one that was submitted for it, which then has no place in the queue any more;
  // none of them has a lease. Without barriers. Throws kInvalidArgument; kNotFound; kFailedPrecondition
  // for a submitted run that is another's or has begun elsewhere, for a new segment of a run that has
  // succeeded or was cancelled; what check_config throws.
  void lease_segment(SegmentRequest request, storage::Then<LeaseGrant> then);

  // Keeps the lease; returns its period. Throws storage::FencedError.
  void heartbeat(storage::AttemptKey attempt, std::optional<storage::SlurmJob> slurm,
                 storage::Then<std::chrono::milliseconds> then);

  // Ends the attempt; returns the state of the run now. Repeated, it answers the same.
  // Throws storage::FencedError; kInvalidArgument; kFailedPrecondition when it says "succeeded" with a
  // last record other than the committed one, or for a segment, whose End record says it all.
  void finish(FinishRequest request, storage::Then<storage::RunState> then);

  // The same four for a caller that may wait.
  std::optional<LeaseGrant> lease(LeaseRequest request) {
    return storage::wait<std::optional<LeaseGrant>>(
        [&](auto then) { lease(std::move(request), std::move(then)); });
  }
  LeaseGrant lease_segment(SegmentRequest request) {
    return storage::wait<LeaseGrant>([&](auto then) { lease_segment(std::move(request), std::move(then)); });
  }
  std::chrono::milliseconds heartbeat(storage::AttemptKey attempt,
                                      std::optional<storage::SlurmJob> slurm = {}) {
    return storage::wait<std::chrono::milliseconds>(
        [&](auto then) { heartbeat(std::move(attempt), std::move(slurm), std::move(then)); });
  }
  storage::RunState finish(FinishRequest request) {
    return storage::wait<storage::RunState>([&](auto then) { finish(std::move(request), std::move(then)); });
  }

  // Cancels a queued or running run and fences its attempt. `by` is for the reason.
  // Throws kNotFound; kFailedPrecondition when it has ended.
  storage::Run cancel(const std::string& run, const std::string& by);

  // Queues a failed or cancelled run again, with all its attempts. Throws as cancel does; like extend()
  // kFailedPrecondition for an offline run, which goes on where it was made.
  storage::Run retry(const std::string& run, const std::string& by);

  // Queues a run that has succeeded again, to be trained further from its end: it never begins again.
  // Its configuration is replaced and goes into its history. Throws kNotFound; kFailedPrecondition
  // when it has not succeeded, has no barrier at its end, or has another configuration by now.
  storage::Run extend(const ExtendRequest& request);

  // Stores what Slurm says of runs' tasks. A run that is carried out by a task that is over has ended with
  // it (cancelled, or failed with Slurm's words), unless pull workers may take it: then it is queued again,
  // as it is when Slurm has queued the task again. What is said of a task that is not the run's any more
  // changes nothing. All or none. Throws kInvalidArgument and kNotFound.
  void update_slurm_jobs(const std::vector<SlurmReport>& reports);

  // Takes leases that have lapsed at `now`: their runs are queued again, or fail when no attempt is left.
  // Returns how many. LeaseWatch calls it.
  std::int64_t sweep(TimeUs now);

  // Gives every live lease a full period: nobody could be heard. Returns how many there are.
  std::int64_t renew_all();

  const QueueOptions& options() const { return options_; }

 private:
  storage::Writer& writer_;
  const QueueOptions options_;
  const storage::Clock clock_;
  const storage::Random random_;
};

}  // namespace hooke::scheduling
