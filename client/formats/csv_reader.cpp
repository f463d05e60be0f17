#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>

#include "client/formats/import_reader.h"
#include "client/formats/key_path.h"
#include "proto/hooke/error.h"
#include "proto/hooke/import.h"

namespace hooke::formats {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kHeader = "step,value";
constexpr std::string_view kTable = "step,responding,";  // begins a table of a matrix or of pairs
constexpr const char* kCsvEnding = ".csv";
// A number has no more; a longer line is hardly one of this format.
constexpr std::size_t kShownBytes = 60;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

std::string shown(std::string_view text) {
  return "'" + std::string(text.substr(0, kShownBytes)) + (text.size() > kShownBytes ? "…'" : "'");
}

class CsvFile {
 public:
  CsvFile(const fs::path& path, std::string key) : path_(path), key_(std::move(key)), in_(path) {
    if (!in_) throw Error(Code::kNotFound, path.string() + " cannot be read");
  }

  // Whether it is a series of scalars, and no other table of an export.
  bool read_header() {
    if (!next_line()) throw wrong("is empty; the first line is " + std::string(kHeader));
    std::string_view header = trimmed(line_);
    if (header.starts_with("\xEF\xBB\xBF")) header.remove_prefix(3);
    if (header.starts_with(kTable)) return false;
    if (header != kHeader)
      throw wrong("begins with " + shown(header) + "; the first line must be " + std::string(kHeader));
    return true;
  }

  // Returns the number of points.
  std::size_t read_points(const UseColumn& use, std::size_t most) {
    std::size_t points = 0;
    v1::ScalarColumn column = fresh();
    while (next_line()) {
      if (trimmed(line_).empty() && in_.peek() == std::ifstream::traits_type::eof()) break;
      add_point(column);
      if (++points > most)
        throw Error(Code::kResourceExhausted, where() + ": an import has at most " +
                                                  std::to_string(kMaxImportPoints) +
                                                  " points; import it in parts");
      if (static_cast<std::size_t>(column.step_size()) < kColumnPoints) continue;
      use(std::move(column));
      column = fresh();
    }
    if (in_.bad()) throw wrong("cannot be read");
    if (column.step_size() > 0) use(std::move(column));
    return points;
  }

 private:
  std::string where() const { return path_.string() + ", line " + std::to_string(line_number_); }
  Error wrong(const std::string& what) const { return Error(Code::kInvalidArgument, where() + ": " + what); }

  bool next_line() {
    ++line_number_;
    return static_cast<bool>(std::getline(in_, line_));
  }

  v1::ScalarColumn fresh() const {
    v1::ScalarColumn column;
    column.set_key(key_);
    return column;
  }

  void add_point(v1::ScalarColumn& column) {
    const std::string_view line = line_;
    const auto comma = line.find(',');
    if (comma == std::string_view::npos || line.find(',', comma + 1) != std::string_view::npos)
      throw wrong(shown(trimmed(line)) + " is no row of " + std::string(kHeader));
    const auto step = number<std::int64_t>(trimmed(line.substr(0, comma)), "step");
    if (step < 0) throw wrong("step " + std::to_string(step) + " is negative");
    if (step <= last_step_)
      throw wrong("step " + std::to_string(step) + " comes after step " + std::to_string(last_step_) +
                  "; steps strictly increase");
    last_step_ = step;
    column.add_step(step);
    column.add_value(number<double>(trimmed(line.substr(comma + 1)), "value"));
  }

  template <class Number>
  Number number(std::string_view text, const char* what) const {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc::result_out_of_range)
      throw wrong(std::string(what) + " " + shown(text) + " is out of range");
    if (error != std::errc() || end != text.data() + text.size())
      throw wrong(std::string(what) + " " + shown(text) + " is not a number");
    return value;
  }

  const fs::path path_;
  const std::string key_;
  std::ifstream in_;
  std::string line_;
  std::int64_t line_number_ = 0;
  std::int64_t last_step_ = -1;
};

// Files below a folder, by name.
std::vector<fs::path> csv_files(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file() && entry.path().extension() == kCsvEnding) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  if (files.empty()) throw invalid("PATH", folder.string() + " has no *.csv");
  return files;
}

// A folder of exports has a folder for each run.
void refuse_several_runs(const fs::path& folder) {
  std::vector<fs::path> runs;
  for (const auto& entry : fs::directory_iterator(folder))
    if (fs::exists(entry.path() / "run.json")) runs.push_back(entry.path());
  std::sort(runs.begin(), runs.end());
  if (!runs.empty() && !fs::exists(folder / "run.json"))
    throw invalid("PATH", folder.string() + " is an export of " + std::to_string(runs.size()) +
                              (runs.size() == 1 ? " run" : " runs") + "; import one, as " +
                              runs.front().string());
}

std::string key_of_file(const fs::path& file, const fs::path& below) {
  std::string name = file.lexically_relative(below).generic_string();
  name.resize(name.size() - std::string_view(kCsvEnding).size());
  const auto key = key_of_path(name);
  if (!key) throw invalid("PATH", file.string() + ": a '%' in the name is followed by no code");
  if (key->empty() || key->size() > kMaxSeriesKeyBytes ||
      std::any_of(key->begin(), key->end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }))
    throw invalid("PATH", file.string() + ": its name is the series' key, which has 1 to " +
                              std::to_string(kMaxSeriesKeyBytes) + " printable bytes");
  return *key;
}

}  // namespace

void read_csv(const fs::path& path, const UseColumn& use, const Remark& remark) {
  if (!fs::exists(path)) throw Error(Code::kNotFound, path.string() + " is not there", "PATH");
  const bool folder = fs::is_directory(path);
  if (folder) refuse_several_runs(path);
  if (!folder && path.extension() != kCsvEnding)
    throw invalid("PATH", path.string() + " is no *" + kCsvEnding + " file; its name is the series' key");
  const auto files = folder ? csv_files(path) : std::vector<fs::path>{path};
  std::size_t points = 0, tables = 0;
  for (const fs::path& file : files) {
    CsvFile csv(file, key_of_file(file, folder ? path : path.parent_path()));
    if (!csv.read_header()) {
      ++tables;
      continue;
    }
    const std::size_t read = csv.read_points(use, kMaxImportPoints - points);
    if (read == 0) remark(file.string() + " has a header and no row: left out");
    points += read;
  }
  if (tables > 0)
    remark(std::to_string(tables) + " tables of matrices or pairs were left out: an import takes scalars");
  if (points == 0) throw invalid("PATH", path.string() + " has no values to import");
}

}  // namespace hooke::formats
