// A run without a server: each start of the program is a segment, a folder 1, 2, … of its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace hooke::trainer {

struct Segment {
  int number = 1;
  std::filesystem::path folder;                    // of this start; does not exist yet
  std::vector<std::filesystem::path> checkpoints;  // of the earlier ones, newest first
  std::uint64_t predecessor_last_record = 0;       // after its torn end was cut
  bool finished = false;                           // the predecessor succeeded: nothing is left to do
};

// Looks at what earlier starts left in `out`, and cuts a torn end of the last one's spool. One
// program at a time may use the folder. Throws what spool::Writer throws.
Segment next_segment(const std::filesystem::path& out);

// Removes all checkpoints in `out` but the two newest: what comes before them is never resumed. What
// cannot be removed stays.
void drop_old_checkpoints(const std::filesystem::path& out);

}  // namespace hooke::trainer
