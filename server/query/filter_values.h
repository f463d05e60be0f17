// The values of a filter: text to what a field is compared with. Pure functions.
//
// `name` is the field's, for errors. All throw kInvalidArgument with the position, the text and what is
// allowed.
#pragma once

#include <google/protobuf/descriptor.h>

#include <string>

#include "server/query/filter.h"
#include "server/storage/condition.h"
#include "server/storage/types.h"

namespace hooke::query {

// 7, 0.01, 1e-4, inf: a whole number as such.
storage::ConditionValue number_value(const Piece& value, const std::string& name);

// Those and nan.
double real_value(const Piece& value, const std::string& name);

// 90s, 1.5h, 250ms, 30m, 2d; in microseconds.
std::int64_t duration_value(const Piece& value, const std::string& name);

// RFC 3339 ("2026-05-04T13:00:00Z", "2026-05-04T13:00:00.5+02:00"), a day ("2026-05-04", in UTC), or a
// duration before `now` ("-24h"); in microseconds since the Unix epoch.
std::int64_t time_value(const Piece& value, TimeUs now, const std::string& name);

// true or false, as 1 or 0.
std::int64_t boolean_value(const Piece& value, const std::string& name);

// RUNNING, running or RUN_STATE_RUNNING.
std::int64_t state_value(const Piece& value);

// The value as users write it in a configuration, in either case.
std::string enum_value(const Piece& value, const google::protobuf::EnumDescriptor& type,
                       const std::string& name);

}  // namespace hooke::query
