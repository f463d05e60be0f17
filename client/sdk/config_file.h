// Configuration files as users write them: from disk to a checked RunConfig, with errors that name
// file, line and field.
//
// Pure but for reading the file; any thread may call.
#pragma once

#include <string>
#include <vector>

#include "hooke/v1/config.pb.h"
#include "proto/hooke/error.h"

namespace hooke::sdk {

// The text of a file; "-" is standard input.
// Throws hooke::Error (kInvalidArgument): missing, unreadable, a folder, or larger than 1 MiB.
std::string read_text(const std::string& path);

// Every error of a configuration, of form (parse_config) and of value (complete), by line, and with
// its line where the text has one. Empty: it is valid.
std::vector<std::string> check_config(const std::string& text, const std::string& source);

// Line (from 1) on which `field`, as "probes.updates.1.lr" or "probes.updates[1].lr", is written;
// 0 when it is not written at all.
int line_of(const std::string& text, const std::string& field);

}  // namespace hooke::sdk
