#include "server/query/values.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace hooke::query {
namespace {

using analysis::Cells;
using analysis::Figure;
using storage::SeriesKind;
using storage::Snapshot;
using storage::StepRange;

constexpr std::size_t kListed = 20;  // names in an error
constexpr std::size_t kMatricesAtOnce = 256;

std::size_t class_number(const storage::Series& series, const std::string& name) {
  const auto& names = series.declaration.class_names;
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end())
    throw Error(Code::kNotFound,
                series.declaration.key + " has no class '" + name + "'; it has " + list_of(names), "keys");
  return static_cast<std::size_t>(found - names.begin());
}

// Another kind of series than the key needs.
Error wrong_kind(const analysis::SeriesKey& key) {
  if (key.figure == Figure::kStored)
    return invalid("keys", key.stored + " is a matrix; ask for an entry, as in " + key.stored +
                               "[RESPONDING,UPDATED], or for a figure, as in " + key.stored + ".dominance");
  return invalid("keys", key.stored + " is not a matrix: it has neither entries nor figures");
}

Error unknown_series(Snapshot& snapshot, const storage::Run& run, const std::string& key) {
  std::vector<std::string> keys;
  for (const auto& series : storage::series_of(snapshot, run.id)) keys.push_back(series.declaration.key);
  const std::string has = keys.empty() ? "it has none yet" : "it has " + list_of(keys);
  return Error(Code::kNotFound, "run " + run.run_id + " has no series '" + key + "'; " + has, "keys");
}

double figure_of(const Source& source, const Cells& cells) {
  const auto matrix = analysis::plane_of(cells, source.key.plane);
  switch (source.key.figure) {
    case Figure::kDominance:
      return analysis::dominance(matrix, cells.classes);
    case Figure::kDominanceRatio:
      return analysis::dominance_ratio(matrix, cells.classes);
    case Figure::kSelectivity:
      return analysis::selectivity(matrix, cells.classes, source.updated);
    case Figure::kAsymmetry:
      return analysis::asymmetry(matrix, cells.classes);
    case Figure::kEntry:
      return matrix[source.responding * cells.classes + source.updated];
    case Figure::kStored:
      break;
  }
  throw Error(Code::kInternal, "a stored series has no figure");
}

}  // namespace

std::string list_of(const std::vector<std::string>& names) {
  std::string list;
  for (std::size_t i = 0; i < std::min(names.size(), kListed); ++i) list += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > kListed) list += " and " + std::to_string(names.size() - kListed) + " more";
  return list;
}

Source resolve(Snapshot& snapshot, const storage::Run& run, std::string_view text) {
  // A stored name is a key whatever it looks like: an imported series may be called "x.dominance".
  if (auto stored = storage::find_series(snapshot, run.id, text);
      stored && stored->declaration.kind == SeriesKind::kScalar)
    return {*std::move(stored), {std::string(text), Figure::kStored, analysis::Plane::kMean, {}, {}}};
  Source source;
  source.key = analysis::parse_series_key(text);
  auto series = storage::find_series(snapshot, run.id, source.key.stored);
  if (!series) throw unknown_series(snapshot, run, source.key.stored);
  source.series = *std::move(series);
  if (source.series.declaration.kind == SeriesKind::kPairs)
    throw invalid("keys", source.key.stored +
                              " is a table of raw pairs, not a series of values; GetPairs "
                              "has it, a step at a time");
  const bool matrix = source.series.declaration.kind == SeriesKind::kMatrix;
  if (matrix != (source.key.figure != Figure::kStored)) throw wrong_kind(source.key);
  if (source.key.figure == Figure::kEntry)
    source.responding = class_number(source.series, source.key.responding);
  if (source.key.figure == Figure::kEntry || source.key.figure == Figure::kSelectivity)
    source.updated = class_number(source.series, source.key.updated);
  return source;
}

void for_each_measurement(Snapshot& snapshot, const storage::Series& series, StepRange range,
                          std::size_t limit, const std::function<void(Step, const Cells&)>& each) {
  const auto& declaration = series.declaration;
  std::size_t left = limit;
  while (left > 0 && range.from <= range.to) {
    const std::size_t wanted = std::min(left, kMatricesAtOnce);
    const auto matrices = storage::read_matrices(snapshot, series.id, range, wanted);
    for (const auto& matrix : matrices)
      each(matrix.step,
           analysis::decode_cells(matrix.planes, declaration.class_names.size(), declaration.eligible));
    if (matrices.size() < wanted || matrices.back().step == range.to) return;
    range.from = matrices.back().step + 1;
    left -= matrices.size();
  }
}

Values read_values(Snapshot& snapshot, const Source& source, StepRange range, std::size_t limit) {
  Values values;
  if (source.key.figure == Figure::kStored) {
    auto column = storage::read_scalars(snapshot, source.series.id, range, limit);
    values.step = std::move(column.step);
    values.value = std::move(column.value);
    return values;
  }
  const bool with_sd = source.key.figure == Figure::kEntry && source.key.plane == analysis::Plane::kMean;
  for_each_measurement(snapshot, source.series, range, limit, [&](Step step, const Cells& cells) {
    values.step.push_back(step);
    values.value.push_back(figure_of(source, cells));
    if (with_sd) values.sd.push_back(cells.at(source.responding, source.updated).sd);
  });
  return values;
}

Values read_last_value(Snapshot& snapshot, const Source& source, StepRange range) {
  const SeriesId series = source.series.id;
  const auto last = source.key.figure == Figure::kStored
                        ? storage::last_scalar_step(snapshot, series, range.to)
                        : storage::last_common_matrix_step(snapshot, {series}, range.to);
  if (!last || *last < range.from) return {};
  return read_values(snapshot, source, {*last, *last});
}

}  // namespace hooke::query
