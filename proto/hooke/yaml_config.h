// YAML (and JSON, which is YAML) -> RunConfig, with errors that name line and field.
#pragma once

#include <string>

#include "hooke/v1/config.pb.h"

namespace hooke {

// Reads one document. `source` names it in errors, as "lr.yaml". Fills no defaults: see complete().
// Throws hooke::Error (kInvalidArgument): not YAML, an unknown or repeated field (with what the
// message has), a value of the wrong type or outside an enum (with what is allowed), each with
// its line.
v1::RunConfig parse_config(const std::string& text, const std::string& source);

// Sets one field, as set_field(config, "training.lr", "0.1"); the value is YAML; list elements are
// addressed by index, as "probes.updates.0.lr". Throws as parse_config does.
void set_field(v1::RunConfig& config, const std::string& path, const std::string& value);

}  // namespace hooke
