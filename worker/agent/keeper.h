// What an attempt's folder, and those before it, need not keep any more. No threads, no network.
//
// Owned by the attempt, used by one thread.
#pragma once

#include <cstdint>
#include <filesystem>

#include "worker/spool/spool.h"

namespace hooke::agent {

struct KeeperOptions {
  std::filesystem::path run_folder;
  std::int32_t attempt = 0;
  bool keep_spool = false;
  // Space in the spool is freed in pieces of at least this.
  std::uint64_t free_bytes = 16 << 20;
};

class Keeper {
 public:
  explicit Keeper(KeeperOptions options, spool::Files& files = spool::system_files());

  // The checkpoint that the training goes on from; empty: none.
  void resumed_from(std::filesystem::path checkpoint) { resumed_ = std::move(checkpoint); }

  // A barrier of this attempt is acknowledged: a checkpoint of it makes older ones superfluous, and the
  // records up to it need not stay. Throws what the file system does.
  void secured(const spool::Position& barrier);

  // The end is reported: what the server has need not stay; what it has not is for the next attempt.
  void finished(bool has_all, bool succeeded);

 private:
  void drop_checkpoints(std::uint64_t record);

  const KeeperOptions options_;
  spool::Files& files_;
  const std::filesystem::path folder_;
  std::filesystem::path resumed_;
  std::filesystem::path kept_;     // the newest checkpoint here whose barrier is acknowledged; empty: none
  std::uint64_t secured_ = 0;      // record of the last acknowledged barrier
  std::uint64_t freed_bytes_ = 0;  // at the spool's front
  bool can_free_ = true;           // the file system lets us
};

}  // namespace hooke::agent
