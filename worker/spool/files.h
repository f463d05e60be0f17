// The file operations of spools and of the folders in which they stand: the operating system's, or those of
// a test that plays a disk.
//
// Errors are std::system_error. One thread at a time for each File.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace hooke::spool {

// An open file.
class File {
 public:
  virtual ~File() = default;

  // Up to `size` bytes at `offset`; fewer at the end of the file.
  virtual std::string read(std::uint64_t offset, std::size_t size) = 0;
  // When it throws, some of the bytes may have been written.
  virtual void write(std::uint64_t offset, std::string_view bytes) = 0;
  virtual void truncate(std::uint64_t size) = 0;
  // Returns when everything written is on disk.
  virtual void sync() = 0;
  virtual std::uint64_t size() = 0;
  // Bytes on disk: without holes.
  virtual std::uint64_t space() = 0;
  // A hole in place of the first `size` bytes; false where the file system has none.
  virtual bool punch_front(std::uint64_t size) = 0;
};

class Files {
 public:
  enum class Mode {
    kRead,
    kWrite,   // and read; the file must be there
    kCreate,  // and read and write; made when it is not there
  };
  struct Entry {
    std::string name;
    bool is_folder = false;
  };
  using Path = std::filesystem::path;

  virtual ~Files() = default;

  virtual std::unique_ptr<File> open(const Path& path, Mode mode) = 0;
  virtual bool exists(const Path& path) = 0;
  // In no order. Of a folder that is not there: none.
  virtual std::vector<Entry> list(const Path& folder) = 0;
  // With the folders above it; false when it is there.
  virtual bool make_folder(const Path& folder) = 0;
  // In one step, in place of what has the new name.
  virtual void rename(const Path& from, const Path& to) = 0;
  // A folder goes with all that is in it. What is not there is no error.
  virtual void remove(const Path& path) = 0;
  // Returns when the names in it are on disk.
  virtual void sync_folder(const Path& folder) = 0;
};

// The operating system's. Any thread.
Files& system_files();

// What to do about an error, as the end of a sentence; empty but for a full disk.
std::string remedy(const std::error_code& error);

// All of a small file; nothing when it cannot be opened.
std::optional<std::string> read_text(Files& files, const Files::Path& path);

// Puts a small file in the place of what was there, in one step. It is on disk when this returns.
void replace_text(Files& files, const Files::Path& path, std::string_view text);

}  // namespace hooke::spool
