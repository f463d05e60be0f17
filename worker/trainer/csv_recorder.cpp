#include "worker/trainer/csv_recorder.h"

#include <cerrno>
#include <charconv>
#include <cmath>

#include "proto/hooke/error.h"
#include "worker/spool/files.h"
#include "worker/trainer/pair_table.h"

namespace hooke::trainer {
namespace {

namespace fs = std::filesystem;

constexpr const char* kScalarHeader = "step,value";
constexpr const char* kMatrixHeader =
    "step,responding,updated,mean,sd,count,skipped,ratio_of_means,nonfinite";
constexpr const char* kPairsHeader =
    "step,responding,responding_probe,updated,updated_probe,ratio,numerator,denominator";

// The shortest text that reads as the same number.
template <typename T>
std::string number(T value) {
  if (std::isnan(value)) return "nan";
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

// Of the call that has just failed.
Error unwritable(const fs::path& path) {
  const std::error_code error(errno, std::generic_category());
  return Error(Code::kResourceExhausted,
               path.string() + ": cannot be written: " + error.message() + spool::remedy(error), "--csv");
}

// Drops the rows of later steps and a torn last one; in one step, for the program may be killed.
void cut_after(const fs::path& path, std::int64_t step) {
  std::ifstream in(path);
  std::string kept, line;
  std::getline(in, line);
  kept = line + "\n";
  while (std::getline(in, line) && !in.eof()) {
    std::int64_t of = 0;
    std::from_chars(line.data(), line.data() + line.size(), of);
    if (of <= step) kept += line + "\n";
  }
  in.close();
  const fs::path fresh = path.string() + ".new";
  std::ofstream out(fresh, std::ios::trunc);
  out << kept;
  out.close();
  if (!out) throw unwritable(fresh);
  fs::rename(fresh, path);
}

}  // namespace

void CsvRecorder::start(const training::Facts& facts, const std::vector<training::MatrixSeries>& series) {
  probes_ = facts.probes;
  keep_up_to_ = facts.resume_step.value_or(-1);
  for (const training::MatrixSeries& one : series) series_[one.key] = one;
}

std::ofstream& CsvRecorder::file(const std::string& key, const char* header) {
  if (const auto found = files_.find(key); found != files_.end()) return found->second;
  const fs::path path = folder_ / (key + ".csv");
  fs::create_directories(path.parent_path());
  const bool old = fs::exists(path);
  if (old) cut_after(path, keep_up_to_);
  std::ofstream& made = files_[key];
  made.open(path, std::ios::app);
  if (!made) throw unwritable(path);
  if (!old) made << header << '\n';
  return made;
}

void CsvRecorder::scalars(std::int64_t step, const std::vector<std::pair<std::string, double>>& values) {
  for (const auto& [key, value] : values) {
    file(key, kScalarHeader) << step << ',' << number(value) << '\n';
  }
}

void CsvRecorder::matrix(std::int64_t step, const std::string& key, const engine::Matrix& matrix) {
  const training::MatrixSeries& series = series_.at(key);
  std::ofstream& out = file(key, kMatrixHeader);
  for (std::size_t r = 0; r < matrix.classes; ++r) {
    for (std::size_t u = 0; u < matrix.classes; ++u) {
      const std::size_t cell = r * matrix.classes + u;
      out << step << ',' << series.class_names[r] << ',' << series.class_names[u] << ','
          << number(matrix.mean[cell]) << ',' << number(matrix.sd[cell]) << ','
          << series.eligible[cell] - matrix.skipped[cell] << ',' << matrix.skipped[cell] << ','
          << number(matrix.ratio_of_means[cell]) << ',' << matrix.nonfinite[cell] << '\n';
    }
  }
}

// Row after row, so that memory holds no second table. A skipped pair has no ratio.
void CsvRecorder::pairs(std::int64_t step, const std::string& key, const engine::Pairs& pairs) {
  const training::MatrixSeries& series = series_.at(key);
  const std::size_t per_class = series.per_class, probes = series.class_names.size() * per_class;
  const auto name = [&](std::size_t i) {
    return series.class_names[i / per_class] + ',' + std::to_string(probes_[i / per_class][i % per_class]);
  };
  std::ofstream& out = file(key, kPairsHeader);
  for (std::size_t responding = 0; responding < probes; ++responding) {
    const PairRows row = pair_rows(pairs, probes, responding, 1);
    for (std::size_t updated = 0; updated < probes; ++updated) {
      const float above = row.numerators[updated], below = row.denominators[updated];
      const bool skipped = below == 0 || !std::isfinite(below);
      out << step << ',' << name(responding) << ',' << name(updated) << ','
          << (skipped ? "" : number(double{above} / double{below})) << ',' << number(above) << ','
          << number(below) << '\n';
    }
  }
}

void CsvRecorder::barrier(std::int64_t) {
  for (auto& [key, file] : files_)
    if (!file.flush()) throw unwritable(folder_ / (key + ".csv"));
}

void CsvRecorder::measuring(std::int64_t step, double) {
  barrier(step);
}

}  // namespace hooke::trainer
