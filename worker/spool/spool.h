// The record file between trainer and agent: appended by one process, tailed by another.
//
// A file is a sequence of frames, each: length of the rest (uint32), CRC-32C of the rest (uint32),
// record number (uint64), kind (uint8), payload. Integers are little-endian.
//
// Invariants:
//  1. Record numbers are 1, 2, 3, … without gaps.
//  2. A frame is appended by one write(2), so a crash leaves at most one torn frame, at the end.
//  3. A torn end is cut only by Writer (on opening an existing file); a Reader waits before it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "worker/spool/record.h"

namespace hooke::spool {

// Larger frames are taken for damage.
inline constexpr std::uint32_t kMaxFrameBytes = 64u << 20;

// Appends records. One thread, one process.
class Writer {
 public:
  struct Options {
    std::uint64_t limit_bytes = 10ull << 30;  // size at which append() refuses
  };

  // Opens or creates `path`. Cuts a torn end of an existing file; cut_bytes() says how much.
  // Throws hooke::Error: kUnavailable when the file cannot be opened, kDataLoss when a frame in
  // the middle is damaged.
  explicit Writer(const std::filesystem::path& path, Options options);
  explicit Writer(const std::filesystem::path& path) : Writer(path, Options{}) {}
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // Appends one record and returns its number. Not yet on disk: see sync().
  // Throws hooke::Error: kResourceExhausted past the size limit or on a full disk.
  std::uint64_t append(Kind kind, std::string_view payload);

  // Returns when everything appended is on disk (fdatasync).
  void sync();

  std::uint64_t last_number() const { return last_number_; }
  std::uint64_t cut_bytes() const { return cut_bytes_; }

 private:
  int fd_ = -1;
  Options options_;
  std::filesystem::path path_;
  std::uint64_t size_ = 0;
  std::uint64_t last_number_ = 0;
  std::uint64_t cut_bytes_ = 0;
};

// Reads records in order while a Writer appends. One thread.
class Reader {
 public:
  // Throws hooke::Error (kUnavailable) when the file cannot be opened.
  explicit Reader(const std::filesystem::path& path);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // The next whole record; nullopt when there is none yet (or the end is torn).
  // Throws hooke::Error (kDataLoss) when a damaged frame is followed by more bytes.
  std::optional<Record> next();

  // Skips records up to and including `number`. False when the file ends before.
  bool skip_to(std::uint64_t number);

  // Byte offset after the last record returned.
  std::uint64_t offset() const { return offset_; }

 private:
  int fd_ = -1;
  std::filesystem::path path_;
  std::uint64_t offset_ = 0;
  std::uint64_t last_number_ = 0;
};

}  // namespace hooke::spool
