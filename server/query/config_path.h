// Paths into a run's configuration, as "training.lr" or "probes.updates.0.lr". Pure functions.
#pragma once

#include <google/protobuf/descriptor.h>

#include <string>
#include <vector>

#include "server/query/filter.h"

namespace hooke::query {

struct ConfigPath {
  // For SQLite's json_extract, as "$.probes.updates[0].lr".
  std::string json_path;
  const google::protobuf::FieldDescriptor* field = nullptr;
  // What the path names is a whole list.
  bool list = false;
  bool message = false;  // has fields of its own, and is no list
};

// Resolves the pieces from `first` on. Throws kInvalidArgument for `request_field` with the position of
// the piece that is none and what stands there instead.
ConfigPath resolve_config_path(const std::vector<Piece>& pieces, std::size_t first,
                               const std::string& request_field);

// "a, b, c" of the fields of a message.
std::string fields_of(const google::protobuf::Descriptor& message);

}  // namespace hooke::query
