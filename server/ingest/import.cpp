#include "server/ingest/import.h"

#include "proto/hooke/run_config.h"
#include "server/ingest/limits.h"
#include "server/ingest/rules.h"
#include "server/ingest/series_cache.h"
#include "server/storage/digest.h"
#include "server/storage/experiments.h"
#include "server/storage/requests.h"

namespace hooke::ingest {
namespace {

constexpr const char* kImport = "import";
constexpr std::size_t kMaxIdBytes = 128;
// Points stored between two looks at whether the server stops.
constexpr std::size_t kPointsPerLook = 10'000;

Error too_many(const std::string& what, std::size_t limit) {
  return Error(Code::kResourceExhausted,
               "an import has at most " + std::to_string(limit) + " " + what + "; import it in parts");
}

// The run that the same request made before; absent: it is new.
std::optional<storage::Run> repeated(storage::Transaction& transaction, const std::string& request_id,
                                     const std::string& hash) {
  const auto before = storage::find_request(transaction, request_id);
  if (!before) return std::nullopt;
  if (before->kind != kImport || before->hash != hash)
    throw Error(Code::kAlreadyExists, "was used for another request; use a new UUID", "request_id");
  if (before->experiment)
    for (const RunId id : storage::runs_of(transaction, *before->experiment))
      return storage::find_run(transaction, id);
  throw Error(Code::kNotFound, "what this request imported was deleted");
}

}  // namespace

Import::Import(Importer& importer) : importer_(importer), now_(importer.clock_()) {
  if (++importer_.open_ <= kMaxImports) return;
  --importer_.open_;
  throw Error(Code::kResourceExhausted,
              std::to_string(kMaxImports) + " imports are going on already; try again later");
}

void Import::add(const v1::ImportSeriesRequest& request) {
  if (whole_) throw invalid("last", "a message has come after the last");
  const bool first = !begun_;
  begun_ = true;
  if (first) {
    name_ = request.experiment_id();
    request_id_ = request.request_id();
    source_ = request.source();
    check_name("experiment_id", name_);
    if (request_id_.empty() || request_id_.size() > kMaxIdBytes)
      throw invalid("request_id", "must have 1 to " + std::to_string(kMaxIdBytes) +
                                      " bytes; a UUID of the caller's own makes a repeated import harmless");
    if (source_.size() > kMaxSourceBytes)
      throw invalid("source", "is longer than " + std::to_string(kMaxSourceBytes) + " bytes");
  } else if (!request.experiment_id().empty() || !request.request_id().empty() || !request.source().empty()) {
    throw invalid("experiment_id", "experiment_id, request_id and source belong to the first message alone");
  }
  for (const auto& column : request.columns()) add_column(column);
  hash_ = storage::sha256(hash_ + request.SerializeAsString());
  whole_ = request.last();
}

void Import::add_column(const v1::ScalarColumn& column) {
  check_key(column.key());
  const int count = column.step_size();
  if (column.value_size() != count || (column.time_us_size() != 0 && column.time_us_size() != count))
    throw invalid("columns", place(column.key()) + ": " + std::to_string(count) + " steps, " +
                                 std::to_string(column.value_size()) + " values and " +
                                 std::to_string(column.time_us_size()) + " times are not parallel");
  points_ += count;
  if (points_ > static_cast<std::int64_t>(kMaxImportPoints)) throw too_many("points", kMaxImportPoints);
  Column& to = columns_[column.key()];
  if (columns_.size() > kMaxSeries) throw too_many("series", kMaxSeries);
  Step last = to.step.empty() ? -1 : to.step.back();
  for (const Step step : column.step()) {
    check_step(place(column.key()), step);
    if (step <= last)
      throw invalid("columns", place(column.key(), step) + ": comes after step " + std::to_string(last) +
                                   "; steps strictly increase");
    last = step;
  }
  for (const TimeUs time_us : column.time_us()) check_time(place(column.key()), time_us);
  to.step.insert(to.step.end(), column.step().begin(), column.step().end());
  to.value.insert(to.value.end(), column.value().begin(), column.value().end());
  to.time_us.insert(to.time_us.end(), column.time_us().begin(), column.time_us().end());
  to.time_us.resize(to.step.size(), now_);
}

storage::Run Import::commit(const std::string& submitter) {
  if (!whole_) throw invalid("last", "the stream has ended before its last message; nothing is imported");
  if (points_ == 0) throw invalid("columns", "there is no point to import");
  return importer_.writer_.run(
      [&](storage::Transaction& transaction) { return store(transaction, submitter); });
}

storage::Run Import::store(storage::Transaction& transaction, const std::string& submitter) const {
  if (auto before = repeated(transaction, request_id_, hash_)) return *std::move(before);
  const auto experiment = storage::insert_experiment(transaction, {name_, submitter, {}, now_});
  storage::NewRun fresh;
  fresh.run_id = storage::free_run_id(transaction, importer_.random_);
  fresh.experiment = experiment.id;
  v1::RunConfig config;  // nothing is known of how it was trained
  config.set_name(experiment.name);
  fresh.config_json = canonical_json(config);
  fresh.submitter = submitter;
  fresh.create_us = now_;
  const RunId run = storage::insert_run(transaction, fresh);
  const Step last = store_points(transaction, run);
  storage::set_progress(transaction, run, {last, last + 1, now_});
  storage::StateChange succeeded;
  succeeded.state = storage::RunState::kSucceeded;
  succeeded.time_us = now_;
  storage::change_state(transaction, run, succeeded);
  storage::update_run_note(transaction, run, source_.empty() ? "imported" : "imported from " + source_);
  storage::insert_request(transaction, {request_id_, kImport, hash_, experiment.id, now_});
  transaction.changed({run, experiment.id, storage::kStateChanged | storage::kPointsChanged});
  return *storage::find_run(transaction, run);
}

// Returns the last step of all.
Step Import::store_points(storage::Transaction& transaction, RunId run) const {
  SeriesCache series;
  series.load(transaction, run);
  Step last = -1;
  std::size_t stored = 0;
  for (const auto& [key, column] : columns_) {
    if (column.step.empty()) continue;
    storage::SeriesDeclaration declaration;
    declaration.key = key;
    auto& entry = series.insert(transaction, declaration);
    for (std::size_t i = 0; i < column.step.size(); ++i) {
      if (++stored % kPointsPerLook == 0 && importer_.stopped_)
        throw Error(Code::kUnavailable, "the server is stopping; try again later");
      series.append_scalar(transaction, entry, column.step[i], column.time_us[i], column.value[i]);
    }
    last = std::max(last, column.step.back());
  }
  series.save(transaction);
  return last;
}

}  // namespace hooke::ingest
