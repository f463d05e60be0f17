#include "tests/simulation/trainer.h"

#include <cstring>
#include <nlohmann/json.hpp>
#include <sstream>
#include <system_error>

#include "worker/spool/crc32c.h"
#include "worker/trainer/resend.h"

namespace hooke::simulation {
namespace {

using nlohmann::json;

// hooke-trainer's.
constexpr int kExitFailed = 1, kExitStopped = 75;
constexpr TimeUs kSyncPeriod = kSecond;
// Of one class: mean, sd, ratio of means, skipped, nonfinite.
constexpr std::size_t kCellBytes = 20;

}  // namespace

Trainer::Trainer(World& world, Model& model, spool::Files& files, TrainerOptions options)
    : world_(world), model_(model), files_(files), options_(std::move(options)), process_(world) {
  // As a process that is started: not at once.
  world.after(world.random.between(kMs, kSecond), process_.id(), [this] {
    main_.emplace(run());
    main_->start();
  });
}

void Trainer::kill() {
  if (end_) return;
  ++world_.totals.trainer_kills;
  if (spool_ && world_.random.one_in(2)) tear();
  world_.end_process(process_.id());
  main_.reset();
  spool_.reset();
  end_ = agent::ProcessEnd{0, 9};
}

// As when it is killed in the middle of a write.
void Trainer::tear() {
  const auto file = files_.open(options_.folder / spool::kFileName, spool::Files::Mode::kWrite);
  const std::uint64_t whole = file->size();
  try {
    spool_->append(spool::Kind::kScalars, spool::encode(spool::Scalars{0, 0, {{kLoss, 0.}}}));
  } catch (const Error&) {  // on a full disk
  }
  const auto torn = static_cast<std::int64_t>(file->size() - whole) - 1;
  if (torn > 0) file->truncate(whole + static_cast<std::uint64_t>(world_.random.between(0, torn)));
}

Task<> Trainer::run() {
  Checkpoint from;
  std::optional<trainer::Resend> old;
  if (options_.way) {
    try {
      const auto read = read_checkpoint();
      if (!read) throw Error(Code::kDataLoss, "the checkpoint is damaged");
      from = *read;
      const auto& way = *options_.way;
      if (way.resend_after)
        old = trainer::find_resend(way.checkpoint.path.parent_path() / spool::kFileName, *way.resend_after,
                                   way.checkpoint.record,
                                   way.base ? std::optional(way.base->step) : std::nullopt, files_);
    } catch (const Error&) {
      end_ = agent::ProcessEnd{agent::kExitNoCheckpoint, 0};
      co_return;
    }
  }
  std::optional<std::string> failure;
  try {
    spool_.emplace(options_.folder / spool::kFileName, spool::Writer::Options{}, files_);
    co_await yield();
    start(old ? old->server_step : options_.way ? std::optional(from.step) : std::nullopt);
    if (old) {
      co_await yield();
      barrier_ = trainer::resend(
          *old, [this](spool::Kind kind, const std::string& payload) { return append(kind, payload); },
          files_);
      ++world_.totals.resent;
    }
    sync();
    if (old) co_await write_checkpoint(from);
    co_await train(from);
  } catch (const Error& error) {
    failure = error.what();
  } catch (const std::system_error& error) {
    failure = error.what();
  }
  if (failure) fail(*failure);
  spool_.reset();
}

void Trainer::start(std::optional<Step> resume_step) {
  json begin = {{"totalSteps", std::to_string(options_.plan.steps)}};
  if (resume_step) begin["resumeStep"] = std::to_string(*resume_step);
  append_json(json{{"attemptStart", begin}}.dump());
  append_json(
      json{{"seriesDeclaration",
            {{"key", kMatrix}, {"kind", "SERIES_KIND_MATRIX"}, {"classNames", {"cat"}}, {"eligible", {"1"}}}}}
          .dump());
}

Task<> Trainer::train(Checkpoint at) {
  const Plan& plan = options_.plan;
  const TimeUs step_time = kMs << world_.random.below(10);
  const auto checkpoint_every = static_cast<std::uint64_t>(world_.random.between(2, 12));
  while (at.step + 1 < plan.steps) {
    co_await process_.pause(step_time);
    if (stopping_) {
      if (at.step >= 0) {
        barrier(at.step);
        co_await write_checkpoint(at);
      }
      sync();
      end_ = agent::ProcessEnd{kExitStopped, 0};
      co_return;
    }
    at = {at.step + 1, model_.grow(at.state)};
    co_await record_step(at.step, at.state);
    const bool last = at.step + 1 == plan.steps;
    if (last || world_.random.one_in(checkpoint_every)) {
      barrier(at.step);
      co_await write_checkpoint(at);
    } else if ((at.step + 1) % plan.accuracy_every == 0) {
      barrier(at.step);
    }
    if (world_.is_stormy() && world_.random.one_in(1000))
      throw Error(Code::kInternal, "the training has failed");
  }
  append_end(R"({"end":{"state":"RUN_STATE_SUCCEEDED"}})");
  end_ = agent::ProcessEnd{0, 0};
}

Task<> Trainer::record_step(Step step, State state) {
  for (const std::string& key : options_.plan.series_at(step)) {
    if (key == kMatrix) {
      spool::Matrix matrix{step, world_.now(), key, 1, 1, std::string(kCellBytes, '\0')};
      const auto mean = static_cast<float>(state);
      std::memcpy(matrix.planes.data(), &mean, sizeof mean);
      append(spool::Kind::kMatrix, spool::encode(matrix));
    } else {
      append(spool::Kind::kScalars,
             spool::encode(spool::Scalars{step, world_.now(), {{key, static_cast<double>(state)}}}));
    }
    co_await yield();
  }
}

void Trainer::barrier(Step step) {
  barrier_ = append_json(json{{"barrier", {{"step", std::to_string(step)}}}}.dump());
  sync();
}

void Trainer::append_end(const std::string& text) {
  synced_ = world_.now();  // not in between
  append_json(text);
  ended_ = true;
  sync();
}

void Trainer::sync() {
  spool_->sync();
  synced_ = world_.now();
}

std::uint64_t Trainer::append(spool::Kind kind, const std::string& payload) {
  // The machine may die when the record is there already.
  model_.recorded(options_.run, options_.attempt, spool_->last_number() + 1, kind, payload);
  try {
    spool_->append(kind, payload);
  } catch (const Error&) {
    model_.not_recorded(options_.run, options_.attempt);
    throw;
  }
  if (world_.now() - synced_ >= kSyncPeriod) sync();
  return spool_->last_number();
}

void Trainer::fail(const std::string& why) {
  end_ = agent::ProcessEnd{kExitFailed, 0};
  try {
    if (!spool_ || ended_) return;
    spool_->lift_limit();
    append_end(json{
        {"end",
         {{"state", "RUN_STATE_FAILED"}, {"reason", {{"kind", "REASON_KIND_EXCEPTION"}, {"message", why}}}}}}
                   .dump());
  } catch (const Error&) {  // its exit status says it
  }
}

// Under another name, flushed and renamed; then the folder.
Task<> Trainer::write_checkpoint(Checkpoint checkpoint) {
  std::string text = std::to_string(checkpoint.step) + ' ' + std::to_string(checkpoint.state) + ' ' +
                     std::string(world_.random.below(2000), '.');
  text += ' ' + std::to_string(spool::crc32c(text));
  const auto path = options_.folder / ("checkpoint-" + std::to_string(checkpoint.step) + "-" +
                                       std::to_string(barrier_) + ".ckpt");
  const std::filesystem::path fresh = path.string() + ".tmp";
  {
    const auto file = files_.open(fresh, spool::Files::Mode::kCreate);
    file->truncate(0);
    file->write(0, text);
    co_await yield();
    file->sync();
  }
  co_await yield();
  files_.rename(fresh, path);
  files_.sync_folder(options_.folder);
}

std::optional<Trainer::Checkpoint> Trainer::read_checkpoint() const {
  const auto text = spool::read_text(files_, options_.way->checkpoint.path);
  // A disk may damage what it has.
  if (!text || (world_.is_stormy() && world_.random.one_in(30))) return std::nullopt;
  const auto end = text->rfind(' ');
  if (end == std::string::npos ||
      text->substr(end + 1) != std::to_string(spool::crc32c(text->substr(0, end))))
    return std::nullopt;
  Checkpoint checkpoint;
  std::istringstream(*text) >> checkpoint.step >> checkpoint.state;
  return checkpoint;
}

}  // namespace hooke::simulation
