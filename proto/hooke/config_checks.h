// The checks that the parts of a configuration share; each throws hooke::Error with the field, its
// value and what is allowed. Pure functions.
#pragma once

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <type_traits>

#include "proto/hooke/error.h"
#include "proto/hooke/run_config.h"

namespace hooke {

// Largest width of a layer that makes sense: keeps a typing error from becoming hours of work.
inline constexpr int kMaxWidth = 1 << 20;

// As YAML has it; the number of a value that this version does not know.
template <class Enum>
std::string name_of(Enum value) {
  const auto* known = google::protobuf::GetEnumDescriptor<Enum>()->FindValueByNumber(value);
  return known ? short_name(*known) : std::to_string(value);
}

inline std::string text(double value) {
  return nlohmann::json(value).dump();
}

// Checks "value is at least low (and at most high)" for one field.
template <class T>
void check_range(const char* field, T value, T low, T high) {
  if (value >= low && value <= high) return;
  throw invalid(field,
                (std::is_floating_point_v<T> ? text(static_cast<double>(value)) : std::to_string(value)) +
                    " is not allowed; from " +
                    (std::is_floating_point_v<T> ? text(static_cast<double>(low)) : std::to_string(low)) +
                    " to " +
                    (std::is_floating_point_v<T> ? text(static_cast<double>(high)) : std::to_string(high)));
}

inline void check_rate(const std::string& field, double value) {
  if (!(value >= 0) || std::isinf(value))
    throw invalid(field, text(value) + " is not allowed; a finite number, 0 or larger");
}

// Refuses a value that the contract has but this version cannot run.
template <class Enum>
void check_available(const std::string& field, Enum value, std::initializer_list<Enum> available) {
  if (std::find(available.begin(), available.end(), value) != available.end()) return;
  std::string names;
  for (const Enum one : available) names += (names.empty() ? "" : ", ") + name_of(one);
  throw Error(Code::kUnimplemented,
              "'" + name_of(value) + "' is not available in this version; available: " + names, field);
}

}  // namespace hooke
