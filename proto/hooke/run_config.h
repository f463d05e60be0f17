// What the contract says of a RunConfig beyond its types: defaults, allowed values, and the
// canonical JSON that is stored with a run and read by the trainer. Pure functions.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "hooke/v1/config.pb.h"

namespace hooke {

// Fills every default and checks every value.
// Throws hooke::Error (kInvalidArgument) naming the field, its value and what is allowed;
// kUnimplemented for a value of the contract that this version cannot run yet.
v1::RunConfig complete(v1::RunConfig config);

// A configuration in the form users write: proto field names, enum values in lower case without
// prefix, absent fields absent, fields in the order of their numbers.
nlohmann::ordered_json to_json(const google::protobuf::Message& message);

// Checks an experiment's name. Throws hooke::Error (kInvalidArgument) that says what is allowed.
void check_name(const std::string& field, const std::string& name);

// to_json(), compact, as text: the same bytes for equal configurations. It is YAML as well.
std::string canonical_json(const v1::RunConfig& config);

// "adam" for OPTIMIZER_ADAM: the value as users write it.
std::string short_name(const google::protobuf::EnumValueDescriptor& value);

// "sgd, adam, adamw": what users may write of an enumeration.
std::string allowed_names(const google::protobuf::EnumDescriptor& enumeration);

}  // namespace hooke
