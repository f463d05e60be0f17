// Statement: one use of a prepared statement: binds its values in order, steps, and resets itself when
// it goes out of scope. Private to server/storage. Errors of SQLite leave as hooke::Error.
//
//   Statement rows(snapshot, "SELECT step, value FROM scalar_points WHERE series_id = ?", series);
//   while (rows.step()) use(rows.integer(0), rows.real(1));
//
// A Blob is bound without a copy: it must live until the statement is done. The same text must not be
// in use twice at a time.
#pragma once

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Exception.h>

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "server/storage/connection.h"
#include "server/storage/sql.h"
#include "server/storage/transaction.h"
#include "server/storage/types.h"

namespace hooke::storage {

// A blob to be bound; a string is bound as text.
struct Blob {
  std::string_view bytes;
};

class Statement {
 public:
  template <class... Values>
  Statement(Snapshot& snapshot, Sql sql, const Values&... values)
      : connection_(snapshot.connection()), statement_(start(sql)) {
    try {
      int index = 0;
      (bind(++index, values), ...);
    } catch (const SQLite::Exception& error) {
      throw to_error(error);
    }
  }
  // Prepared for this one use.
  Statement(Snapshot& snapshot, const SqlText& sql);
  ~Statement() { statement_.tryReset(); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // Whether there is a (next) row.
  bool step() {
    try {
      return statement_.executeStep();
    } catch (const SQLite::Exception& error) {
      throw to_error(error);
    }
  }
  // Runs it to its end; returns the number of rows inserted, changed or deleted.
  std::int64_t run() {
    while (step()) {
    }
    return connection_.changes();
  }

  // Columns of the row, from 0.
  bool null(int column) { return statement_.getColumn(column).isNull(); }
  std::int64_t integer(int column) { return statement_.getColumn(column).getInt64(); }
  std::int32_t small(int column) { return statement_.getColumn(column).getInt(); }
  bool boolean(int column) { return integer(column) != 0; }
  // Of text or of a blob.
  std::string text(int column) { return statement_.getColumn(column).getString(); }
  // A blob where it lies, until the next step.
  std::string_view blob(int column);
  // NULL is NaN.
  double real(int column);
  std::optional<std::int64_t> maybe_integer(int column);
  template <class Enum>
  Enum enumeration(int column) {
    return static_cast<Enum>(small(column));
  }
  // Four columns: kind, message, exit, signal.
  Reason reason(int column);
  Pairs pairs(int column);
  std::vector<std::string> strings(int column);
  Bound value(int column);

 private:
  SQLite::Statement& start(Sql sql);
  void refuse_late() const;

  void bind(int index, double value) { statement_.bind(index, value); }
  void bind(int index, std::nullopt_t) { statement_.bind(index); }
  void bind(int index, std::monostate) { statement_.bind(index); }
  void bind(int index, std::string_view value) { statement_.bind(index, std::string(value)); }
  void bind(int index, const std::string& value) { bind(index, std::string_view(value)); }
  void bind(int index, const char* value) { bind(index, std::string_view(value)); }
  void bind(int index, Blob value);
  template <class Integer>
  requires std::is_integral_v<Integer>
  void bind(int index, Integer value) { statement_.bind(index, static_cast<std::int64_t>(value)); }
  template <class Enum>
  requires std::is_enum_v<Enum>
  void bind(int index, Enum value) { statement_.bind(index, static_cast<std::int64_t>(value)); }
  template <class Tag>
  void bind(int index, Id<Tag> value) {
    statement_.bind(index, value.value);
  }
  template <class T>
  void bind(int index, const std::optional<T>& value) {
    if (value) {
      bind(index, *value);
    } else {
      statement_.bind(index);
    }
  }

  Connection& connection_;
  std::unique_ptr<SQLite::Statement> own_;  // of SqlText; null for one that the connection keeps
  SQLite::Statement& statement_;
};

// Small lists and maps as JSON text. Bytes that are not UTF-8 are replaced.
std::string to_json(const Pairs& pairs);
std::string to_json(const std::vector<std::string>& strings);
std::string to_json(const std::vector<std::int64_t>& numbers);

}  // namespace hooke::storage
