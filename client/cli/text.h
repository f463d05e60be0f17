// Pieces of text that several commands print alike.
//
// Pure functions; any thread may call.
#pragma once

#include <google/protobuf/timestamp.pb.h>

#include <iosfwd>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "client/cli/output.h"
#include "hooke/v1/resources.pb.h"

namespace hooke::cli {

// Runs, one line each, in the format that was asked for.
void print_runs(std::ostream& out, const std::vector<v1::Run>& runs, Format format);

// Rows of field and value without the header.
void print_facts(std::ostream& out, const Grid& facts);

// "2026-05-04 13:07:59" in the user's time zone; empty for no time.
std::string local_time(const google::protobuf::Timestamp& time);

// "1:05", "2:03:09".
std::string duration(double seconds);

// "3.2 MB".
std::string bytes(std::int64_t count);

// JSON as the YAML that users write: blocks outside, [lists] and {small maps} inside.
std::string yaml_text(const nlohmann::ordered_json& json);

}  // namespace hooke::cli
