// How data look on standard output: tables for people, CSV and the protocol's JSON for programs.
//
// Pure functions on values; any thread may call. Commands decide what to print, this file how.
#pragma once

#include <google/protobuf/message.h>

#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace hooke::cli {

enum class Format { kTable, kJson, kCsv };

// Rows under a header; every row has as many cells as the header.
struct Grid {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
};

// Aligned columns: numbers to the right, everything else to the left. Nothing without rows.
void print_table(std::ostream& out, const Grid& grid);

// A header, then one row each; cells with a comma, a quote or a line break are quoted.
void print_csv(std::ostream& out, const Grid& grid);
// One such row, for tables that are written as they come.
void print_csv_row(std::ostream& out, const std::vector<std::string>& cells);

// One object as protobuf maps it to JSON, zeros included; NaN and infinities are strings there.
std::string json_text(const google::protobuf::Message& message);
void print_json(std::ostream& out, const google::protobuf::Message& message);

// A list of such objects; "[]" for an empty one.
void print_json_list(std::ostream& out, const std::vector<std::string>& texts);
template <class Messages>
void print_json_list(std::ostream& out, const Messages& messages) {
  std::vector<std::string> texts;
  for (const auto& message : messages) texts.push_back(json_text(message));
  print_json_list(out, texts);
}

// The shortest text that reads back as the same number; nan, inf, -inf.
std::string number(double value);

// About three digits, for people: "0.412", "1.2e-05", "nan".
std::string brief(double value);

// "3 runs", "1 run".
std::string plural(std::int64_t count, const std::string& noun);

// "a, b and c".
std::string enumerate(const std::vector<std::string>& words);

// Columns that `text` takes on a terminal: UTF-8 code points, escape sequences not counted.
std::size_t width(std::string_view text);

// `line` cut to `columns`, escape sequences and UTF-8 kept whole.
std::string cut(const std::string& line, std::size_t columns);

// `text` with spaces after (or before) it, up to `columns`.
std::string pad_right(const std::string& text, std::size_t columns);
std::string pad_left(const std::string& text, std::size_t columns);

}  // namespace hooke::cli
