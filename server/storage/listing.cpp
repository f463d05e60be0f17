#include "server/storage/listing.h"

#include <cstdio>
#include <cstdlib>

#include "server/storage/condition_sql.h"
#include "server/storage/page.h"
#include "server/storage/statement.h"

namespace hooke::storage {
namespace {

using nlohmann::json;

// One of the columns that rows are ordered by, the ties among them.
struct Key {
  SqlText sql;
  bool descending = false;
  bool nullable = true;
};

std::vector<Key> keys_of(const ListQuery& query, Rows rows) {
  std::vector<Key> keys;
  for (const SortKey& wanted : query.order) {
    Key& key = keys.emplace_back();
    add_operand(key.sql, wanted.operand, rows);
    key.descending = wanted.descending;
  }
  if (rows == Rows::kExperiments) {
    keys.push_back({SqlText().add("e.id"), true, false});
    return keys;
  }
  if (!query.experiment) keys.push_back({SqlText().add("r.experiment_id"), true, false});
  keys.push_back({SqlText().add("r.id"), false, false});
  return keys;
}

// "k0", the key's name in the statement.
SqlText name_of_key(std::size_t index) {
  return SqlText().add("k").add(index);
}

// Texts and whole numbers as they are, nothing as null, a real number exactly, in a list of one.
json to_cursor(const Bound& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return *number;
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  const auto* real = std::get_if<double>(&value);
  if (!real) return nullptr;
  char text[40];
  std::snprintf(text, sizeof text, "%a", *real);
  return json::array({text});
}

[[noreturn]] void refuse_cursor(const std::string& text) {
  throw invalid("page_token", "'" + text + "' is not a token of this list");
}

std::vector<Bound> parse_cursor(const std::string& text, std::size_t keys) {
  const json values = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!values.is_array() || values.size() != keys) refuse_cursor(text);
  std::vector<Bound> cursor;
  for (const json& value : values) {
    if (value.is_null()) {
      cursor.emplace_back();
    } else if (value.is_number_integer()) {
      cursor.emplace_back(value.get<std::int64_t>());
    } else if (value.is_string()) {
      cursor.emplace_back(value.get<std::string>());
    } else if (value.is_array() && value.size() == 1 && value[0].is_string()) {
      cursor.emplace_back(std::strtod(value[0].get<std::string>().c_str(), nullptr));
    } else {
      refuse_cursor(text);
    }
  }
  return cursor;
}

// Rows behind the cursor in the order of the keys from `first` on: beyond its value in the first key, or
// equal there and behind it in the others. Rows without a value are behind all that have one.
void add_behind(SqlText& sql, const std::vector<Key>& keys, const std::vector<Bound>& cursor,
                std::size_t first) {
  const Key& key = keys[first];
  const SqlText name = name_of_key(first);
  const bool none = std::holds_alternative<std::monostate>(cursor[first]);
  sql.add("(");
  if (none) {
    sql.add("0");
  } else {
    sql.add(name).add(key.descending ? Sql(" < ") : Sql(" > ")).bind(cursor[first]);
    if (key.nullable) sql.add(" OR ").add(name).add(" IS NULL");
  }
  if (first + 1 < keys.size()) {
    sql.add(" OR (").add(name).add(" IS ").bind(cursor[first]).add(" AND ");
    add_behind(sql, keys, cursor, first + 1);
    sql.add(")");
  }
  sql.add(")");
}

void add_where(SqlText& sql, const ListQuery& query, Rows rows) {
  sql.add(" WHERE 1");
  if (query.experiment) sql.add(" AND r.experiment_id = ").bind(query.experiment->value);
  if (!query.archived_too) {
    if (rows == Rows::kRuns) sql.add(" AND r.archived = 0");
    if (!query.experiment) sql.add(" AND e.archived = 0");
  }
  if (!query.condition) return;
  sql.add(" AND ");
  add_condition(sql, *query.condition, rows);
}

template <class RowId>
Page<Listed<RowId>> list(Snapshot& snapshot, const ListQuery& query, const PageRequest& page, Rows rows) {
  const auto keys = keys_of(query, rows);
  const bool runs = rows == Rows::kRuns;
  SqlText sql;
  sql.add(runs ? Sql("SELECT r.id") : Sql("SELECT e.id"));
  for (std::size_t i = 0; i < keys.size(); ++i)
    sql.add(", ").add(keys[i].sql).add(" AS ").add(name_of_key(i));
  sql.add(runs ? Sql(" FROM runs r JOIN experiments e ON e.id = r.experiment_id")
               : Sql(" FROM experiments e"));
  add_where(sql, query, rows);
  if (!page.after.empty()) {
    sql.add(" AND ");
    add_behind(sql, keys, parse_cursor(page.after, keys.size()), 0);
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    sql.add(i == 0 ? Sql(" ORDER BY ") : Sql(", ")).add(name_of_key(i));
    if (keys[i].descending) sql.add(" DESC");
    if (keys[i].nullable) sql.add(" NULLS LAST");
  }
  sql.add(" LIMIT ").bind(static_cast<std::int64_t>(fetch(page)));

  Page<Listed<RowId>> found;
  Statement row(snapshot, sql);
  while (row.step()) {
    json cursor = json::array();
    for (std::size_t i = 0; i < keys.size(); ++i)
      cursor.push_back(to_cursor(row.value(static_cast<int>(i) + 1)));
    found.items.push_back({{row.integer(0)}, cursor.dump(-1, ' ', false, json::error_handler_t::replace)});
  }
  close_page(found, page, [](const Listed<RowId>& last) { return last.cursor; });
  return found;
}

}  // namespace

Page<Listed<RunId>> list_runs(Snapshot& snapshot, const ListQuery& query, const PageRequest& page) {
  return list<RunId>(snapshot, query, page, Rows::kRuns);
}

Page<Listed<ExperimentId>> list_experiments(Snapshot& snapshot, const ListQuery& query,
                                            const PageRequest& page) {
  return list<ExperimentId>(snapshot, query, page, Rows::kExperiments);
}

}  // namespace hooke::storage
