#include "server/query/filter.h"

#include <algorithm>
#include <utility>

#include "proto/hooke/error.h"

namespace hooke::query {
namespace {

constexpr std::size_t kMostQuotedInErrors = 40;
constexpr std::string_view kBlanks = " \t\r\n";
// What ends a bare part of a member, and a bare value.
constexpr std::string_view kEndsPart = " \t\r\n()\"',=<>!:.";
constexpr std::string_view kEndsValue = " \t\r\n()\"',=<>!";

bool is_keyword(std::string_view word) {
  return word == "AND" || word == "OR" || word == "NOT";
}

bool begins_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
}

// Walks over the text; each function takes what its name says and leaves the position behind it.
class Parser {
 public:
  Parser(std::string_view text, const char* field) : text_(text), field_(field) {
    if (text.size() > kMostFilterBytes)
      throw invalid(field_, "has " + std::to_string(text.size()) + " bytes; at most " +
                                std::to_string(kMostFilterBytes) + " are allowed");
    if (const auto at = text.find('\0'); at != std::string_view::npos)
      fail(at, "a NUL character is not allowed");
  }

  std::optional<Expression> filter() {
    skip_blanks();
    if (at_end()) return std::nullopt;
    Expression whole = expression(0);
    if (!at_end()) unexpected("AND, OR or another condition");
    return whole;
  }

  std::vector<OrderTerm> order() {
    std::vector<OrderTerm> terms;
    skip_blanks();
    while (!at_end()) {
      if (terms.size() == kMostSortKeys)
        fail(at_, "at most " + std::to_string(kMostSortKeys) + " fields are allowed");
      OrderTerm term;
      term.member = member();
      skip_blanks();
      const auto word = peek_word();
      if (word == "desc" || word == "asc") {
        term.descending = word == "desc";
        at_ += word.size();
        skip_blanks();
      }
      terms.push_back(std::move(term));
      if (at_end()) break;
      if (text_[at_] != ',') unexpected("desc, asc, a comma or the end");
      ++at_;
      skip_blanks();
      if (at_end()) unexpected("a field after the comma");
    }
    return terms;
  }

 private:
  // Sequences joined by AND.
  Expression expression(int depth) {
    if (depth > kMostFilterDepth)
      fail(at_, "is nested deeper than " + std::to_string(kMostFilterDepth) + " levels");
    std::vector<Expression> parts;
    sequence(depth, parts);
    while (take_keyword("AND")) sequence(depth, parts);
    return joined(Expression::Kind::kAnd, std::move(parts));
  }

  // Factors one after another: as if AND stood between them.
  void sequence(int depth, std::vector<Expression>& parts) {
    do {
      parts.push_back(factor(depth));
    } while (!at_end() && text_[at_] != ')' && peek_word() != "AND");
  }

  Expression factor(int depth) {
    std::vector<Expression> parts;
    do {
      parts.push_back(term(depth));
    } while (take_keyword("OR"));
    return joined(Expression::Kind::kOr, std::move(parts));
  }

  Expression term(int depth) {
    const bool minus = !at_end() && text_[at_] == '-';
    if (minus) ++at_;
    if (!minus && !take_keyword("NOT")) return simple(depth);
    Expression negated;
    negated.kind = Expression::Kind::kNot;
    negated.parts.push_back(simple(depth));
    return negated;
  }

  Expression simple(int depth) {
    if (at_end() || text_[at_] != '(') return restriction();
    const std::size_t open = at_++;
    skip_blanks();
    Expression inner = expression(depth + 1);
    if (at_end()) fail(open, "'(' is never closed");
    ++at_;  // what ends an expression is the end or ')'
    skip_blanks();
    return inner;
  }

  Expression restriction() {
    if (++terms_ > kMostFilterTerms)
      fail(at_, "has more than " + std::to_string(kMostFilterTerms) + " conditions");
    Expression one;
    one.member = member();
    skip_blanks();
    const auto comparator = take_comparator();
    if (!comparator) {
      refuse_small_keyword(one.member);
      return one;
    }
    one.kind = Expression::Kind::kComparison;
    one.comparator = *comparator;
    skip_blanks();
    one.value = value();
    skip_blanks();
    return one;
  }

  std::vector<Piece> member() {
    std::vector<Piece> parts;
    while (true) {
      parts.push_back(part(parts.empty() ? "a field or a word" : "a name after the '.'"));
      if (at_end() || text_[at_] != '.') return parts;
      ++at_;
    }
  }

  Piece part(const char* wanted) {
    if (at_end()) unexpected(wanted);
    if (text_[at_] == '"' || text_[at_] == '\'') return quoted(false);
    const auto word = text_.substr(at_, text_.find_first_of(kEndsPart, at_) - at_);
    if (word.empty() || is_keyword(word)) unexpected(wanted);
    Piece piece{std::string(word), false, position(at_), false, false};
    at_ += word.size();
    return piece;
  }

  Piece value() {
    if (at_end()) unexpected("a value");
    Piece piece;
    if (text_[at_] == '"' || text_[at_] == '\'') {
      piece = quoted(true);
    } else {
      const auto word = text_.substr(at_, text_.find_first_of(kEndsValue, at_) - at_);
      if (word.empty() || is_keyword(word)) unexpected("one value; several are written as a = 1 OR a = 2");
      piece.position = position(at_);
      for (std::size_t i = 0; i < word.size(); ++i) add(piece, word[i], word[i] == '*', i + 1 == word.size());
      at_ += word.size();
    }
    if (!at_end() && text_[at_] != ')' && kBlanks.find(text_[at_]) == std::string_view::npos)
      unexpected("a space after the value");
    return piece;
  }

  // A string in quotes of either kind, with backslash escapes.
  Piece quoted(bool stars) {
    const std::size_t open = at_;
    const char quote = text_[at_++];
    Piece piece{"", true, position(open), false, false};
    for (; at_ < text_.size(); ++at_) {
      char c = text_[at_];
      if (c == quote) {
        ++at_;
        return piece;
      }
      const bool escaped = c == '\\' && at_ + 1 < text_.size();
      if (escaped) c = unescaped(text_[++at_]);
      add(piece, c, stars && !escaped && c == '*', at_ + 1 < text_.size() && text_[at_ + 1] == quote);
    }
    fail(open, "the quote is never closed");
  }

  // Adds a character of a value: a star at either end stands for anything.
  void add(Piece& piece, char c, bool star, bool last) {
    if (!star) {
      piece.text += c;
    } else if (last) {
      piece.star_after = true;
    } else if (piece.text.empty() && !piece.star_before) {
      piece.star_before = true;
    } else {
      fail(
          at_,
          "'*' stands for anything at the beginning and at the end of a value only; \"\\*\" in quotes is the "
          "character itself");
    }
  }

  static char unescaped(char c) { return c == 'n' ? '\n' : c == 't' ? '\t' : c; }

  std::optional<Comparator> take_comparator() {
    constexpr std::pair<std::string_view, Comparator> kComparators[] = {
        {"<=", Comparator::kLessEqual}, {">=", Comparator::kGreaterEqual}, {"!=", Comparator::kNotEqual},
        {"<", Comparator::kLess},       {">", Comparator::kGreater},       {"=", Comparator::kEqual},
        {":", Comparator::kHas},
    };
    for (const auto& [sign, comparator] : kComparators) {
      if (!text_.substr(at_).starts_with(sign)) continue;
      at_ += sign.size();
      return comparator;
    }
    if (!at_end() && text_[at_] == '!') unexpected("!=; NOT or - negates");
    return std::nullopt;
  }

  // "a = 1 and b = 2" would search for the word "and".
  void refuse_small_keyword(const std::vector<Piece>& word) const {
    if (word.size() > 1 || word[0].quoted) return;
    std::string upper = word[0].text;
    for (char& c : upper)
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (!is_keyword(upper)) return;
    throw invalid(field_, "character " + std::to_string(word[0].position) + ": write " + upper + " for '" +
                              word[0].text + "', or quote it to search for the word");
  }

  std::string_view peek_word() const { return text_.substr(at_, text_.find_first_of(kEndsPart, at_) - at_); }

  bool take_keyword(std::string_view keyword) {
    if (peek_word() != keyword) return false;
    at_ += keyword.size();
    skip_blanks();
    return true;
  }

  static Expression joined(Expression::Kind kind, std::vector<Expression> parts) {
    if (parts.size() == 1) return std::move(parts.front());
    Expression all;
    all.kind = kind;
    all.parts = std::move(parts);
    return all;
  }

  void skip_blanks() {
    while (!at_end() && kBlanks.find(text_[at_]) != std::string_view::npos) ++at_;
  }

  bool at_end() const { return at_ >= text_.size(); }

  std::size_t position(std::size_t byte) const {
    std::size_t characters = 1;
    for (std::size_t i = 0; i < byte; ++i) characters += begins_character(text_[i]) ? 1 : 0;
    return characters;
  }

  [[noreturn]] void fail(std::size_t byte, const std::string& what) const {
    throw invalid(field_, "character " + std::to_string(position(byte)) + ": " + what);
  }

  [[noreturn]] void unexpected(const std::string& wanted) const {
    if (at_end()) fail(at_, "it ends where there should be " + wanted);
    std::size_t end = text_.find_first_of(kEndsPart, at_);
    if (end == at_) end = at_ + 1;
    end = std::min({end, text_.size(), at_ + kMostQuotedInErrors});
    while (end < text_.size() && !begins_character(text_[end])) ++end;
    fail(at_, "found '" + std::string(text_.substr(at_, end - at_)) + "' where there should be " + wanted);
  }

  const std::string_view text_;
  const char* field_;
  std::size_t at_ = 0;
  int terms_ = 0;
};

}  // namespace

std::optional<Expression> parse_filter(std::string_view text) {
  return Parser(text, "filter").filter();
}

std::vector<OrderTerm> parse_order_by(std::string_view text) {
  return Parser(text, "order_by").order();
}

std::string text_of(const std::vector<Piece>& member) {
  std::string text;
  for (const Piece& piece : member) text += (text.empty() ? "" : ".") + piece.text;
  return text;
}

}  // namespace hooke::query
