#include "server/storage/condition_sql.h"

namespace hooke::storage {
namespace {

// The newest value of a scalar series; the row may be there with a NULL, which is a NaN.
constexpr Sql kLatestFrom =
    "FROM series s JOIN latest_values l ON l.run_id = s.run_id AND l.series_id = s.id "
    "WHERE s.run_id = r.id AND s.kind = 1 AND s.key = ";

std::string ascii_lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

Bound bound(const ConditionValue& value) {
  return std::visit([](const auto& one) { return Bound(one); }, value);
}

// Fields that are one expression; empty for those with a key.
Sql expression_of(Field field, Rows rows) {
  const bool runs = rows == Rows::kRuns;
  switch (field) {
    case Field::kName:
      return runs ? Sql("('experiments/' || e.name || '/runs/' || r.run_id)")
                  : Sql("('experiments/' || e.name)");
    case Field::kSubmitter:
      return runs ? Sql("r.submitter") : Sql("e.submitter");
    case Field::kNote:
      return runs ? Sql("r.note") : Sql("e.note");
    case Field::kArchived:
      return runs ? Sql("r.archived") : Sql("e.archived");
    case Field::kCreateTime:
      return runs ? Sql("r.create_us") : Sql("e.create_us");
    case Field::kExperiment:
      return "e.name";
    case Field::kRunCount:
      if (runs) return "";
      return "(SELECT count(*) FROM runs c WHERE c.experiment_id = e.id)";
    default:
      break;
  }
  if (!runs) return "";
  switch (field) {
    case Field::kState:
      return "r.state";
    case Field::kRunId:
      return "r.run_id";
    case Field::kSeed:
      return "r.seed";
    case Field::kStep:
      return "r.step";
    case Field::kTotalSteps:
      return "r.total_steps";
    case Field::kStartTime:
      return "r.start_us";
    case Field::kEndTime:
      return "r.end_us";
    case Field::kRecordTime:
      return "r.record_us";
    case Field::kUpdateTime:
      return "max(coalesce((SELECT h.time_us FROM state_history h WHERE h.run_id = r.id ORDER BY h.id DESC "
             "LIMIT 1), "
             "r.create_us), coalesce(r.record_us, r.create_us))";
    case Field::kDuration:
      return "(coalesce(r.end_us, r.record_us) - r.start_us)";
    case Field::kWorker:
      return "r.worker";
    case Field::kAttempt:
      return "r.attempt";
    case Field::kFailedAttempts:
      return "r.failed_attempts";
    case Field::kMaxAttempts:
      return "r.max_attempts";
    case Field::kPriority:
      return "r.priority";
    case Field::kExecutor:
      return "r.executor";
    case Field::kReason:
      return "r.reason_message";
    case Field::kConfigHash:
      return "r.config_hash";
    default:
      return "";
  }
}

void add_tag(SqlText& sql, const std::string& key, Rows rows) {
  constexpr Sql kOfExperiment =
      "(SELECT t.value FROM experiment_tags t WHERE t.experiment_id = e.id AND t.key = ";
  if (rows == Rows::kExperiments) {
    sql.add(kOfExperiment).bind(key).add(")");
    return;
  }
  sql.add("coalesce((SELECT t.value FROM run_tags t WHERE t.run_id = r.id AND t.key = ").bind(key);
  sql.add("), ").add(kOfExperiment).bind(key).add("))");
}

Sql sign_of(Comparison comparison) {
  switch (comparison) {
    case Comparison::kNotEqual:
      return " <> ";
    case Comparison::kLess:
      return " < ";
    case Comparison::kLessEqual:
      return " <= ";
    case Comparison::kGreater:
      return " > ";
    case Comparison::kGreaterEqual:
      return " >= ";
    case Comparison::kIs:
      return " IS ";
    default:
      return " = ";
  }
}

// A latest value that is NaN is NULL in a row that is there; a NaN that is compared with is bound as NULL.
void add_latest(SqlText& sql, const Condition& one) {
  sql.add("EXISTS (SELECT 1 ").add(kLatestFrom).bind(one.operand.key);
  if (one.comparison != Comparison::kPresent) {
    sql.add(" AND ifnull(l.value").add(sign_of(one.comparison)).bind(bound(one.value));
    sql.add(one.comparison == Comparison::kNotEqual ? Sql(", 1)") : Sql(", 0)"));
  }
  sql.add(")");
}

void add_text_part(SqlText& sql, const Condition& one, Rows rows) {
  const auto& text = std::get<std::string>(one.value);
  const auto operand = [&] { add_operand(sql, one.operand, rows); };
  switch (one.comparison) {
    case Comparison::kStartsWith:
      sql.add("ifnull(substr(");
      operand();
      sql.add(", 1, length(").bind(text).add(")) = ").bind(text).add(", 0)");
      return;
    case Comparison::kEndsWith:
      sql.add("ifnull(substr(");
      operand();
      sql.add(", -length(").bind(text).add(")) = ").bind(text).add(", 0)");
      return;
    default:
      sql.add("ifnull(instr(lower(");
      operand();
      sql.add("), ").bind(ascii_lower(text)).add(") > 0, 0)");
  }
}

void add_present(SqlText& sql, const Operand& operand, Rows rows) {
  if (operand.field == Field::kConfig) {
    sql.add("(json_type(r.config_json, ").bind(operand.key).add(") IS NOT NULL)");
    return;
  }
  // A tag may be empty and there; of other texts an empty one is none.
  sql.add("(");
  add_operand(sql, operand, rows);
  sql.add(operand.field == Field::kTag ? Sql(" IS NOT NULL)") : Sql(" IS NOT NULL AND "));
  if (operand.field == Field::kTag) return;
  add_operand(sql, operand, rows);
  sql.add(" <> '')");
}

void add_comparison(SqlText& sql, const Condition& one, Rows rows) {
  if (one.operand.field == Field::kLatest) return add_latest(sql, one);
  if (one.operand.field == Field::kState && rows == Rows::kExperiments) {
    sql.add("EXISTS (SELECT 1 FROM runs c WHERE c.experiment_id = e.id AND c.state = ")
        .bind(bound(one.value));
    sql.add(")");
    return;
  }
  switch (one.comparison) {
    case Comparison::kPresent:
      return add_present(sql, one.operand, rows);
    case Comparison::kStartsWith:
    case Comparison::kEndsWith:
    case Comparison::kContains:
      return add_text_part(sql, one, rows);
    case Comparison::kHolds:
      sql.add("EXISTS (SELECT 1 FROM json_each(r.config_json, ").bind(one.operand.key);
      sql.add(") j WHERE j.value = ").bind(bound(one.value)).add(")");
      return;
    default:
      sql.add("ifnull(");
      add_operand(sql, one.operand, rows);
      sql.add(sign_of(one.comparison)).bind(bound(one.value)).add(", 0)");
  }
}

void add_search(SqlText& sql, const std::string& word, Rows rows) {
  const std::string lower = ascii_lower(word);
  const auto tags = [&](Sql table, Sql owner) {
    sql.add(" OR EXISTS (SELECT 1 FROM ").add(table).add(" t WHERE t.").add(owner);
    sql.add(" AND (instr(lower(t.key), ").bind(lower).add(") > 0 OR instr(lower(t.value), ").bind(lower);
    sql.add(") > 0))");
  };
  sql.add("(instr(lower(e.name), ").bind(lower).add(") > 0");
  if (rows == Rows::kRuns) {
    sql.add(" OR instr(r.run_id, ").bind(lower).add(") > 0");
    tags("run_tags", "run_id = r.id");
  }
  tags("experiment_tags", "experiment_id = e.id");
  sql.add(")");
}

}  // namespace

void add_operand(SqlText& sql, const Operand& operand, Rows rows) {
  if (operand.field == Field::kTag) return add_tag(sql, operand.key, rows);
  if (rows == Rows::kRuns && operand.field == Field::kConfig) {
    sql.add("json_extract(r.config_json, ").bind(operand.key).add(")");
    return;
  }
  if (rows == Rows::kRuns && operand.field == Field::kLatest) {
    sql.add("(SELECT l.value ").add(kLatestFrom).bind(operand.key).add(")");
    return;
  }
  const Sql expression = expression_of(operand.field, rows);
  if (expression.text().empty())
    throw Error(Code::kInternal, "a list was asked for a field that its rows do not have");
  sql.add(expression);
}

void add_condition(SqlText& sql, const Condition& condition, Rows rows) {
  switch (condition.kind) {
    case Condition::Kind::kCompare:
      return add_comparison(sql, condition, rows);
    case Condition::Kind::kSearch:
      return add_search(sql, std::get<std::string>(condition.value), rows);
    case Condition::Kind::kNot:
      sql.add("NOT ");
      return add_condition(sql, condition.parts.at(0), rows);
    default:
      break;
  }
  const bool all = condition.kind == Condition::Kind::kAll;
  sql.add(all ? Sql("(1") : Sql("(0"));
  for (const Condition& part : condition.parts) {
    sql.add(all ? Sql(" AND ") : Sql(" OR "));
    add_condition(sql, part, rows);
  }
  sql.add(")");
}

}  // namespace hooke::storage
