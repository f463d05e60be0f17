#include "worker/agent/keeper.h"

#include <optional>
#include <system_error>

#include "worker/agent/folder.h"

namespace hooke::agent {

Keeper::Keeper(KeeperOptions options, spool::Files& files)
    : options_(std::move(options)),
      files_(files),
      folder_(options_.run_folder / std::to_string(options_.attempt)) {}

void Keeper::secured(const spool::Position& barrier) {
  if (barrier.number == secured_) return;
  secured_ = barrier.number;
  drop_checkpoints(barrier.number);
  if (options_.keep_spool || !can_free_ || barrier.offset < freed_bytes_ + options_.free_bytes) return;
  can_free_ = spool::free_before(folder_ / spool::kFileName, barrier, files_);
  freed_bytes_ = barrier.offset;
}

void Keeper::drop_checkpoints(std::uint64_t record) {
  std::optional<CheckpointFile> newest;
  const auto own = checkpoints_in(folder_, files_);
  for (const CheckpointFile& file : own)
    if (file.record <= record) newest = file;
  if (!newest || newest->path == kept_) return;
  kept_ = newest->path;
  for (const CheckpointFile& file : own) {
    if (file.record >= newest->record) continue;
    try {
      files_.remove(file.path);
    } catch (const std::system_error&) {  // it stays
    }
  }
  remove_earlier(options_.run_folder, options_.attempt, kept_, options_.keep_spool, files_);
}

void Keeper::finished(bool has_all, bool succeeded) {
  if (has_all && !options_.keep_spool) spool::remove_spool(folder_ / spool::kFileName, files_);
  // One that had nothing left to train has no checkpoint of its own.
  if (succeeded && kept_.empty() && !resumed_.empty())
    remove_earlier(options_.run_folder, options_.attempt, resumed_, options_.keep_spool, files_);
}

}  // namespace hooke::agent
