// The syntax of `filter` (https://google.aip.dev/160) and `order_by` (https://google.aip.dev/132): text
// to a tree. What fields there are and what fits them is for server/query/conditions. Pure functions.
//
//   expression = sequence {"AND" sequence}     sequence = factor {factor}, as with AND
//   factor     = term {"OR" term}: OR binds closer than AND
//   term       = ["NOT" | "-"] ("(" expression ")" | restriction)
//   restriction = member [comparator value]    member = part {"." part}, a part bare or quoted
//
// A value ends at a space or a parenthesis, so that 0.01, -1e-4 and 2026-05-04T13:00:00Z need no quotes.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hooke::query {

// Of one filter or order_by; past any of them it is refused. SQLite's own limit on the depth of an
// expression (1000) is above what these allow.
inline constexpr std::size_t kMostFilterBytes = 8192;
inline constexpr int kMostFilterDepth = 30;
inline constexpr int kMostFilterTerms = 200;
inline constexpr std::size_t kMostSortKeys = 8;

// A piece of the text. Positions count characters (code points) from 1.
struct Piece {
  std::string text;
  bool quoted = false;
  std::size_t position = 1;
  // Of a value: a "*" at its beginning or end, which is not in `text`.
  bool star_before = false;
  bool star_after = false;
};

enum class Comparator { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual, kHas };

struct Expression {
  enum class Kind {
    kAnd,         // all of `parts`
    kOr,          // any of `parts`
    kNot,         // not the one of `parts`
    kComparison,  // member comparator value
    kWord,        // member alone: a word to search for
  };
  Kind kind = Kind::kWord;
  std::vector<Expression> parts;
  std::vector<Piece> member;  // at least one for the last two kinds
  Comparator comparator = Comparator::kEqual;
  Piece value;
};

// Absent for an empty filter (or blanks alone). Throws kInvalidArgument with the position, what was
// found and what is allowed there.
std::optional<Expression> parse_filter(std::string_view text);

struct OrderTerm {
  std::vector<Piece> member;
  bool descending = false;
};

// "create_time desc, seed". Throws as parse_filter does.
std::vector<OrderTerm> parse_order_by(std::string_view text);

// "tags.team" of its pieces.
std::string text_of(const std::vector<Piece>& member);

}  // namespace hooke::query
