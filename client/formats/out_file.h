// A file that is written from its beginning to its end, and the folder in which an export grows until it
// is whole. Each belongs to one thread.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "proto/hooke/error.h"

namespace hooke::formats {

// What an operation on a file met, from errno: kResourceExhausted when no space is left, else
// kFailedPrecondition.
Error file_error(const std::filesystem::path& path, const std::string& what, int number);

class OutFile {
 public:
  // Makes the folders above it too. Throws file_error, as everything here; a file that is there already
  // is an error.
  explicit OutFile(const std::filesystem::path& path);
  ~OutFile();
  OutFile(const OutFile&) = delete;
  OutFile& operator=(const OutFile&) = delete;

  void write(std::string_view bytes) {
    buffer_ += bytes;
    if (buffer_.size() >= kBufferBytes) flush();
  }
  // Whatever was not closed may be incomplete.
  void close();

 private:
  static constexpr std::size_t kBufferBytes = 1 << 20;
  void flush();

  std::filesystem::path path_;
  int descriptor_;
  std::string buffer_;
};

// Writes a whole file in place of what is there, or leaves that as it is. Folders above it are made; what is
// no regular file, as /dev/stdout, is written to. Throws file_error.
void replace_file(const std::filesystem::path& path, std::string_view bytes);

// Entries of a folder that appear together, whole, or not at all.
//
// They are made in a hidden folder beside their places. publish() puts each there by renaming; without it
// the hidden folder is removed, and the folder itself when it was made here.
class Staging {
 public:
  // `entries`: the names that will be made. One that is there already is kAlreadyExists, unless `force`:
  // then it is replaced. Throws hooke::Error.
  Staging(std::filesystem::path folder, std::vector<std::string> entries, bool force);
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  // Where the entries are to be made.
  const std::filesystem::path& folder() const { return draft_; }
  // Waits until everything is on disk, then shows it.
  void publish();

 private:
  std::filesystem::path folder_;
  const std::vector<std::string> entries_;
  const bool force_;
  std::vector<std::filesystem::path> made_;  // folders, outermost first
  std::filesystem::path draft_;
};

}  // namespace hooke::formats
