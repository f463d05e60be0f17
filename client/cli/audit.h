// What the server has of a run, against what its workers recorded: value by value.
//
// Every value of a record that was acknowledged, and that no later attempt's start has removed, must be
// stored once and as it was recorded; NaN is NaN, and a negative zero is stored as zero. Where all spools
// of the attempts are there, nothing else may be stored.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "client/cli/api.h"
#include "client/cli/spool_folders.h"

namespace hooke::cli {

struct Audit {
  std::int64_t compared =
      0;  // values (scalars, matrices, rows of pairs) that are stored as recorded or differ
  std::int64_t missing = 0;           // recorded and acknowledged, not stored
  std::int64_t different = 0;         // stored with another value
  std::int64_t unexpected = 0;        // stored, and in no spool, or stored twice
  std::int64_t not_comparable = 0;    // stored by attempts of which records are not there
  std::vector<std::string> examples;  // the first of what is wrong
  std::vector<std::string> remarks;   // why something could not be compared

  bool clean() const { return missing + different + unexpected == 0; }
};

// One thread; reads the spools while the server answers. `run` is a resource name.
// Throws hooke::Error: what the server or a spool's reader says.
Audit audit_run(Api& api, const std::string& run, const SpoolRun& spools);

}  // namespace hooke::cli
