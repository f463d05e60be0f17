#include "server/query/subjects.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <optional>

#include "server/analysis/bootstrap.h"
#include "server/query/measures.h"
#include "server/query/pairs.h"
#include "server/query/phases.h"
#include "server/query/values.h"

namespace hooke::query {
namespace {

using analysis::Cells;
using storage::Snapshot;
using storage::StepRange;

constexpr std::size_t kNearest = 4;  // steps in an error
// Over all steps: what a bootstrap reads. A thousand resamples of as many take some ten seconds.
constexpr std::size_t kMostPairsDrawn = 1 << 24;

std::vector<storage::Series> matrices_of(Snapshot& snapshot, const storage::Run& run) {
  auto all = storage::series_of(snapshot, run.id);
  std::erase_if(all, [](const storage::Series& series) {
    return series.declaration.kind != storage::SeriesKind::kMatrix || series.progress.count == 0;
  });
  return all;
}

const storage::Series* series_of_key(const std::vector<storage::Series>& all, const std::string& key) {
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto& series) { return series.declaration.key == key; });
  return found == all.end() ? nullptr : &*found;
}

// The measure asked for, or the first of the configuration that has a matrix.
std::string choose_measure(const v1::InfluenceSide& side, const storage::Run& run,
                           const std::vector<storage::Series>& matrices) {
  if (!side.measure().empty()) return side.measure();
  for (const std::string& measure : measures_of(run))
    if (series_of_key(matrices, measure_key(measure, "")) != nullptr) return measure;
  throw Error(Code::kNotFound, "run " + run.run_id + " has no class-by-class measure", "measure");
}

Error no_such_series(const storage::Run& run, const std::string& measure, const std::string& update,
                     const std::vector<storage::Series>& matrices) {
  const bool measured = series_of_key(matrices, measure_key(measure, "")) != nullptr;
  std::vector<std::string> has;
  const std::string prefix = measured ? measure_key(measure, "") + "@" : measure_key("", "");
  for (const auto& series : matrices) {
    const std::string& key = series.declaration.key;
    if (key.starts_with(prefix) && (measured || key.find('@') == std::string::npos))
      has.push_back(key.substr(prefix.size()));
  }
  if (measured)
    return Error(Code::kNotFound,
                 "run " + run.run_id + " has no update '" + update + "' of " + measure +
                     "; beside the first it has " + (has.empty() ? "none" : list_of(has)),
                 "update");
  return Error(Code::kNotFound,
               "run " + run.run_id + " has no measure '" + measure + "'; it has " + list_of(has), "measure");
}

std::optional<Subject> find_subject(Snapshot& snapshot, const storage::Run& run, std::string& measure,
                                    const v1::InfluenceSide& side) {
  const auto matrices = matrices_of(snapshot, run);
  if (matrices.empty()) return std::nullopt;
  if (measure.empty()) measure = choose_measure(side, run, matrices);
  const auto* series = series_of_key(matrices, measure_key(measure, side.update()));
  if (series == nullptr) {
    // The first update's series carry no name, whether it has one or not.
    const auto updates = updates_of(run);
    if (!updates.empty() && updates.front() == side.update())
      series = series_of_key(matrices, measure_key(measure, ""));
  }
  if (series == nullptr) throw no_such_series(run, measure, side.update(), matrices);
  return Subject{run, *series, {}};
}

// The steps that all subjects have.
std::vector<Step> common_steps(Snapshot& snapshot, const std::vector<Subject>& subjects, StepRange range) {
  std::vector<Step> common;
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    const auto steps = storage::matrix_steps(snapshot, subjects[i].series.id, range);
    if (i == 0) {
      common = steps;
      continue;
    }
    std::vector<Step> both;
    std::set_intersection(common.begin(), common.end(), steps.begin(), steps.end(), std::back_inserter(both));
    common = std::move(both);
  }
  return common;
}

std::string describe_steps(const std::vector<Step>& steps, Step wanted) {
  if (steps.empty()) return "there is none that all runs have";
  std::vector<Step> nearest = steps;
  std::stable_sort(nearest.begin(), nearest.end(),
                   [&](Step a, Step b) { return std::abs(a - wanted) < std::abs(b - wanted); });
  nearest.resize(std::min(nearest.size(), kNearest));
  std::sort(nearest.begin(), nearest.end());
  std::string list;
  for (const Step step : nearest) list += (list.empty() ? "" : ", ") + std::to_string(step);
  return "there are " + std::to_string(steps.size()) + " from " + std::to_string(steps.front()) + " to " +
         std::to_string(steps.back()) + ", the nearest " + list;
}

std::vector<Step> one_step(Snapshot& snapshot, const std::vector<Subject>& subjects,
                           std::optional<Step> wanted) {
  if (!wanted) {
    std::vector<SeriesId> ids;
    for (const auto& subject : subjects) ids.push_back(subject.series.id);
    if (const auto last = storage::last_common_matrix_step(snapshot, ids)) return {*last};
    throw Error(Code::kFailedPrecondition, "the runs have no step in common at which they were measured");
  }
  const auto at = common_steps(snapshot, subjects, {*wanted, *wanted});
  if (!at.empty()) return at;
  throw Error(Code::kNotFound,
              "no measurement at step " + std::to_string(*wanted) + "; " +
                  describe_steps(common_steps(snapshot, subjects, {}), *wanted),
              "step");
}

std::vector<Step> window_steps(Snapshot& snapshot, const std::vector<Subject>& subjects, StepRange range) {
  auto steps = common_steps(snapshot, subjects, range);
  if (steps.empty())
    throw Error(
        Code::kNotFound,
        "no measurement in the window; " + describe_steps(common_steps(snapshot, subjects, {}), range.from),
        "from_step");
  return steps;
}

// The window of a phase, from the run's default series.
StepRange phase_range(const RunSeries& series, const storage::Run& run, int number) {
  const auto phases = analysis::find_phases(series.step, series.value, series.sd, {});
  if (number > std::ssize(phases.segments))
    throw Error(Code::kNotFound,
                "run " + run.run_id + " has no phase " + std::to_string(number) + "; " + series.key +
                    " has " + std::to_string(phases.segments.size()),
                "phase");
  const auto& segment = phases.segments[static_cast<std::size_t>(number - 1)];
  return {segment.from, segment.to};
}

}  // namespace

void check(const v1::InfluenceSide& side) {
  const bool window = side.has_from_step() || side.has_to_step();
  if (side.has_step() + window + side.has_phase() > 1)
    throw invalid("step", "of a step, a window (from_step, to_step) and a phase, ask for one");
  if (side.has_from_step() && side.has_to_step() && side.from_step() > side.to_step())
    throw invalid("from_step",
                  std::to_string(side.from_step()) + " is after to_step, " + std::to_string(side.to_step()));
  if (side.has_phase() && side.phase() < 1)
    throw invalid("phase", std::to_string(side.phase()) + " is not allowed; phases are numbered from 1");
}

std::vector<Subject> find_subjects(Snapshot& snapshot, const Parent& parent, std::string& measure,
                                   const v1::InfluenceSide& side) {
  if (parent.runs.empty()) throw Error(Code::kFailedPrecondition, "the experiment has no runs");
  std::vector<Subject> subjects;
  for (const auto& run : parent.runs)
    if (auto subject = find_subject(snapshot, run, measure, side)) subjects.push_back(*std::move(subject));
  if (subjects.empty()) {
    const auto& first = parent.runs.front();
    throw Error(Code::kFailedPrecondition,
                parent.experiment ? "no run of experiment " + parent.experiment->name +
                                        " has a class-by-class measurement yet"
                                  : "run " + first.run_id + " (" + storage::name_of(first.state) +
                                        ") has no class-by-class measurement yet");
  }
  for (const auto& subject : subjects) {
    if (subject.series.declaration.class_names != subjects.front().series.declaration.class_names)
      throw Error(Code::kFailedPrecondition, "runs " + subjects.front().run.run_id + " and " +
                                                 subject.run.run_id +
                                                 " have different classes; ask for one run at a time");
  }
  return subjects;
}

bool says_when(const v1::InfluenceSide& side) {
  return side.has_step() || side.has_from_step() || side.has_to_step() || side.has_phase();
}

void choose_steps(Snapshot& snapshot, std::vector<Subject>& subjects, const v1::InfluenceSide& side) {
  if (side.has_phase()) {
    // Every run has phases of its own.
    for (auto& subject : subjects) {
      const auto series = read_phase_series(snapshot, subject.run, "");
      const auto range = phase_range(series, subject.run, side.phase());
      subject.steps = window_steps(snapshot, {subject}, range);
    }
    return;
  }
  std::vector<Step> steps;
  if (side.has_from_step() || side.has_to_step()) {
    StepRange range;
    if (side.has_from_step()) range.from = side.from_step();
    if (side.has_to_step()) range.to = side.to_step();
    steps = window_steps(snapshot, subjects, range);
  } else {
    steps = one_step(snapshot, subjects, side.has_step() ? std::optional<Step>(side.step()) : std::nullopt);
  }
  for (auto& subject : subjects) subject.steps = steps;
}

Cells cells_of(Snapshot& snapshot, const Subject& subject) {
  const StepRange range{subject.steps.front(), subject.steps.back()};
  analysis::Average average;
  Cells single;
  for_each_measurement(snapshot, subject.series, range, storage::kNoLimit,
                       [&](Step step, const Cells& cells) {
                         if (!std::binary_search(subject.steps.begin(), subject.steps.end(), step)) return;
                         if (subject.steps.size() == 1) single = cells;
                         average.add(cells);
                       });
  return subject.steps.size() == 1 ? single : average.result();
}

KeptPairs tables_of(Snapshot& snapshot, const Subject& subject) {
  const auto pairs =
      storage::find_series(snapshot, subject.run.id, pairs_key(subject.series.declaration.key));
  if (!pairs || pairs->declaration.kind != storage::SeriesKind::kPairs)
    return {{}, "run " + subject.run.run_id + " kept no pairs (probes.keep_pairs)"};
  const auto per_class = static_cast<std::size_t>(pairs->declaration.per_class);
  const std::size_t probes = per_class * pairs->declaration.class_names.size();
  if (per_class < analysis::kFewestProbes)
    return {{},
            "run " + subject.run.run_id + " has " + std::to_string(per_class) + " probes a class; " +
                std::to_string(analysis::kFewestProbes) + " are the fewest"};
  if (probes * probes * subject.steps.size() > kMostPairsDrawn)
    return {{},
            "run " + subject.run.run_id + " has more than " + std::to_string(kMostPairsDrawn) +
                " pairs over these steps; ask for fewer steps"};
  const auto kept = storage::pairs_steps(snapshot, *pairs, {subject.steps.front(), subject.steps.back()});
  if (!std::includes(kept.begin(), kept.end(), subject.steps.begin(), subject.steps.end()))
    return {{}, "run " + subject.run.run_id + " did not keep its pairs at all of these steps"};
  KeptPairs result;
  for (const Step step : subject.steps) result.tables.push_back(read_pair_table(snapshot, *pairs, step));
  return result;
}

}  // namespace hooke::query
