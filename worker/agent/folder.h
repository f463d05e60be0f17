// SPOOL/RUN/: one folder for each attempt, written by that attempt alone, with attempt.json (which
// attempt it is, and where its records begin), config.json, records.spool, checkpoints, trainer.log.
//
// The folder may be on a file system that several nodes share. Functions for one thread; errors of the
// file system are std::system_error unless said otherwise.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "worker/agent/resume.h"
#include "worker/spool/files.h"

namespace hooke::agent {

// A run's id becomes the name of its folder, and the server has no say in where that is: throws hooke::Error
// (kInvalidArgument) for what is no id.
void check_run_id(const std::string& run_id);

// The checkpoints that stand in an attempt's folder, in the order of their barriers.
std::vector<CheckpointFile> checkpoints_in(const std::filesystem::path& attempt_folder,
                                           spool::Files& files = spool::system_files());

// What attempts other than `own` left of a run. Folders that are not theirs, or that cannot be read,
// are left out.
std::vector<AttemptFolder> attempts_in(const std::filesystem::path& run_folder, std::int32_t own,
                                       spool::Files& files = spool::system_files());

// Writes attempt.json, in one step; it is on disk when this returns. Throws hooke::Error (kUnavailable) when
// it cannot be written.
void write_attempt(const std::filesystem::path& attempt_folder, const std::string& attempt_id,
                   const std::optional<Barrier>& base, spool::Files& files = spool::system_files());

// Removes what earlier attempts than `own` left of the run, but for `keep`, a checkpoint that may stand
// among them. With `keep_spools` only their checkpoints go. What cannot be removed stays.
void remove_earlier(const std::filesystem::path& run_folder, std::int32_t own,
                    const std::filesystem::path& keep, bool keep_spools,
                    spool::Files& files = spool::system_files());

}  // namespace hooke::agent
