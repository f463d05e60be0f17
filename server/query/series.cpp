#include "server/query/series.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "server/query/drawing.h"
#include "server/query/find.h"
#include "server/query/paging.h"
#include "server/query/run_means.h"
#include "server/query/values.h"

namespace hooke::query {
namespace {

using storage::Snapshot;
using storage::StepRange;

constexpr int kDefaultSeriesPage = 1000;
constexpr int kLargestSeriesPage = 10'000;

// Where a page begins: with this key, at this step.
struct SeriesPageStart {
  std::size_t key = 0;
  std::optional<Step> step;
};

template <class Number>
bool parse(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

SeriesPageStart parse_series_page_token(const std::string& token, std::size_t keys) {
  if (token.empty()) return {};
  const auto colon = token.find(':');
  SeriesPageStart start;
  Step step = 0;
  if (colon == std::string::npos || !parse(std::string_view(token).substr(0, colon), start.key) ||
      !parse(std::string_view(token).substr(colon + 1), step) || start.key >= keys)
    throw invalid("page_token", "'" + token + "' is not from an answer to the same request");
  start.step = step;
  return start;
}

StepRange range_of(const v1::GetSeriesRequest& request) {
  StepRange range;
  if (request.has_from_step()) range.from = std::max<Step>(request.from_step(), 0);
  if (request.has_to_step()) range.to = request.to_step();
  if (request.has_from_step() && request.has_to_step() && request.from_step() > request.to_step())
    throw invalid("from_step", std::to_string(request.from_step()) + " is after to_step, " +
                                   std::to_string(request.to_step()));
  return range;
}

void check_question(const v1::GetSeriesRequest& request) {
  if (request.keys().empty()) throw invalid("keys", "at least one is needed, as in train/loss");
  if (request.keys_size() > kMostKeys)
    throw invalid("keys", std::to_string(request.keys_size()) + " are too many; at most " +
                              std::to_string(kMostKeys) + " at a time");
  const int most = kMostPointsPerAnswer / request.keys_size();
  if (request.points() < 0 || request.points() > most)
    throw invalid("points", std::to_string(request.points()) + " is not allowed; from 1 to " +
                                std::to_string(most) + " for this many keys, or 0 for all of them in pages");
  if (!request.run().empty() && !request.runs().empty()) throw invalid("runs", "of run and runs, give one");
  if (request.points() > 0 && !request.page_token().empty())
    throw invalid("page_token", "goes with points = 0; a downsampled answer has no pages");
}

// What is asked: the series of one run, or those of several for their mean.
struct Sources {
  std::vector<storage::Run> runs;
  bool mean = false;
};

Sources sources_of(Snapshot& snapshot, const v1::GetSeriesRequest& request) {
  if (!request.runs().empty())
    return {find_all_runs(snapshot, {request.runs().begin(), request.runs().end()}, "runs"), true};
  if (request.run().empty())
    return {{find_run(snapshot, request.run(), "run")}, false};  // says what is missing
  const Parent parent = find_parent(snapshot, request.run(), "run");
  if (parent.experiment && parent.runs.empty())
    throw Error(Code::kFailedPrecondition, "experiment " + parent.experiment->name + " has no runs", "run");
  return {parent.runs, parent.experiment.has_value()};
}

// A key that was asked for, in each run that has it.
struct AskedSeries {
  std::vector<Source> sources;
  bool mean = false;

  std::int64_t count(Snapshot& snapshot, StepRange range) const {
    return count_means(snapshot, sources, range);
  }
  Means draw(Snapshot& snapshot, StepRange range, std::size_t points) const {
    if (mean) return draw_means(snapshot, sources, range, points);
    return {read_drawing(snapshot, sources.front(), range, points), {}, {}};
  }
  // The first values, with what comes next.
  Means read(Snapshot& snapshot, StepRange range, std::size_t limit) const {
    // So that a page of many runs takes no more memory than one of one.
    if (mean) return read_means(snapshot, sources, range, std::max<std::size_t>(1, limit / sources.size()));
    // One more than fits tells whether, and where, there is another page.
    Means page{read_values(snapshot, sources.front(), range, limit + 1), {}, {}};
    if (page.values.step.size() <= limit) return page;
    page.next = page.values.step[limit];
    page.values.step.resize(limit);
    page.values.value.resize(limit);
    if (!page.values.sd.empty()) page.values.sd.resize(limit);
    return page;
  }
};

void fill_column(v1::SeriesColumn& column, const Means& means) {
  const Values& values = means.values;
  column.mutable_step()->Add(values.step.begin(), values.step.end());
  column.mutable_value()->Add(values.value.begin(), values.value.end());
  column.mutable_sd()->Add(values.sd.begin(), values.sd.end());
  column.mutable_runs()->Add(means.runs.begin(), means.runs.end());
}

// All points, key after key, as many as fit in one answer.
void fill_page(Snapshot& snapshot, const std::vector<AskedSeries>& asked, StepRange range,
               const SeriesPageStart& start, v1::GetSeriesResponse& response) {
  std::size_t left = kMostPointsPerAnswer;
  for (std::size_t k = start.key; k < asked.size(); ++k) {
    StepRange rest = range;
    if (k == start.key && start.step) rest.from = std::max(rest.from, *start.step);
    const Means page = asked[k].read(snapshot, rest, left);
    fill_column(*response.mutable_columns(static_cast<int>(k)), page);
    if (page.next) {
      response.set_next_page_token(std::to_string(k) + ":" + std::to_string(*page.next));
      return;
    }
    left -= page.values.step.size();
  }
}

}  // namespace

v1::SeriesInfo series_info(const storage::Series& series) {
  const auto& declaration = series.declaration;
  const auto& progress = series.progress;
  v1::SeriesInfo info;
  info.set_key(declaration.key);
  info.set_kind(static_cast<v1::SeriesKind>(declaration.kind));
  info.set_count(progress.count);
  if (progress.count > 0) {
    info.set_first_step(progress.first_step);
    info.set_last_step(progress.last_step);
    if (declaration.kind == storage::SeriesKind::kScalar) info.set_last_value(progress.last_value);
  }
  info.mutable_class_names()->Add(declaration.class_names.begin(), declaration.class_names.end());
  info.set_description(declaration.description);
  info.set_per_class(declaration.per_class);
  return info;
}

v1::ListSeriesResponse list_series(Snapshot& snapshot, const v1::ListSeriesRequest& request) {
  if (request.page_size() < 0)
    throw invalid("page_size", std::to_string(request.page_size()) + " is not allowed; 0 or more");
  const auto run = find_run(snapshot, request.run(), "run");
  const int size =
      request.page_size() == 0 ? kDefaultSeriesPage : std::min(request.page_size(), kLargestSeriesPage);
  const auto page = storage::list_series(snapshot, run.id, request.prefix(),
                                         {static_cast<std::size_t>(size), request.page_token()});
  v1::ListSeriesResponse response;
  std::size_t bytes = 0;
  for (const auto& series : page.items) {
    if (bytes >= kLargeAnswerBytes) {
      response.set_next_page_token(response.series().rbegin()->key());
      return response;
    }
    auto* info = response.add_series();
    *info = series_info(series);
    bytes += info->ByteSizeLong();
  }
  response.set_next_page_token(page.next);
  return response;
}

v1::GetSeriesResponse get_series(Snapshot& snapshot, const v1::GetSeriesRequest& request) {
  check_question(request);
  const StepRange range = range_of(request);
  const Sources sources = sources_of(snapshot, request);
  std::vector<AskedSeries> asked;
  for (const std::string& key : request.keys())
    asked.push_back({resolve_in_runs(snapshot, sources.runs, key), sources.mean});
  const SeriesPageStart start = parse_series_page_token(request.page_token(), asked.size());
  v1::GetSeriesResponse response;
  for (int k = 0; k < request.keys_size(); ++k) {
    auto* column = response.add_columns();
    column->set_key(request.keys(k));
    const AskedSeries& one = asked[static_cast<std::size_t>(k)];
    column->set_count(one.count(snapshot, range));
    if (request.points() > 0)
      fill_column(*column, one.draw(snapshot, range, static_cast<std::size_t>(request.points())));
  }
  if (request.points() == 0) fill_page(snapshot, asked, range, start, response);
  return response;
}

}  // namespace hooke::query
