#include "server/query/run_means.h"

#include <algorithm>
#include <limits>
#include <set>

#include "server/analysis/downsample.h"
#include "server/analysis/statistics.h"
#include "server/query/drawing.h"

namespace hooke::query {
namespace {

using storage::Snapshot;
using storage::StepRange;

// Of each run, so that a spike of one is not lost among many runs.
constexpr std::size_t kFewestPointsOfARun = 32;

bool covers(const Source& source, Step step) {
  const auto& progress = source.series.progress;
  return progress.count > 0 && progress.first_step <= step && step <= progress.last_step;
}

// Means at the steps up to `last`; `columns` are the runs' values, parallel to `sources`.
Means mean_of(const std::vector<Source>& sources, const std::vector<Values>& columns, Step last) {
  std::set<Step> steps;
  for (const Values& column : columns) steps.insert(column.step.begin(), column.step.end());
  std::vector<std::size_t> next(columns.size());
  Means means;
  std::vector<double> values;
  for (const Step step : steps) {
    if (step > last) break;
    values.clear();
    std::size_t wanted = 0;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      wanted += covers(sources[i], step);
      if (next[i] < columns[i].step.size() && columns[i].step[next[i]] == step)
        values.push_back(columns[i].value[next[i]++]);
    }
    if (values.size() < wanted) continue;
    means.values.step.push_back(step);
    means.values.value.push_back(analysis::mean(values));
    means.values.sd.push_back(analysis::standard_deviation(values));
    means.runs.push_back(static_cast<std::int32_t>(values.size()));
  }
  return means;
}

Values values_at(Snapshot& snapshot, const Source& source, const std::set<Step>& steps) {
  Values values;
  for (const Step step : steps) {
    if (!covers(source, step)) continue;
    const Values one = read_values(snapshot, source, {step, step});
    values.step.insert(values.step.end(), one.step.begin(), one.step.end());
    values.value.insert(values.value.end(), one.value.begin(), one.value.end());
  }
  return values;
}

Means thinned(const Means& means, std::size_t points) {
  const auto kept = analysis::downsample(means.values.value, points);
  Means thin;
  thin.values = {analysis::pick<Step>(means.values.step, kept),
                 analysis::pick<double>(means.values.value, kept),
                 analysis::pick<double>(means.values.sd, kept)};
  thin.runs = analysis::pick<std::int32_t>(means.runs, kept);
  return thin;
}

}  // namespace

std::vector<Source> resolve_in_runs(Snapshot& snapshot, const std::vector<storage::Run>& runs,
                                    std::string_view key) {
  std::vector<Source> sources;
  std::optional<Error> missing;
  for (const storage::Run& run : runs) {
    try {
      sources.push_back(resolve(snapshot, run, key));
    } catch (const Error& error) {
      if (error.code() != Code::kNotFound) throw;
      if (!missing) missing = error;
    }
  }
  if (sources.empty()) throw missing ? *missing : Error(Code::kFailedPrecondition, "there are no runs");
  return sources;
}

Means read_means(Snapshot& snapshot, const std::vector<Source>& sources, StepRange range, std::size_t limit) {
  std::vector<Values> columns;
  // As far as all have been read.
  Step last = range.to;
  bool more = false;
  for (const Source& source : sources) {
    columns.push_back(read_values(snapshot, source, range, limit));
    if (columns.back().step.size() < limit || columns.back().step.back() >= range.to) continue;
    more = true;
    last = std::min(last, columns.back().step.back());
  }
  Means means = mean_of(sources, columns, last);
  auto& values = means.values;
  if (values.step.size() > limit) {
    more = true;
    last = values.step[limit] - 1;
    values.step.resize(limit);
    values.value.resize(limit);
    values.sd.resize(limit);
    means.runs.resize(limit);
  }
  if (more) means.next = last + 1;
  return means;
}

std::int64_t count_means(Snapshot& snapshot, const std::vector<Source>& sources, StepRange range) {
  std::int64_t most = 0;
  for (const Source& source : sources) most = std::max(most, count_values(snapshot, source, range));
  return most;
}

Means draw_means(Snapshot& snapshot, const std::vector<Source>& sources, StepRange range,
                 std::size_t points) {
  if (count_means(snapshot, sources, range) <= static_cast<std::int64_t>(points))
    return read_means(snapshot, sources, range, storage::kNoLimit);
  const std::size_t each = std::max(kFewestPointsOfARun, points / sources.size());
  std::set<Step> steps;
  for (const Source& source : sources) {
    const Values drawn = read_drawing(snapshot, source, range, each);
    steps.insert(drawn.step.begin(), drawn.step.end());
  }
  std::vector<Values> columns;
  for (const Source& source : sources) columns.push_back(values_at(snapshot, source, steps));
  return thinned(mean_of(sources, columns, range.to), points);
}

}  // namespace hooke::query
