#include "server/storage/statement.h"

#include <limits>

namespace hooke::storage {
namespace {

std::string dump(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

void Statement::refuse_late() const {
  if (connection_.past_deadline())
    throw Error(Code::kDeadlineExceeded, "the snapshot was used for too long; ask for less");
}

Statement::Statement(Snapshot& snapshot, const SqlText& sql) try
    : connection_(snapshot.connection()),
      own_(std::make_unique<SQLite::Statement>(connection_.once(sql))),
      statement_(*own_) {
  refuse_late();
  int index = 0;
  for (const Bound& one : sql.values())
    std::visit([this, number = ++index](const auto& value) { bind(number, value); }, one);
} catch (const SQLite::Exception& error) {
  throw to_error(error);
}

SQLite::Statement& Statement::start(Sql sql) {
  refuse_late();
  try {
    SQLite::Statement& statement = connection_.prepared(sql);
    statement.tryReset();
    return statement;
  } catch (const SQLite::Exception& error) {
    throw to_error(error);
  }
}

// An address of null would be taken for NULL.
void Statement::bind(int index, Blob value) {
  const char* bytes = value.bytes.data() ? value.bytes.data() : "";
  statement_.bindNoCopy(index, static_cast<const void*>(bytes), static_cast<int>(value.bytes.size()));
}

double Statement::real(int column) {
  const auto value = statement_.getColumn(column);
  return value.isNull() ? std::numeric_limits<double>::quiet_NaN() : value.getDouble();
}

std::optional<std::int64_t> Statement::maybe_integer(int column) {
  const auto value = statement_.getColumn(column);
  if (value.isNull()) return std::nullopt;
  return value.getInt64();
}

std::string_view Statement::blob(int column) {
  const SQLite::Column value = statement_.getColumn(column);
  return {static_cast<const char*>(value.getBlob()), static_cast<std::size_t>(value.getBytes())};
}

Reason Statement::reason(int column) {
  return {enumeration<ReasonKind>(column), text(column + 1), small(column + 2), small(column + 3)};
}

Pairs Statement::pairs(int column) {
  if (blob(column) == "{}") return {};
  return nlohmann::json::parse(text(column)).get<Pairs>();
}

std::vector<std::string> Statement::strings(int column) {
  return nlohmann::json::parse(text(column)).get<std::vector<std::string>>();
}

Bound Statement::value(int column) {
  const auto value = statement_.getColumn(column);
  if (value.isNull()) return {};
  if (value.isInteger()) return value.getInt64();
  if (value.isFloat()) return value.getDouble();
  return value.getString();
}

std::string to_json(const Pairs& pairs) {
  return dump(nlohmann::json(pairs));
}
std::string to_json(const std::vector<std::string>& strings) {
  return dump(nlohmann::json(strings));
}
std::string to_json(const std::vector<std::int64_t>& numbers) {
  return dump(nlohmann::json(numbers));
}

}  // namespace hooke::storage
