#include "server/query/filter_values.h"

#include <google/protobuf/util/time_util.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "hooke/v1/resources.pb.h"
#include "proto/hooke/error.h"
#include "proto/hooke/run_config.h"

namespace hooke::query {
namespace {

using google::protobuf::util::TimeUtil;

constexpr std::size_t kMostQuotedBytes = 60;

Error refuse(const Piece& value, const std::string& what) {
  const bool cut = value.text.size() > kMostQuotedBytes;
  return invalid("filter", "character " + std::to_string(value.position) + ": '" +
                               (cut ? value.text.substr(0, kMostQuotedBytes) + "…" : value.text) + "' " +
                               what);
}

template <class Number>
std::optional<Number> parse(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

// Microseconds of "90s"; absent for what is no duration.
std::optional<std::int64_t> parse_duration(std::string_view text) {
  constexpr std::pair<std::string_view, double> kUnits[] = {{"us", 1},   {"ms", 1e3},   {"s", 1e6},
                                                            {"m", 60e6}, {"h", 3600e6}, {"d", 86400e6}};
  for (const auto& [unit, us] : kUnits) {
    if (!text.ends_with(unit)) continue;
    const auto count = parse<double>(text.substr(0, text.size() - unit.size()));
    if (!count) continue;
    const double total = *count * us;
    if (!(std::fabs(total) < 9e18)) return std::nullopt;
    return std::llround(total);
  }
  return std::nullopt;
}

}  // namespace

storage::ConditionValue number_value(const Piece& value, const std::string& name) {
  if (const auto whole = parse<std::int64_t>(value.text)) return *whole;
  const double real = real_value(value, name);
  if (std::isnan(real)) throw refuse(value, "is not allowed; " + name + " is never NaN");
  return real;
}

double real_value(const Piece& value, const std::string& name) {
  const auto real = parse<double>(value.text);
  if (!real) throw refuse(value, "is no number, and " + name + " is one");
  return *real;
}

std::int64_t duration_value(const Piece& value, const std::string& name) {
  const auto duration = parse_duration(value.text);
  if (!duration) throw refuse(value, "is no duration, and " + name + " is one, as in 90s, 1.5h or 2d");
  return *duration;
}

std::int64_t time_value(const Piece& value, TimeUs now, const std::string& name) {
  constexpr std::size_t kDayLength = std::string_view("2026-05-04").size();
  const auto before = parse_duration(value.text);
  if (before && *before <= 0) return now + *before;
  google::protobuf::Timestamp time;
  const bool day = value.text.size() == kDayLength;
  if (!TimeUtil::FromString(day ? value.text + "T00:00:00Z" : value.text, &time))
    throw refuse(value, "is no time, and " + name +
                            " is one, as in 2026-05-04T13:00:00Z, 2026-05-04, or -24h for 24 hours ago");
  return TimeUtil::TimestampToMicroseconds(time);
}

std::int64_t boolean_value(const Piece& value, const std::string& name) {
  const std::string text = lower(value.text);
  if (text == "true") return 1;
  if (text == "false") return 0;
  throw refuse(value, "is neither true nor false, and " + name + " is one of them");
}

std::int64_t state_value(const Piece& value) {
  const auto* type = v1::RunState_descriptor();
  const std::string text = lower(value.text);
  std::string allowed;
  for (int i = 0; i < type->value_count(); ++i) {
    const auto* state = type->value(i);
    if (state->number() == 0) continue;
    if (text == short_name(*state) || text == lower(state->name())) return state->number();
    allowed += (allowed.empty() ? "" : ", ") + short_name(*state);
  }
  throw refuse(value, "is no state of a run; one of " + allowed);
}

std::string enum_value(const Piece& value, const google::protobuf::EnumDescriptor& type,
                       const std::string& name) {
  const std::string text = lower(value.text);
  std::string allowed;
  for (int i = 0; i < type.value_count(); ++i) {
    const auto* one = type.value(i);
    if (one->number() == 0) continue;
    if (text == short_name(*one) || text == lower(one->name())) return short_name(*one);
    allowed += (allowed.empty() ? "" : ", ") + short_name(*one);
  }
  throw refuse(value, "is no value of " + name + "; one of " + allowed);
}

}  // namespace hooke::query
