// The records that the server lacks up to a checkpoint's barrier: found in the spool beside it, and written
// again as the new spool's own. Needs neither LibTorch nor a checkpoint's contents.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "worker/spool/spool.h"

namespace hooke::trainer {

// Records of `spool` that follow `after`, up to record `last`, the checkpoint's barrier.
struct Resend {
  std::filesystem::path spool;
  spool::Position after;
  std::uint64_t last = 0;
  // Step of the last barrier that the server has; none: it has none.
  std::optional<std::int64_t> server_step;
};

// Those after record `first`. Throws hooke::Error (kDataLoss) unless every one can be read.
Resend find_resend(const std::filesystem::path& spool, std::uint64_t first, std::uint64_t last,
                   std::optional<std::int64_t> server_step, spool::Files& files = spool::system_files());

// Hands each to `append`, but for what every spool begins with; returns the number that `append` gave to the
// last barrier.
using Append = std::function<std::uint64_t(spool::Kind kind, const std::string& payload)>;
std::uint64_t resend(const Resend& old, const Append& append, spool::Files& files = spool::system_files());

}  // namespace hooke::trainer
