#include "server/query/pairs.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "server/query/find.h"
#include "server/query/values.h"
#include "server/storage/attempts.h"

namespace hooke::query {
namespace {

using storage::Snapshot;

storage::Series find_pairs(Snapshot& snapshot, const storage::Run& run, const std::string& key) {
  auto series = storage::find_series(snapshot, run.id, key);
  if (series && series->declaration.kind == storage::SeriesKind::kPairs) return *std::move(series);
  if (series) throw invalid("key", key + " is no table of pairs; GetSeries and GetInfluence read it");
  std::vector<std::string> has;
  for (const auto& one : storage::series_of(snapshot, run.id))
    if (one.declaration.kind == storage::SeriesKind::kPairs) has.push_back(one.declaration.key);
  throw Error(Code::kNotFound,
              "run " + run.run_id + " has no pairs '" + key + "'; " +
                  (has.empty() ? "it has kept none (probes.keep_pairs)" : "it has " + list_of(has)),
              "key");
}

Error no_table(Snapshot& snapshot, const storage::Series& series, Step wanted) {
  const auto steps = storage::pairs_steps(snapshot, series);
  const auto nearest = std::min_element(steps.begin(), steps.end(), [&](Step a, Step b) {
    return std::abs(a - wanted) < std::abs(b - wanted);
  });
  return Error(Code::kNotFound,
               series.declaration.key + " has no table at step " + std::to_string(wanted) + "; it has " +
                   std::to_string(steps.size()) + " from " + std::to_string(steps.front()) + " to " +
                   std::to_string(steps.back()) + ", the nearest " + std::to_string(*nearest),
               "step");
}

// Where a page begins: "STEP:ROW", so that a run which goes on does not change the table in between.
struct PairsPageStart {
  Step step = 0;
  std::int32_t row = 0;
};

PairsPageStart parse_pairs_page_token(const std::string& token, std::size_t probes) {
  PairsPageStart start;
  const char* end = token.data() + token.size();
  const auto step = std::from_chars(token.data(), end, start.step);
  if (step.ec == std::errc() && step.ptr != end && *step.ptr == ':') {
    const auto row = std::from_chars(step.ptr + 1, end, start.row);
    if (row.ec == std::errc() && row.ptr == end && start.row > 0 &&
        static_cast<std::size_t>(start.row) < probes)
      return start;
  }
  throw invalid("page_token", "'" + token + "' is not from an answer to the same request");
}

// The probes as the run's newest attempt drew them; none where its provenance does not say.
void fill_probes(Snapshot& snapshot, const storage::Run& run, v1::GetPairsResponse& response) {
  v1::Provenance provenance;
  const std::string json = storage::provenance_json(snapshot, run.id);
  if (json.empty() || !google::protobuf::util::JsonStringToMessage(json, &provenance).ok()) return;
  *response.mutable_probes() = std::move(*provenance.mutable_probes());
}

}  // namespace

std::string pairs_key(const std::string& measure_key) {
  return measure_key + ".pairs";
}

analysis::PairTable read_pair_table(Snapshot& snapshot, const storage::Series& series, Step step) {
  const auto& declaration = series.declaration;
  analysis::PairTable table;
  table.classes = declaration.class_names.size();
  table.per_class = static_cast<std::size_t>(declaration.per_class);
  table.self_pairs = declaration.eligible.front() ==
                     static_cast<std::int64_t>(declaration.per_class) * declaration.per_class;
  const std::size_t probes = table.probes();
  const auto blocks = storage::read_pairs(snapshot, series, step);
  if (blocks.empty()) throw no_table(snapshot, series, step);
  const bool each = std::any_of(blocks.begin(), blocks.end(), [&](const auto& block) {
    return block.denominators.size() != probes * sizeof(float);
  });
  for (const auto& block : blocks) {
    const auto rows = analysis::decode_floats(block.numerators);
    table.numerators.insert(table.numerators.end(), rows.begin(), rows.end());
    if (!each && !table.denominators.empty()) continue;
    const auto below = analysis::decode_floats(block.denominators);
    table.denominators.insert(table.denominators.end(), below.begin(), below.end());
  }
  const std::size_t whole = probes * probes;
  if (table.numerators.size() != whole || table.denominators.size() != (each ? whole : probes))
    throw Error(Code::kDataLoss,
                "the table of " + declaration.key + " at step " + std::to_string(step) + " is not whole");
  return table;
}

v1::GetPairsResponse get_pairs(Snapshot& snapshot, const v1::GetPairsRequest& request) {
  const auto run = find_run(snapshot, request.run(), "run");
  const auto series = find_pairs(snapshot, run, request.key());
  const auto& declaration = series.declaration;
  if (series.progress.count == 0)
    throw Error(Code::kFailedPrecondition, declaration.key + " has no table yet");
  const std::size_t probes = declaration.class_names.size() * static_cast<std::size_t>(declaration.per_class);
  PairsPageStart start{request.has_step() ? request.step() : series.progress.last_step, 0};
  if (!request.page_token().empty()) start = parse_pairs_page_token(request.page_token(), probes);

  const std::size_t most = std::max<std::size_t>(1, kMostPairsPerAnswer / probes);
  const auto blocks = storage::read_pairs(snapshot, series, start.step, start.row, most);
  if (blocks.empty()) throw no_table(snapshot, series, start.step);
  v1::GetPairsResponse response;
  response.set_key(declaration.key);
  response.set_description(declaration.description);
  response.set_step(start.step);
  response.mutable_class_names()->Add(declaration.class_names.begin(), declaration.class_names.end());
  response.set_per_class(declaration.per_class);
  response.set_first_row(start.row);
  if (start.row == 0) fill_probes(snapshot, run, response);
  const std::size_t last = std::min(probes, static_cast<std::size_t>(start.row) + most);
  for (const auto& block : blocks) {
    const auto first_row = static_cast<std::size_t>(block.first_row),
               rows = static_cast<std::size_t>(block.rows);
    const std::size_t from = std::max(first_row, static_cast<std::size_t>(start.row)) - first_row;
    const std::size_t to = std::min(first_row + rows, last) - first_row;
    const auto above = analysis::decode_floats(block.numerators);
    const auto below = analysis::decode_floats(block.denominators);
    for (std::size_t row = from; row < to; ++row) {
      const auto* numerators = above.data() + row * probes;
      const auto* denominators = below.data() + (below.size() == probes ? 0 : row * probes);
      response.mutable_numerators()->Add(numerators, numerators + probes);
      response.mutable_denominators()->Add(denominators, denominators + probes);
    }
  }
  if (last < probes) response.set_next_page_token(std::to_string(start.step) + ":" + std::to_string(last));
  return response;
}

}  // namespace hooke::query
