// IDX files, gzip'd or plain, as MNIST's are. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "worker/data/raw.h"

namespace hooke::data {

// An IDX file of unsigned bytes.
struct Idx {
  std::vector<std::int64_t> sizes;   // {images, height, width}, or {labels}
  std::vector<std::uint8_t> values;  // row-major
  std::uint32_t checksum = 0;        // CRC-32 of the stored bytes
  std::string file;                  // its name without the folder
};

// Reads `folder/name`, or `folder/name.gz`, which must have `dimensions` dimensions.
// Throws hooke::Error, field "data.path": kNotFound, kDataLoss with file, offset and what is there.
Idx read_idx(const std::filesystem::path& folder, const std::string& name, std::size_t dimensions);

// Reads the four files of a set: train and t10k, images and labels. Errors as read_idx().
Raw read_idx_set(const std::filesystem::path& folder);

}  // namespace hooke::data
