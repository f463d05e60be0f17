// Imports: scalar series from CSV files and from event files of TensorBoard.
//
// Functions for one thread. Each calls `use` with columns of at most kColumnPoints points, each series'
// steps strictly increasing from one call to the next, and throws hooke::Error that names file and line
// (or byte) of what is wrong: kNotFound, kInvalidArgument, kDataLoss; kResourceExhausted for more than
// kMaxImportPoints.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "hooke/v1/experiment.pb.h"

namespace hooke::formats {

// A message of so many points stays small.
inline constexpr std::size_t kColumnPoints = 40'000;

using UseColumn = std::function<void(v1::ScalarColumn&&)>;
// What the user should know: what was left out.
using Remark = std::function<void(const std::string&)>;

// A file "step,value", or every *.csv below a folder; the path in it is the key (key_path.h). Tables of
// matrices and of pairs, as exports have them, are left out and said.
void read_csv(const std::filesystem::path& path, const UseColumn& use, const Remark& remark);

// An event file, or all of a folder that holds one run's, merged by step. A tag is a key. Scalars are
// `simple_value`, and tensors of rank 0 of float and double; whatever else there is is left out and said.
void read_events(const std::filesystem::path& path, const UseColumn& use, const Remark& remark);

}  // namespace hooke::formats
