// Checkpoint files: a training's state with what it belongs to, checksummed.
//
// A file is: "HOOKECKP", format version (uint32), size of the description (uint64), the description
// (JSON), the tensors' bytes in its order, CRC-32 of everything before (uint32). Integers are
// little-endian. It is written under another name, flushed and renamed, so that a file with a
// checkpoint's name is whole unless the disk damaged it. Functions of their arguments; one thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "worker/training/state.h"

namespace hooke::trainer {

// What the promise of the same bits depends on.
struct Environment {
  std::string libtorch_version;
  std::string device;
  std::string cpu;
  int training_threads = 0;
};

struct Checkpoint {
  std::string config;        // JSON, as the trainer was given it
  std::uint64_t record = 0;  // number of its barrier's record in the spool beside it
  Environment environment;
  training::State state;  // its step is the barrier's
};

// "checkpoint-STEP-RECORD.ckpt": the barrier it belongs to.
std::string file_name(const Checkpoint& checkpoint);

// Writes it into `folder`; it is on disk when this returns.
// Throws hooke::Error (kResourceExhausted) when it cannot be written.
void write_checkpoint(const std::filesystem::path& folder, const Checkpoint& checkpoint);

// Throws hooke::Error: kNotFound when it cannot be opened, kDataLoss when it is torn or damaged,
// kFailedPrecondition when another version wrote it.
Checkpoint read_checkpoint(const std::filesystem::path& file);

// Throws hooke::Error (kFailedPrecondition) that names a field in which the configurations differ;
// the name and the number of epochs may.
void check_same_run(const std::string& stored_config, const std::string& config);

// What differs, as a sentence's end; empty when nothing does.
std::string differences(const Environment& then, const Environment& now);

}  // namespace hooke::trainer
