#include "server/query/phase_watch.h"

#include "server/query/find.h"
#include "server/query/values.h"

namespace hooke::query {
namespace {

constexpr double kGrowth = 1.1;

// Points stored of a series; absent while the run does not have it.
std::optional<std::int64_t> stored_points(storage::Snapshot& snapshot, const storage::Run& run,
                                          const std::string& asked) {
  try {
    const std::string key = asked.empty() ? default_phase_series(snapshot, run) : asked;
    return resolve(snapshot, run, key).series.progress.count;
  } catch (const Error& error) {
    if (error.code() == Code::kNotFound || error.code() == Code::kFailedPrecondition) return std::nullopt;
    throw;
  }
}

// Whether the later answer says something else than the one before.
bool says_otherwise(const v1::RunPhases& before, const v1::RunPhases& now) {
  if (before.verdict() != now.verdict() || before.transitions_size() != now.transitions_size()) return true;
  for (int i = 0; i < now.transitions_size(); ++i) {
    const auto& was = before.transitions(i);
    const double step = now.transitions(i).step();
    // Without resamples there is no interval, and any other place is a change.
    const bool within = was.step_low() <= step && step <= was.step_high();
    if (!within && step != was.step()) return true;
  }
  return false;
}

}  // namespace

void PhaseWatch::look(storage::Snapshot& snapshot, const storage::Run& run) {
  const bool ended = storage::is_final(run.state);
  for (const std::string& key : question_.series) {
    Judged& judged = judged_[{run.id, key}];
    if (judged.waiting) continue;
    const auto points = stored_points(snapshot, run, key);
    if (!points && !ended) continue;
    const std::int64_t now = points.value_or(0);
    const bool grown = now >= static_cast<std::int64_t>(analysis::kFewestPoints) &&
                       static_cast<double>(now) >= kGrowth * static_cast<double>(judged.points);
    if (!grown && now >= judged.points && ended == judged.ended) continue;
    judged.points = now;
    judged.ended = ended;
    judged.waiting = true;
    due_.emplace_back(run.id, key);
  }
}

std::optional<v1::RunPhases> PhaseWatch::answer(storage::Readers& readers) {
  const Name name = due_.front();
  due_.pop_front();
  Judged& judged = judged_.at(name);
  judged.waiting = false;
  v1::RunPhases phases;
  std::optional<storage::Run> run;
  try {
    std::optional<RunSeries> series;
    {
      auto snapshot = readers.snapshot();
      run = storage::find_run(snapshot, name.first);
      if (!run) return std::nullopt;  // deleted
      series = read_phase_series(snapshot, *run, name.second);
    }
    phases = answer_phases(*run, *series, question_.options);
  } catch (const Error& error) {
    // A live run may yet have enough; what is no answer for good is said.
    if (!judged.ended && error.code() != Code::kInvalidArgument) return std::nullopt;
    phases.set_run(resource_name(*run));
    phases.set_series(name.second);
    phases.add_remarks(error.what());
    if (judged.sent && judged.sent->remarks_size() == 1 && judged.sent->remarks(0) == phases.remarks(0))
      return std::nullopt;
  }
  if (!judged.ended && judged.sent && !says_otherwise(*judged.sent, phases)) return std::nullopt;
  judged.sent = phases;
  return phases;
}

}  // namespace hooke::query
