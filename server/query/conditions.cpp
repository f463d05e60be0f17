#include "server/query/conditions.h"

#include <algorithm>
#include <span>

#include "proto/hooke/error.h"
#include "proto/hooke/run_config.h"
#include "server/query/config_path.h"
#include "server/query/filter_values.h"

namespace hooke::query {
namespace {

using google::protobuf::FieldDescriptor;
using storage::Comparison;
using storage::Condition;
using storage::Field;

enum class Type { kText, kNumber, kTime, kDuration, kBoolean, kState, kSomeState, kTag, kConfig, kLatest };

struct FieldInfo {
  const char* name;
  Field field;
  Type type;
};

constexpr FieldInfo kRunFields[] = {
    {"name", Field::kName, Type::kText},
    {"id", Field::kRunId, Type::kText},
    {"run_id", Field::kRunId, Type::kText},
    {"experiment", Field::kExperiment, Type::kText},
    {"state", Field::kState, Type::kState},
    {"seed", Field::kSeed, Type::kNumber},
    {"step", Field::kStep, Type::kNumber},
    {"total_steps", Field::kTotalSteps, Type::kNumber},
    {"create_time", Field::kCreateTime, Type::kTime},
    {"start_time", Field::kStartTime, Type::kTime},
    {"end_time", Field::kEndTime, Type::kTime},
    {"record_time", Field::kRecordTime, Type::kTime},
    {"update_time", Field::kUpdateTime, Type::kTime},
    {"duration", Field::kDuration, Type::kDuration},
    {"submitter", Field::kSubmitter, Type::kText},
    {"worker", Field::kWorker, Type::kText},
    {"attempt", Field::kAttempt, Type::kNumber},
    {"failed_attempts", Field::kFailedAttempts, Type::kNumber},
    {"max_attempts", Field::kMaxAttempts, Type::kNumber},
    {"priority", Field::kPriority, Type::kNumber},
    {"executor", Field::kExecutor, Type::kText},
    {"reason", Field::kReason, Type::kText},
    {"note", Field::kNote, Type::kText},
    {"archived", Field::kArchived, Type::kBoolean},
    {"config_hash", Field::kConfigHash, Type::kText},
    {"tags", Field::kTag, Type::kTag},
    {"config", Field::kConfig, Type::kConfig},
    {"latest", Field::kLatest, Type::kLatest},
};

constexpr FieldInfo kExperimentFields[] = {
    {"name", Field::kName, Type::kText},
    {"id", Field::kExperiment, Type::kText},
    {"experiment", Field::kExperiment, Type::kText},
    {"state", Field::kState, Type::kSomeState},
    {"run_count", Field::kRunCount, Type::kNumber},
    {"create_time", Field::kCreateTime, Type::kTime},
    {"submitter", Field::kSubmitter, Type::kText},
    {"note", Field::kNote, Type::kText},
    {"archived", Field::kArchived, Type::kBoolean},
    {"tags", Field::kTag, Type::kTag},
};

std::span<const FieldInfo> fields_of(ListOf list) {
  if (list == ListOf::kRuns) return kRunFields;
  return kExperimentFields;
}

Comparison plain(Comparator comparator) {
  switch (comparator) {
    case Comparator::kNotEqual:
      return Comparison::kNotEqual;
    case Comparator::kLess:
      return Comparison::kLess;
    case Comparator::kLessEqual:
      return Comparison::kLessEqual;
    case Comparator::kGreater:
      return Comparison::kGreater;
    case Comparator::kGreaterEqual:
      return Comparison::kGreaterEqual;
    case Comparator::kHas:
      return Comparison::kIs;
    default:
      return Comparison::kEqual;
  }
}

Error refuse(const char* field, const Piece& at, const std::string& what) {
  return invalid(field, "character " + std::to_string(at.position) + ": " + what);
}

// What a member names: the field, and the rest of its pieces as a key.
struct Named {
  const FieldInfo* info = nullptr;
  storage::Operand operand;
  ConfigPath config;  // of Type::kConfig
};

// The pieces behind the first, as one key: a tag and a series may have dots in theirs.
std::string rest_of(const std::vector<Piece>& member) {
  return text_of(std::vector<Piece>(member.begin() + 1, member.end()));
}

Named name_of(const std::vector<Piece>& member, ListOf list, const char* field) {
  const auto fields = fields_of(list);
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [&](const FieldInfo& info) { return member[0].text == info.name; });
  if (found == fields.end()) {
    std::string names;
    for (const FieldInfo& info : fields) {
      names += (names.empty() ? "" : ", ") + std::string(info.name);
      names += info.type == Type::kTag      ? ".KEY"
               : info.type == Type::kConfig ? ".PATH"
               : info.type == Type::kLatest ? ".\"SERIES\""
                                            : "";
    }
    throw refuse(field, member[0],
                 "'" + member[0].text + "' is no field of " +
                     (list == ListOf::kRuns ? "runs" : "experiments") + "; there are " + names);
  }
  Named named{&*found, {found->field, {}}, {}};
  if (found->type == Type::kConfig) {
    named.config = resolve_config_path(member, 1, field);
    named.operand.key = named.config.json_path;
  } else if (found->type == Type::kTag || found->type == Type::kLatest) {
    named.operand.key = rest_of(member);
  } else if (member.size() > 1) {
    throw refuse(field, member[1],
                 "'" + member[1].text + "' is none: " + found->name + " has no fields of its own");
  }
  return named;
}

// Turns one comparison into a condition.
class Comparing {
 public:
  Comparing(const Expression& from, ListOf list, TimeUs now)
      : from_(from), now_(now), named_(name_of(from.member, list, "filter")) {}

  Condition condition() {
    result_.kind = Condition::Kind::kCompare;
    result_.operand = named_.operand;
    result_.comparison = plain(from_.comparator);
    if (!key_is_the_value() && !presence()) compare();
    return std::move(result_);
  }

 private:
  // "tags:KEY" and "latest:KEY": whether there is one.
  bool key_is_the_value() {
    const Type type = named_.info->type;
    if ((type != Type::kTag && type != Type::kLatest) || !result_.operand.key.empty()) return false;
    const std::string name = named_.info->name;
    if (from_.comparator != Comparator::kHas || starred() || from_.value.text.empty())
      throw refuse(
          "filter", from_.member[0],
          "'" + name + "' needs a key, as in " + name +
              (type == Type::kTag ? ".team or tags:team" : ".\"train/loss\" or latest:\"train/loss\""));
    result_.operand.key = from_.value.text;
    result_.comparison = Comparison::kPresent;
    return true;
  }

  // "FIELD:*": whether it has a value.
  bool presence() {
    if (!starred() || !from_.value.text.empty()) return false;
    if (from_.comparator == Comparator::kNotEqual || from_.comparator == Comparator::kEqual ||
        from_.comparator == Comparator::kHas) {
      if (named_.info->type == Type::kSomeState) throw refuse("filter", from_.value, "give a state");
      result_.comparison = Comparison::kPresent;
      if (from_.comparator == Comparator::kNotEqual) negate();
      return true;
    }
    throw refuse("filter", from_.value, "'*' goes with =, != and : only");
  }

  void compare() {
    switch (named_.info->type) {
      case Type::kText:
      case Type::kTag:
        return text();
      case Type::kNumber:
        return set(number_value(plain_value(), named_.info->name));
      case Type::kLatest:
        return set(real_value(plain_value(), text_of(from_.member)));
      case Type::kTime:
        return set(time_value(plain_value(), now_, named_.info->name));
      case Type::kDuration:
        return set(duration_value(plain_value(), named_.info->name));
      case Type::kBoolean:
        equality_only("true or false");
        return set(boolean_value(plain_value(), named_.info->name));
      case Type::kState:
        equality_only("a state");
        return set(state_value(plain_value()));
      case Type::kSomeState:
        if (from_.comparator != Comparator::kHas)
          throw refuse(
              "filter", from_.member[0],
              "an experiment has runs in several states; ask whether it has one, as in state:RUNNING");
        return set(state_value(plain_value()));
      case Type::kConfig:
        return config();
    }
  }

  void text() {
    const Piece& value = from_.value;
    if (from_.comparator == Comparator::kHas) {
      result_.comparison = Comparison::kContains;
    } else if (starred()) {
      if (from_.comparator != Comparator::kEqual && from_.comparator != Comparator::kNotEqual)
        throw refuse("filter", value, "'*' goes with =, != and : only");
      result_.comparison = value.star_before && value.star_after ? Comparison::kContains
                           : value.star_before                   ? Comparison::kEndsWith
                                                                 : Comparison::kStartsWith;
    }
    set(value.text);
    if (starred() && from_.comparator == Comparator::kNotEqual) negate();
  }

  void config() {
    const ConfigPath& path = named_.config;
    const FieldDescriptor& field = *path.field;
    if (path.message)
      throw refuse(
          "filter", from_.member.back(),
          text_of(from_.member) + " has fields of its own: " + query::fields_of(*field.message_type()));
    if (path.list) {
      if (field.message_type())
        throw refuse("filter", from_.member.back(),
                     text_of(from_.member) + " is a list; name an element and its field, as in " +
                         text_of(from_.member) + ".0." + field.message_type()->field(0)->name());
      if (from_.comparator != Comparator::kHas)
        throw refuse("filter", from_.member.back(),
                     text_of(from_.member) +
                         " is a list; ask with ':' whether it has a value, or name an element, as in " +
                         text_of(from_.member) + ".0");
      result_.comparison = Comparison::kHolds;
    }
    const std::string name = text_of(from_.member);
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        if (!path.list) return text();
        return set(plain_value().text);
      case FieldDescriptor::CPPTYPE_ENUM:
        if (!path.list) equality_only("one of its values");
        return set(enum_value(plain_value(), *field.enum_type(), name));
      case FieldDescriptor::CPPTYPE_BOOL:
        if (!path.list) equality_only("true or false");
        return set(boolean_value(plain_value(), name));
      default:
        return set(number_value(plain_value(), name));
    }
  }

  // Values without an order.
  void equality_only(const std::string& what) const {
    if (from_.comparator == Comparator::kEqual || from_.comparator == Comparator::kNotEqual ||
        from_.comparator == Comparator::kHas)
      return;
    throw refuse("filter", from_.value,
                 text_of(from_.member) + " is " + what + " and has no order; use = or !=");
  }

  const Piece& plain_value() const {
    if (starred())
      throw refuse("filter", from_.value,
                   "'*' stands for a part of a text, and " + text_of(from_.member) + " is none");
    return from_.value;
  }

  bool starred() const { return from_.value.star_before || from_.value.star_after; }

  void set(storage::ConditionValue value) { result_.value = std::move(value); }

  // "is there, and not so": what a run does not have matches no comparison.
  void negate() {
    Condition negated;
    negated.kind = Condition::Kind::kNot;
    negated.parts.push_back(result_);
    if (result_.comparison == Comparison::kPresent) {
      result_ = std::move(negated);
      return;
    }
    Condition both;
    both.parts = {result_, std::move(negated)};
    both.parts[0].comparison = Comparison::kGreaterEqual;  // true for every text that is there
    both.parts[0].value = std::string();
    result_ = std::move(both);
  }

  const Expression& from_;
  const TimeUs now_;
  const Named named_;
  Condition result_;
};

Condition word_of(const Expression& word, ListOf list) {
  const auto fields = fields_of(list);
  const bool is_field = std::any_of(fields.begin(), fields.end(), [&](const FieldInfo& info) {
    return !word.member[0].quoted && word.member[0].text == info.name;
  });
  if (is_field)
    throw refuse("filter", word.member[0],
                 "'" + text_of(word.member) + "' is a field without a comparison, as in " +
                     text_of(word.member) + " = …; quote it to search for the word");
  Condition search;
  search.kind = Condition::Kind::kSearch;
  search.value = text_of(word.member);
  return search;
}

}  // namespace

Condition condition_of(const Expression& filter, ListOf list, TimeUs now) {
  Condition condition;
  switch (filter.kind) {
    case Expression::Kind::kComparison:
      return Comparing(filter, list, now).condition();
    case Expression::Kind::kWord:
      return word_of(filter, list);
    case Expression::Kind::kAnd:
      condition.kind = Condition::Kind::kAll;
      break;
    case Expression::Kind::kOr:
      condition.kind = Condition::Kind::kAny;
      break;
    case Expression::Kind::kNot:
      condition.kind = Condition::Kind::kNot;
      break;
  }
  for (const Expression& part : filter.parts) condition.parts.push_back(condition_of(part, list, now));
  return condition;
}

std::vector<storage::SortKey> sort_keys_of(const std::vector<OrderTerm>& order, ListOf list) {
  std::vector<storage::SortKey> keys;
  for (const OrderTerm& term : order) {
    const Named named = name_of(term.member, list, "order_by");
    const std::string name = text_of(term.member);
    const bool keyed = named.info->type == Type::kTag || named.info->type == Type::kLatest;
    if (keyed && named.operand.key.empty())
      throw refuse("order_by", term.member[0], "'" + name + "' needs a key, as in " + name + ".\"KEY\"");
    if (named.info->type == Type::kSomeState)
      throw refuse("order_by", term.member[0],
                   "an experiment has runs in several states; there is no order by them");
    if (named.config.list || named.config.message)
      throw refuse("order_by", term.member.back(),
                   "'" + name + "' is no single value; there is no order by it");
    const bool twice = std::any_of(keys.begin(), keys.end(), [&](const storage::SortKey& key) {
      return key.operand.field == named.operand.field && key.operand.key == named.operand.key;
    });
    if (twice) throw refuse("order_by", term.member[0], "'" + name + "' stands twice");
    keys.push_back({named.operand, term.descending});
  }
  return keys;
}

bool mentions(const Condition& condition, Field field) {
  if (condition.kind == Condition::Kind::kCompare) return condition.operand.field == field;
  return std::any_of(condition.parts.begin(), condition.parts.end(),
                     [field](const Condition& part) { return mentions(part, field); });
}

}  // namespace hooke::query
