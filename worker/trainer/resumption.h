// What a training goes on from: a checkpoint and, when the server lacks what led to it, the records of
// the spool beside it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <optional>
#include <vector>

#include "worker/spool/spool.h"
#include "worker/trainer/checkpoint.h"

namespace hooke::trainer {

// Records that the server lacks: those of the spool beside the checkpoint that follow `after`, up to the
// checkpoint's barrier. They are written again as the new spool's own.
struct Resend {
  std::filesystem::path spool;
  spool::Position after;
  // Step of the last barrier that the server has; none: it has none.
  std::optional<std::int64_t> server_step;
};

struct Resumption {
  std::filesystem::path file;
  Checkpoint checkpoint;
  std::optional<Resend> resend;
};

// Which records the server has, as the command line says it.
struct ServerHas {
  std::optional<std::uint64_t> record;  // none: everything up to the checkpoint
  std::optional<std::int64_t> step;     // of the last barrier
};

// The first of `files` that is whole, and whose spool has every record that is to be sent again; each
// that is not is named on `log`. Nothing when none is.
std::optional<Resumption> read_first(const std::vector<std::filesystem::path>& files, const ServerHas& server,
                                     std::ostream& log);

}  // namespace hooke::trainer
