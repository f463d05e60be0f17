// Configuration files as users write them: from disk to a checked RunConfig, with errors that name
// file, line and field.
//
// Pure but for reading the file; any thread may call.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "hooke/v1/config.pb.h"
#include "proto/hooke/error.h"

namespace hooke::sdk {

// The text of a file; "-" is standard input.
// Throws hooke::Error (kInvalidArgument): missing, unreadable, a folder, or larger than 1 MiB.
std::string read_text(const std::string& path);

// "training.lr=0.1" in two; `option` names it in errors, as "--set".
// Throws hooke::Error (kInvalidArgument) without a key.
std::pair<std::string, std::string> split_assignment(const std::string& text, const std::string& option);

// What a user names on a command line; of file and preset exactly one.
struct ConfigSource {
  std::string file;  // "-": standard input
  std::string preset;
  std::vector<std::string> set;  // assignments, as "training.lr=0.1"
};

// The configuration, checked, not completed. Throws hooke::Error: kInvalidArgument with every error,
// one a line (`line_start` before each but the first), kNotFound for a preset that is not there.
v1::RunConfig load_config(const ConfigSource& source, const std::string& line_start = "");

// Every error of a configuration, of form (parse_config) and of value (complete), by line, and with
// its line where the text has one. Empty: it is valid.
std::vector<std::string> check_config(const std::string& text, const std::string& source);

// Line (from 1) on which `field`, as "probes.updates.1.lr" or "probes.updates[1].lr", is written;
// 0 when it is not written at all.
int line_of(const std::string& text, const std::string& field);

}  // namespace hooke::sdk
