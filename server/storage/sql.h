// SQL as text: literals of this program, joined, with the values of their parameters beside them. Nothing
// that comes from outside can become a part of it: it does not compile. Private to server/storage.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace hooke::storage {

// A literal.
class Sql {
 public:
  template <std::size_t size>
  consteval Sql(const char (&text)[size]) : text_(text, size - 1) {}  // implicit: a literal is one

  constexpr std::string_view text() const { return text_; }
  // With the NUL that ends every literal.
  constexpr const char* c_str() const { return text_.data(); }

 private:
  std::string_view text_;
};

// A value of a parameter or a column.
using Bound = std::variant<std::monostate, std::int64_t, double, std::string>;

// SQL that is put together at run time, with the values of its parameters in order.
class SqlText {
 public:
  SqlText& add(Sql sql) {
    text_ += sql.text();
    return *this;
  }
  SqlText& add(std::size_t number) {
    text_ += std::to_string(number);
    return *this;
  }
  SqlText& add(const SqlText& other) {
    text_ += other.text_;
    values_.insert(values_.end(), other.values_.begin(), other.values_.end());
    return *this;
  }
  SqlText& bind(Bound value) {
    text_ += '?';
    values_.push_back(std::move(value));
    return *this;
  }

  const std::string& text() const { return text_; }
  const std::vector<Bound>& values() const { return values_; }

 private:
  std::string text_;
  std::vector<Bound> values_;
};

}  // namespace hooke::storage
