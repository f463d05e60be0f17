// What a training goes on from: a checkpoint and, when the server lacks what led to it, the records of
// the spool beside it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <optional>
#include <vector>

#include "worker/trainer/checkpoint.h"
#include "worker/trainer/resend.h"

namespace hooke::trainer {

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
