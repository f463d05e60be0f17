#include "client/cli/output.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <ostream>

#include "proto/hooke/error.h"

namespace hooke::cli {
namespace {

constexpr const char* kColumnGap = "  ";

bool looks_numeric(const std::string& cell) {
  if (cell.empty() || cell == "-" || cell == "nan" || cell == "inf" || cell == "-inf") return true;
  return cell.find_first_not_of("0123456789.+-eE%") == std::string::npos;
}

std::string csv_cell(const std::string& cell) {
  if (cell.find_first_of(",\"\r\n") == std::string::npos) return cell;
  std::string text = "\"";
  for (const char c : cell) text += c == '"' ? std::string("\"\"") : std::string(1, c);
  return text + '"';
}

}  // namespace

void print_table(std::ostream& out, const Grid& grid) {
  if (grid.rows.empty()) return;
  const std::size_t columns = grid.header.size();
  std::vector<std::size_t> widths(columns);
  std::vector<bool> numeric(columns, true);
  for (std::size_t c = 0; c < columns; ++c) {
    widths[c] = width(grid.header[c]);
    for (const auto& row : grid.rows) {
      widths[c] = std::max(widths[c], width(row[c]));
      numeric[c] = numeric[c] && looks_numeric(row[c]);
    }
  }
  const auto print_row = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (std::size_t c = 0; c < columns; ++c) {
      if (c) line += kColumnGap;
      line += numeric[c] ? pad_left(cells[c], widths[c]) : pad_right(cells[c], widths[c]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << '\n';
  };
  print_row(grid.header);
  for (const auto& row : grid.rows) print_row(row);
}

void print_csv_row(std::ostream& out, const std::vector<std::string>& cells) {
  for (std::size_t i = 0; i < cells.size(); ++i) out << (i ? "," : "") << csv_cell(cells[i]);
  out << '\n';
}

void print_csv(std::ostream& out, const Grid& grid) {
  print_csv_row(out, grid.header);
  for (const auto& row : grid.rows) print_csv_row(out, row);
}

std::string json_text(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.always_print_primitive_fields = true;
  std::string text;
  const auto status = google::protobuf::util::MessageToJsonString(message, &text, options);
  if (!status.ok())
    throw Error(Code::kInternal, "the answer cannot be written as JSON: " + status.ToString());
  text.erase(text.find_last_not_of('\n') + 1);
  return text;
}

void print_json(std::ostream& out, const google::protobuf::Message& message) {
  out << json_text(message) << '\n';
}

void print_json_list(std::ostream& out, const std::vector<std::string>& texts) {
  if (texts.empty()) {
    out << "[]\n";
    return;
  }
  out << "[\n";
  for (std::size_t i = 0; i < texts.size(); ++i) out << texts[i] << (i + 1 < texts.size() ? ",\n" : "\n");
  out << "]\n";
}

std::string number(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value);
  return {text, end.ptr};
}

std::string brief(double value) {
  if (!std::isfinite(value)) return number(value);
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

std::string plural(std::int64_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

std::string enumerate(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i)
    text += (i == 0 ? "" : i + 1 == words.size() ? " and " : ", ") + words[i];
  return text;
}

std::size_t width(std::string_view text) {
  std::size_t columns = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b') {
      while (i < text.size() && text[i] != 'm') ++i;
    } else if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) {
      ++columns;
    }
  }
  return columns;
}

std::string cut(const std::string& line, std::size_t columns) {
  std::size_t used = 0;
  std::string text;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\x1b') {
      while (i < line.size() && line[i] != 'm') text += line[i++];
      if (i < line.size()) text += line[i];
      continue;
    }
    const bool starts = (static_cast<unsigned char>(line[i]) & 0xC0) != 0x80;
    if (starts && used++ == columns) return text + (text.find('\x1b') == std::string::npos ? "" : "\x1b[0m");
    text += line[i];
  }
  return text;
}

std::string pad_right(const std::string& text, std::size_t columns) {
  return text + std::string(columns - std::min(columns, width(text)), ' ');
}

std::string pad_left(const std::string& text, std::size_t columns) {
  return std::string(columns - std::min(columns, width(text)), ' ') + text;
}

}  // namespace hooke::cli
