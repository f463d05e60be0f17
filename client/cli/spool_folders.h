// What workers left below a folder: runs that were made without a server (DIR/run.json, DIR/SEGMENT/) and
// attempts of runs that have one (SPOOL/RUN/ATTEMPT/).
//
// Functions that read files; any thread may call. Errors of the file system are
// std::filesystem::filesystem_error; hooke::Error where said.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace hooke::cli {

// The records of one segment or attempt.
struct SpoolFile {
  std::int32_t number = 0;  // of the segment or attempt
  std::filesystem::path path;
  std::string attempt_id;  // hooke.v1.LeaseGrant.attempt_id; empty for a segment
};

struct SpoolRun {
  std::filesystem::path folder;
  std::string id;  // UUID of an offline run, else the run's id
  bool offline = false;
  std::string config_json;       // of an offline run
  std::string submitted;         // id of the run on the server that an offline run is; empty: it makes one
  std::vector<SpoolFile> files;  // that are there, by number
};

// `folder` itself or everything below it, by path.
// Throws hooke::Error: kInvalidArgument when it is no folder, kDataLoss for a damaged run.json.
std::vector<SpoolRun> find_spools(const std::filesystem::path& folder);

// The segments that have records by now.
std::vector<SpoolFile> segments_of(const std::filesystem::path& run_folder);

// What stands in a spool. Records up to `freed` are not there any more.
struct SpoolExtent {
  std::uint64_t freed = 0;
  std::uint64_t last = 0;        // number of the last whole record; 0: none
  std::uint64_t bytes = 0;       // up to its end
  std::uint64_t torn_bytes = 0;  // after it: cut short, or just being written
  bool ended = false;            // the last record is the End
};

// Reads all of it. Throws hooke::Error (kDataLoss) when it cannot be read or is damaged.
SpoolExtent measure_spool(const std::filesystem::path& spool);

}  // namespace hooke::cli
