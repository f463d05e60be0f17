#include "tests/simulation/attempt.h"

#include <algorithm>
#include <system_error>

#include "worker/agent/folder.h"
#include "worker/uplink/batch.h"

namespace hooke::simulation {
namespace {

// As the agent's and the uplink's, but for the polls, which would be most of all steps.
constexpr TimeUs kPoll = 100 * kMs, kPollSpool = 60 * kMs;
constexpr TimeUs kFirstPause = 200 * kMs, kLongestPause = 5 * kSecond;
constexpr TimeUs kTrainerGrace = 20 * kSecond, kStopDrain = 5 * kSecond;

std::vector<agent::Barrier> barriers_of(const scheduling::LeaseGrant& grant) {
  std::vector<agent::Barrier> barriers;
  for (const auto& one : grant.barriers) barriers.push_back({one.attempt_id, one.record, one.step});
  return barriers;
}

}  // namespace

Attempt::Attempt(const WorkerParts& parts, scheduling::LeaseGrant grant)
    : world_(parts.world),
      parts_(parts),
      grant_(std::move(grant)),
      key_{grant_.run.run_id, grant_.attempt, grant_.token},
      run_folder_("/spool/" + grant_.run.run_id),
      folder_(run_folder_ / std::to_string(grant_.attempt)),
      name_("run " + grant_.run.run_id + " attempt " + std::to_string(grant_.attempt)),
      keeper_({run_folder_, grant_.attempt, false, world_.random.below(4000)}, parts.files),
      process_(parts.world) {}

Task<> Attempt::run() {
  ++world_.totals.attempts;
  parts_.model.exists(grant_.run.run_id, Plan::from(grant_.run.config_json));
  parts_.model.granted(grant_.run.run_id, grant_.attempt);
  std::optional<std::string> failure;
  std::optional<agent::ProcessEnd> end;
  bool is_new = true;
  try {
    is_new = parts_.files.make_folder(folder_);
    if (is_new) {
      uplink_.emplace(send_all());
      uplink_->start();
      heart_.emplace(beat());
      heart_->start();
      end = co_await train();
    }
  } catch (const std::exception& error) {
    failure = error.what();
  }
  closed_ = true;
  if (end) {
    co_await conclude(*end);
    co_return;
  }
  const v1::Outcome outcome = failure   ? v1::OUTCOME_CRASHED
                              : !is_new ? v1::OUTCOME_RETURNED
                                        : v1::OUTCOME_FAILED;
  const v1::Reason reason = failure ? agent::make_reason(v1::REASON_KIND_EXIT, *failure)
                            : !is_new
                                ? agent::make_reason(v1::REASON_KIND_RETURNED, "the folder is there")
                                : agent::make_reason(v1::REASON_KIND_EXCEPTION, "no checkpoint is left");
  co_await finish(outcome, reason);
}

Task<std::optional<agent::ProcessEnd>> Attempt::train() {
  const auto earlier = agent::attempts_in(run_folder_, grant_.attempt, parts_.files);
  const auto ways = agent::ways_to_resume(barriers_of(grant_), earlier, grant_.run.must_resume);
  for (const agent::Resume& way : ways) {
    const agent::ProcessEnd end = co_await train_from(&way);
    if (end.signal != 0 || end.exit_status != agent::kExitNoCheckpoint || parts_.stopping) co_return end;
    note("cannot resume after step " + std::to_string(way.checkpoint.step));
  }
  if (grant_.run.must_resume) co_return std::nullopt;
  if (grant_.attempt > 1) ++world_.totals.begun_again;
  const agent::ProcessEnd end = co_await train_from(nullptr);
  co_return end;
}

Task<agent::ProcessEnd> Attempt::train_from(const agent::Resume* way) {
  note(
      "of " + std::to_string(Plan::from(grant_.run.config_json).steps) + " steps: " +
      (way ? "resumes after step " + std::to_string(way->checkpoint.step) +
                 (way->resend_after ? ", sends again after record " + std::to_string(*way->resend_after) : "")
           : "begins"));
  keeper_.resumed_from(way ? way->checkpoint.path : std::filesystem::path());
  agent::write_attempt(folder_, grant_.attempt_id, way ? way->base : std::nullopt, parts_.files);
  if (way) ++world_.totals.resumed;
  trainer_ = std::make_unique<Trainer>(
      world_, parts_.model, parts_.files,
      TrainerOptions{grant_.run.run_id, grant_.attempt, Plan::from(grant_.run.config_json), folder_,
                     way ? std::optional(*way) : std::nullopt});
  std::optional<TimeUs> stop_asked;
  while (!trainer_->end()) {
    if (parts_.stopping || refusal()) {
      trainer_->ask_to_stop();
      if (!stop_asked) stop_asked = world_.now();
      if (world_.now() > *stop_asked + kTrainerGrace) trainer_->kill();
    } else {
      drop_what_is_secured();
    }
    co_await process_.pause(kPoll);
  }
  co_return *trainer_->end();
}

void Attempt::drop_what_is_secured() {
  try {
    if (const auto barrier = ledger_.acknowledged_barrier()) keeper_.secured(*barrier);
  } catch (const std::exception& error) {
    note(error.what());
  }
}

Task<> Attempt::conclude(agent::ProcessEnd end) {
  const TimeUs since = world_.now();
  while (!refusal() && !drained_ && !(parts_.stopping && world_.now() > since + kStopDrain))
    co_await process_.pause(kPoll);
  const auto refused = refusal();
  const auto ending = agent::ending_of(
      {end, drained_, ledger_.end(), refused, ledger_.rewound(), parts_.stopping, false, {}});
  if (!ending) {
    ++world_.totals.fenced;
    note(std::string("fenced: ") + refused->what());
    co_return;
  }
  if (!refused) drop_what_is_secured();
  co_await finish(ending->outcome, ending->reason);
}

Task<> Attempt::finish(v1::Outcome outcome, const v1::Reason& reason) {
  note("ends: " + v1::Outcome_Name(outcome) + " " + reason.message());
  scheduling::FinishRequest request;
  request.attempt = key_;
  request.outcome = static_cast<storage::Outcome>(outcome);
  request.reason.kind = static_cast<storage::ReasonKind>(reason.kind());
  request.reason.message = reason.message();
  request.last_record = ledger_.acknowledged();
  while (true) {
    bool away = false;
    try {
      auto call = parts_.network.call<storage::RunState>(
          process_, parts_.link_is_down, [request](Server& server, storage::Then<storage::RunState> then) {
            server.queue.finish(request, std::move(then));
          });
      co_await call;
      keeper_.finished(uplink_ && !refusal_ && drained_, outcome == v1::OUTCOME_SUCCEEDED);
      co_return;
    } catch (const Error& error) {
      away = error.code() == Code::kUnavailable || error.code() == Code::kDeadlineExceeded;
    }
    if (!away || parts_.stopping) co_return;
    co_await process_.pause(kSecond);
  }
}

Task<> Attempt::beat() {
  const TimeUs period = std::chrono::microseconds(grant_.period).count();
  while (true) {
    co_await process_.pause(period / 3);
    try {
      auto call = parts_.network.call<std::chrono::milliseconds>(
          process_, parts_.link_is_down,
          [key = key_](Server& server, storage::Then<std::chrono::milliseconds> then) {
            server.queue.heartbeat(key, {}, std::move(then));
          });
      co_await call;
    } catch (const Error& error) {
      if (error.code() != Code::kFailedPrecondition && error.code() != Code::kNotFound) continue;
      heart_refusal_ = error;
      co_return;
    }
  }
}

Task<> Attempt::send_all() {
  while (!parts_.files.exists(spool())) {
    if (closed_) {
      drained_ = true;
      co_return;
    }
    co_await process_.pause(kPollSpool);
  }
  TimeUs wait = kFirstPause;
  while (true) {
    std::optional<Error> refused;
    const auto stream = std::make_shared<Stream>(parts_.network, process_, parts_.link_is_down);
    try {
      co_await send_on(stream);
      if (stream->committed()) wait = kFirstPause;
      const auto& ended = stream->ended();
      if (ended && ended->error && uplink::is_final(ended->error->code())) refused = ended->error;
    } catch (const Error& error) {
      refused = error;
      stream->cut();
    }
    refusal_ = refused;
    if (refused || drained_) co_return;
    co_await process_.pause(wait);
    wait = std::min(2 * wait, kLongestPause);
  }
}

// Takes in what the server has said; false when the stream has ended.
bool Attempt::hear(Stream& stream) {
  if (stream.committed() && *stream.committed() > ledger_.acknowledged()) {
    parts_.model.acknowledged(grant_.run.run_id, grant_.attempt, *stream.committed());
    ledger_.acknowledged(*stream.committed());
  }
  return !stream.ended();
}

Task<> Attempt::send_on(const std::shared_ptr<Stream>& stream) {
  stream->open(key_);
  while (!stream->committed()) {
    if (stream->ended()) co_return;
    co_await process_.pause(10 * kMs);
  }
  parts_.model.acknowledged(grant_.run.run_id, grant_.attempt, *stream->committed());
  const std::uint64_t committed = *stream->committed();
  ledger_.opened(committed);
  spool::Reader reader(spool(), parts_.files);
  uplink::go_to(reader, ledger_.acknowledged_barrier(), committed);
  ledger_.found(reader.position());
  while (hear(*stream)) {
    const bool closed = closed_;
    uplink::Batch batch;
    if (ledger_.has_room()) batch = uplink::next_batch(reader);
    if (batch.records.records_size() > 0) {
      ledger_.sent(batch);
      stream->send(std::move(batch.records));
    } else if (closed && ledger_.is_settled()) {
      drained_ = true;
      stream->half_close();
      break;
    }
    co_await process_.pause(kPollSpool);
  }
  while (drained_ && !stream->ended()) co_await process_.pause(kPollSpool);
}

}  // namespace hooke::simulation
