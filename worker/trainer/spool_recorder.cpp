#include "worker/trainer/spool_recorder.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <ostream>

#include "hooke_version.h"
#include "proto/hooke/error.h"
#include "proto/hooke/pairs.h"
#include "worker/trainer/pair_table.h"

namespace hooke::trainer {
namespace {

using nlohmann::json;

constexpr auto kSyncPeriod = std::chrono::seconds(1);

std::filesystem::path new_file(const std::filesystem::path& path) {
  if (std::filesystem::exists(path)) {
    throw Error(Code::kAlreadyExists, path.string() + " exists; give another folder, nothing is overwritten",
                "--out");
  }
  return path;
}

std::int64_t now_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

std::string host_name() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

std::string cpu_model() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    const auto colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

// Protocol buffers' JSON writes 64-bit integers as text.
std::string text(std::int64_t value) {
  return std::to_string(value);
}

json texts(const std::vector<std::int64_t>& values) {
  json result = json::array();
  for (const std::int64_t value : values) result.push_back(text(value));
  return result;
}

json provenance(const training::Facts& facts) {
  json probes = json::array(), checksums = json::object();
  for (std::size_t c = 0; c < facts.probes.size(); ++c) {
    probes.push_back({{"className", facts.class_names[c]}, {"datasetIndex", texts(facts.probes[c])}});
  }
  for (const auto& [file, checksum] : facts.data_checksums) {
    char hex[9];
    std::snprintf(hex, sizeof hex, "%08x", checksum);
    checksums[file] = hex;
  }
  return {{"hookeVersion", kVersion},
          {"gitCommit", kGitCommit},
          {"libtorchVersion", facts.libtorch_version},
          {"device", facts.device},
          {"cpu", cpu_model()},
          {"host", host_name()},
          {"threads", facts.measuring_threads},
          {"trainingThreads", facts.training_threads},
          {"dataPath", facts.data_path},
          {"trainExamples", texts(facts.train_examples)},
          {"testExamples", texts(facts.test_examples)},
          {"classNames", facts.class_names},
          {"probes", probes},
          {"parameters", text(facts.parameters)},
          {"seed", text(facts.seed)},
          {"dataChecksums", checksums}};
}

json declaration(const training::MatrixSeries& series) {
  return {{"key", series.key},
          {"kind", series.per_class > 0 ? "SERIES_KIND_PAIRS" : "SERIES_KIND_MATRIX"},
          {"classNames", series.class_names},
          {"eligible", texts(series.eligible)},
          {"description", series.description},
          {"perClass", series.per_class}};
}

// Little-endian, as they are in memory.
template <typename T>
void append_plane(std::string& planes, const std::vector<T>& values) {
  static_assert(sizeof(T) == 4 && std::endian::native == std::endian::little);
  planes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

}  // namespace

SpoolRecorder::SpoolRecorder(std::filesystem::path folder, std::string config, std::ostream& log,
                             spool::Writer::Options options)
    : folder_(std::move(folder)),
      config_(std::move(config)),
      log_(log),
      writer_(new_file(folder_ / spool::kFileName), options),
      synced_(Clock::now()) {}

void SpoolRecorder::start(const training::Facts& facts, const std::vector<training::MatrixSeries>& series) {
  for (const auto& of_class : facts.probes) probes_ += of_class.size();
  environment_ = {facts.libtorch_version, facts.device, cpu_model(), facts.training_threads};
  json begin = {{"totalSteps", text(facts.total_steps)}};
  std::optional<std::int64_t> resume_step = facts.resume_step;
  if (resumption_ && resumption_->resend) resume_step = resumption_->resend->server_step;
  if (resume_step) begin["resumeStep"] = text(*resume_step);
  if (offline_) {
    begin["offline"] = {{"uuid", offline_->uuid},
                        {"segment", offline_->segment},
                        {"predecessorLastRecord", std::to_string(offline_->predecessor_last_record)}};
  }
  append_json(json{{"attemptStart", begin}}.dump());
  append_json(json{{"provenance", provenance(facts)}}.dump());
  for (const training::MatrixSeries& one : series) {
    append_json(json{{"seriesDeclaration", declaration(one)}}.dump());
  }
  if (resumption_) {
    const std::string other = differences(resumption_->checkpoint.environment, environment_);
    if (!other.empty()) {
      log_ << "warning: resumed elsewhere, so the bits may differ from an undisturbed run's: " << other
           << std::endl;
    }
    if (resumption_->resend) resend(*resumption_->resend);
  }
  sync();
}

// Copies the values and barriers that the server lacks out of the old spool, then the checkpoint,
// which belongs to the last of them.
void SpoolRecorder::resend(const Resend& old) {
  barrier_ = trainer::resend(
      old, [this](spool::Kind kind, const std::string& payload) { return append(kind, payload); });
  sync();
  Checkpoint checkpoint = read_checkpoint(resumption_->file);
  checkpoint.record = barrier_;
  write_checkpoint(folder_, checkpoint);
}

void SpoolRecorder::scalars(std::int64_t step, const std::vector<std::pair<std::string, double>>& values) {
  append(spool::Kind::kScalars, spool::encode(spool::Scalars{step, now_us(), values}));
}

void SpoolRecorder::matrix(std::int64_t step, const std::string& key, const engine::Matrix& matrix) {
  const auto classes = static_cast<std::uint32_t>(matrix.classes);
  spool::Matrix record{step, now_us(), key, classes, classes, {}};
  append_plane(record.planes, matrix.mean);
  append_plane(record.planes, matrix.sd);
  append_plane(record.planes, matrix.ratio_of_means);
  append_plane(record.planes, matrix.skipped);
  append_plane(record.planes, matrix.nonfinite);
  append(spool::Kind::kMatrix, spool::encode(record));
}

void SpoolRecorder::pairs(std::int64_t step, const std::string& key, const engine::Pairs& pairs) {
  const std::size_t rows = pair_block_rows(probes_);
  const std::int64_t time_us = now_us();
  for (std::size_t first = 0; first < probes_; first += rows) {
    const PairRows block = pair_rows(pairs, probes_, first, std::min(rows, probes_ - first));
    spool::Pairs record{step, time_us, key, static_cast<std::uint32_t>(first), {}, {}};
    append_plane(record.numerators, block.numerators);
    append_plane(record.denominators, block.denominators);
    append(spool::Kind::kPairs, spool::encode(record));
  }
}

void SpoolRecorder::barrier(std::int64_t step) {
  barrier_ = append_json(json{{"barrier", {{"step", text(step)}}}}.dump());
  sync();
}

void SpoolRecorder::checkpoint(const training::State& state) {
  write_checkpoint(folder_, {config_, barrier_, environment_, state});
  after_checkpoint_();
}

void SpoolRecorder::measuring(std::int64_t, double) {
  if (dirty_) sync();
}

void SpoolRecorder::succeed() {
  append_end(R"({"end":{"state":"RUN_STATE_SUCCEEDED"}})");
}

void SpoolRecorder::fail(const std::string& message) {
  if (ended_) return;  // its end could not be flushed to disk: the exit status says so
  writer_.lift_limit();
  const json reason = {{"kind", "REASON_KIND_EXCEPTION"}, {"message", message}};
  const json record = {{"end", {{"state", "RUN_STATE_FAILED"}, {"reason", reason}}}};
  // A message with bytes that are no UTF-8 (a path, say) must not hide the failure.
  append_end(record.dump(-1, ' ', false, json::error_handler_t::replace));
}

void SpoolRecorder::append_end(const std::string& json_text) {
  writer_.append(spool::Kind::kJson, json_text);
  ended_ = true;
  sync();
}

void SpoolRecorder::sync() {
  writer_.sync();
  synced_ = Clock::now();
  dirty_ = false;
}

std::uint64_t SpoolRecorder::append_json(const std::string& json_text) {
  return append(spool::Kind::kJson, json_text);
}

std::uint64_t SpoolRecorder::append(spool::Kind kind, const std::string& payload) {
  const std::uint64_t number = writer_.append(kind, payload);
  dirty_ = true;
  if (Clock::now() - synced_ >= kSyncPeriod) sync();
  return number;
}

}  // namespace hooke::trainer
