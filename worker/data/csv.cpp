#include "worker/data/csv.h"

#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

#include "worker/data/files.h"

namespace hooke::data {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

std::optional<double> number(std::string_view text) {
  if (text.substr(0, 1) == "+") text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

std::vector<std::string_view> split(std::string_view line) {
  std::vector<std::string_view> fields;
  for (;;) {
    const auto comma = line.find(',');
    fields.push_back(trimmed(line.substr(0, comma)));
    if (comma == line.npos) return fields;
    line.remove_prefix(comma + 1);
  }
}

bool has_number(const std::vector<std::string_view>& fields) {
  for (const std::string_view field : fields) {
    if (number(field)) return true;
  }
  return false;
}

// Appends one line's numbers.
void read_line(const std::vector<std::string_view>& fields, std::size_t line, Array& array) {
  const std::string where = "line " + std::to_string(line);
  if (array.sizes.empty()) array.sizes = {0, static_cast<std::int64_t>(fields.size())};
  if (static_cast<std::int64_t>(fields.size()) != array.sizes[1]) {
    throw damaged(array.file, where + " has " + std::to_string(fields.size()) + " columns, those before " +
                                  std::to_string(array.sizes[1]));
  }
  for (std::size_t column = 0; column < fields.size(); ++column) {
    const auto value = number(fields[column]);
    if (!value || !std::isfinite(*value)) {
      throw damaged(array.file, where + ", column " + std::to_string(column + 1) + ": '" +
                                    std::string(fields[column]) + "' is not a finite number");
    }
    if (fields[column].find_first_of(".eE") != std::string_view::npos) array.kind = Array::Kind::kFloats;
    array.values.push_back(*value);
  }
  ++array.sizes[0];
}

}  // namespace

Array read_csv(const std::filesystem::path& file) {
  const StoredFile stored = read_file(file);
  Array array;
  array.kind = Array::Kind::kIntegers;
  array.checksum = stored.checksum;
  array.file = file;
  std::string_view rest = stored.bytes;
  for (std::size_t line = 1; !rest.empty(); ++line) {
    const auto end = rest.find('\n');
    const std::string_view text = trimmed(rest.substr(0, end));
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
    if (text.empty() && trimmed(rest).empty()) continue;  // the last lines may be empty
    const auto fields = split(text);
    if (line > 1 || has_number(fields)) read_line(fields, line, array);
  }
  if (array.values.empty()) throw damaged(file, "has no numbers");
  return array;
}

}  // namespace hooke::data
