#include "worker/trainer/spool_recorder.h"

#include <unistd.h>

#include <bit>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <ostream>

#include "hooke_version.h"
#include "proto/hooke/error.h"

namespace hooke::trainer {
namespace {

using nlohmann::json;

constexpr auto kSyncPeriod = std::chrono::seconds(1);
constexpr auto kReportPeriod = std::chrono::seconds(3);

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
          {"kind", "SERIES_KIND_MATRIX"},
          {"classNames", series.class_names},
          {"eligible", texts(series.eligible)},
          {"description", series.description}};
}

template <typename T>
void append_plane(std::string& planes, const std::vector<T>& values) {
  static_assert(sizeof(T) == 4 && std::endian::native == std::endian::little);
  planes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

}  // namespace

SpoolRecorder::SpoolRecorder(const std::filesystem::path& path, std::ostream& progress)
    : writer_(new_file(path)), progress_(progress), started_(Clock::now()), synced_(started_) {}

void SpoolRecorder::start(const training::Facts& facts, const std::vector<training::MatrixSeries>& series) {
  total_steps_ = facts.total_steps;
  append_json(json{{"attemptStart", {{"totalSteps", text(total_steps_)}}}}.dump());
  append_json(json{{"provenance", provenance(facts)}}.dump());
  for (const training::MatrixSeries& one : series) {
    append_json(json{{"seriesDeclaration", declaration(one)}}.dump());
  }
  writer_.sync();
  progress_ << total_steps_ << " steps, " << facts.parameters << " parameters, " << facts.training_threads
            << " training and " << facts.measuring_threads << " measuring threads, " << facts.device
            << std::endl;
}

void SpoolRecorder::scalars(std::int64_t step, const std::vector<std::pair<std::string, double>>& values) {
  append(spool::Kind::kScalars, spool::encode(spool::Scalars{step, now_us(), values}));
  report(step, values);
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

void SpoolRecorder::barrier(std::int64_t step) {
  append_json(json{{"barrier", {{"step", text(step)}}}}.dump());
  writer_.sync();
}

void SpoolRecorder::succeed() {
  append_json(R"({"end":{"state":"RUN_STATE_SUCCEEDED"}})");
  writer_.sync();
  const std::chrono::duration<double> seconds = Clock::now() - started_;
  progress_ << "done in " << seconds.count() << " s" << std::endl;
}

void SpoolRecorder::fail(const std::string& message) {
  const json reason = {{"kind", "REASON_KIND_EXCEPTION"}, {"message", message}};
  const json record = {{"end", {{"state", "RUN_STATE_FAILED"}, {"reason", reason}}}};
  // A message with bytes that are no UTF-8 (a path, say) must not hide the failure.
  append_json(record.dump(-1, ' ', false, json::error_handler_t::replace));
  writer_.sync();
}

void SpoolRecorder::append_json(const std::string& json_text) {
  append(spool::Kind::kJson, json_text);
}

void SpoolRecorder::append(spool::Kind kind, const std::string& payload) {
  writer_.append(kind, payload);
  if (Clock::now() - synced_ < kSyncPeriod) return;
  writer_.sync();
  synced_ = Clock::now();
}

void SpoolRecorder::report(std::int64_t step, const std::vector<std::pair<std::string, double>>& values) {
  const bool last = step + 1 == total_steps_;
  if (!last && Clock::now() - reported_ < kReportPeriod) return;
  reported_ = Clock::now();
  progress_ << "step " << step << " of " << total_steps_;
  for (const auto& [key, value] : values) progress_ << ", " << key << " " << value;
  progress_ << std::endl;
}

}  // namespace hooke::trainer
