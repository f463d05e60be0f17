// The database file: one folder, one `hooke.db`, one server.
//
// Owned by server/app; Writer and Readers borrow it and must be gone before it is. Opening checks
// the folder, takes the lock, refuses what is not ours and runs the migrations. Afterwards the
// object is immutable; every member may be called from any thread.
//
// Invariants:
// 1. While it lives, no other server serves the same folder (an flock on `hooke.lock`).
// 2. A file of a newer hooked, or of another application, is refused and never written to.
// 3. Exactly one connection, the Writer's, ever writes or checkpoints.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace hooke::storage {

struct DatabaseOptions {
  // The data folder; made (mode 0700) when it is not there.
  std::filesystem::path folder;
  // statfs's f_type of a folder: a test may put its own in place. Empty: statfs.
  std::function<std::int64_t(const std::filesystem::path&)> file_system_type;
  // The file system that SQLite uses, by the name under which it was registered. Empty: its own.
  std::string vfs = {};
};

class Database {
 public:
  // Throws hooke::Error: kFailedPrecondition (another server on this folder, a network file
  // system, a file that is newer or not ours), kDataLoss (the file is damaged), kUnavailable (I/O).
  explicit Database(DatabaseOptions options);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  const std::filesystem::path& folder() const;
  // The database file, below the folder.
  const std::filesystem::path& file() const;
  // DatabaseOptions::vfs.
  const std::string& vfs() const;
  // Version of the schema after the migrations.
  int schema_version() const;
  static std::string sqlite_version();

  // Sizes in bytes, as the file system says now; 0 for a file that is not there.
  std::int64_t file_bytes() const;
  std::int64_t wal_bytes() const;
  std::int64_t disk_free_bytes() const;

 private:
  class Lock;
  std::filesystem::path folder_;
  std::filesystem::path file_;
  std::string vfs_;
  std::unique_ptr<Lock> lock_;
  int schema_version_ = 0;
};

// "nfs", "smb", "fuse", … for statfs's f_type of a network file system; empty for a local one.
std::string network_file_system(std::int64_t type);

}  // namespace hooke::storage
