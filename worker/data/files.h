// What the readers of data files share: finding, reading, and the errors of damaged ones.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "proto/hooke/error.h"

namespace hooke::data {

// A file's stored bytes and their CRC-32.
struct StoredFile {
  std::string bytes;
  std::uint32_t checksum = 0;
};

// The folder that `path` names: absolute, or relative to the first root that has it. Symbolic links
// are resolved before the check that it lies below a root. `origin` says where the data are to be
// had, for the message when there is no such folder; may be empty.
// Throws hooke::Error, field "data.path": kNotFound, kPermissionDenied.
std::filesystem::path find_below(const std::vector<std::filesystem::path>& roots, const std::string& path,
                                 const std::string& origin = {});

// Throws hooke::Error, field "data.path": kNotFound (with `origin`, as above), kDataLoss.
StoredFile read_file(const std::filesystem::path& file, const std::string& origin = {});

// The file exists but is not what it should be; `what` has the byte offset or the line.
Error damaged(const std::filesystem::path& file, const std::string& what);

}  // namespace hooke::data
