// The record file between trainer and agent: appended by one process, tailed by another.
//
// A file is a sequence of frames, each: length of the rest (uint32), CRC-32C of the rest (uint32),
// record number (uint64), kind (uint8), payload. Integers are little-endian.
//
// Invariants:
//  1. Record numbers are 1, 2, 3, … without gaps.
//  2. A frame is appended by one write(2), so a crash leaves at most one torn frame, at the end.
//  3. A torn end is cut only by Writer (on opening an existing file); a Reader waits before it.
//  4. The records at the front that nobody needs any more can be freed: a hole takes their place, and
//     PATH.freed, which is there before the hole is, says where the rest begins.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

#include "worker/spool/files.h"
#include "worker/spool/record.h"

namespace hooke::spool {

// The spool's name in an attempt's folder.
inline constexpr const char* kFileName = "records.spool";

// Larger frames are taken for damage.
inline constexpr std::uint32_t kMaxFrameBytes = 64u << 20;

// The end of a record, and the beginning of the next.
struct Position {
  std::uint64_t offset = 0;  // bytes
  std::uint64_t number = 0;  // of the record that ends here; 0: the file's beginning
};

// Appends records. One thread, one process.
class Writer {
 public:
  struct Options {
    std::uint64_t limit_bytes = 10ull << 30;  // space on disk at which append() refuses
  };

  // Opens or creates `path`. Cuts a torn end of an existing file; cut_bytes() says how much.
  // Throws hooke::Error: kUnavailable when the file cannot be opened, kDataLoss when a frame in
  // the middle is damaged.
  explicit Writer(const std::filesystem::path& path, Options options, Files& files = system_files());
  explicit Writer(const std::filesystem::path& path) : Writer(path, Options{}) {}

  // Appends one record and returns its number. Not yet on disk: see sync().
  // Throws hooke::Error: kResourceExhausted past the size limit or on a full disk.
  std::uint64_t append(Kind kind, std::string_view payload);

  // For the last record, which says that the limit was reached.
  void lift_limit() { options_.limit_bytes = UINT64_MAX; }

  // Returns when everything appended is on disk (fdatasync).
  void sync();

  std::uint64_t last_number() const { return last_number_; }
  std::uint64_t cut_bytes() const { return cut_bytes_; }

 private:
  // Bytes on disk: without what was freed.
  std::uint64_t space() const;
  // What a write that failed has left; false when it stays.
  bool cut_back();

  std::unique_ptr<File> file_;
  Options options_;
  std::filesystem::path path_;
  std::uint64_t size_ = 0;
  std::uint64_t last_number_ = 0;
  std::uint64_t cut_bytes_ = 0;
};

// Reads records in order while a Writer appends. One thread.
class Reader {
 public:
  // Begins at the first record that was not freed.
  // Throws hooke::Error (kUnavailable) when the file cannot be opened.
  explicit Reader(const std::filesystem::path& path, Files& files = system_files());

  // The next whole record; nullopt when there is none yet (or the end is torn).
  // Throws hooke::Error (kDataLoss) when a damaged frame is followed by more bytes.
  std::optional<Record> next();

  // Skips records up to and including `number`. False when the file ends before, or when records
  // after it are freed.
  bool skip_to(std::uint64_t number);

  // After the last record returned, or wherever a reader of the same file was.
  Position position() const { return {offset_, last_number_}; }
  void go_to(Position position);

 private:
  std::unique_ptr<File> file_;
  std::filesystem::path path_;
  std::uint64_t offset_ = 0;
  std::uint64_t last_number_ = 0;
};

// Frees the disk space of the records up to `end`. For one process at a time; readers that are past
// it and the writer go on. False, and nothing has changed, where the file system cannot do that.
// Throws hooke::Error (kUnavailable) when the note of it cannot be written.
bool free_before(const std::filesystem::path& path, Position end, Files& files = system_files());

// Removes a spool and the note of what was freed of it, as far as they are there and can be removed.
void remove_spool(const std::filesystem::path& path, Files& files = system_files());

}  // namespace hooke::spool
