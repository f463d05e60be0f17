// Where a new attempt of a run may begin: a pure decision on what the server has and what stands in
// the folders of earlier attempts.
//
// Invariant: a series never has a hole, and never points of two trajectories. The server's points up to
// a committed barrier are those of the attempt that wrote it, so a checkpoint fits when
//  1. its own barrier is committed; or
//  2. an earlier barrier of its attempt is: the spool has what follows the last such; or
//  3. its attempt has none, and what it began with (a barrier of another attempt that is committed
//     still, or nothing at all) is what the server has: the spool has everything since.
// Functions of their arguments.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace hooke::agent {

// Everything up to `step` is in the records up to `record` of an attempt.
struct Barrier {
  std::string attempt_id;  // hooke.v1.LeaseGrant.attempt_id: of this very grant
  std::uint64_t record = 0;
  std::int64_t step = 0;

  bool operator==(const Barrier&) const = default;
};

struct CheckpointFile {
  std::filesystem::path path;
  std::int64_t step = 0;
  std::uint64_t record = 0;  // of its barrier, in the spool beside it
};

// What an attempt left.
struct AttemptFolder {
  std::int32_t number = 0;
  std::string attempt_id;
  // The committed barrier that its records follow; none: they are the run's first.
  std::optional<Barrier> base;
  bool has_spool = false;
  std::vector<CheckpointFile> checkpoints;
};

// One way to begin.
struct Resume {
  CheckpointFile checkpoint;
  // The committed barrier that the new attempt's records follow; none: they are the run's first.
  std::optional<Barrier> base;
  // The records of the old spool after this one are sent again; none: the server has them.
  std::optional<std::uint64_t> resend_after;
};

// The checkpoints that fit, the newest step first; of one step, first those that need nothing sent
// again, then those of newer attempts. With `must_resume` none that would begin the run again.
std::vector<Resume> ways_to_resume(const std::vector<Barrier>& committed,
                                   const std::vector<AttemptFolder>& folders, bool must_resume);

}  // namespace hooke::agent
