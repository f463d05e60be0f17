#include "server/storage/log_file.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "proto/hooke/error.h"

namespace hooke::storage {
namespace {

// SQLite's own file system takes less than 128 KiB at a time.
constexpr sqlite3_int64 kCopyBytes = 64 << 10;

void check(int rc, const std::string& path) {
  if (rc != SQLITE_OK)
    throw Error(Code::kUnavailable, "database: " + path + ": " + sqlite3_errstr(rc) + "; look at the disk");
}

// The names of one database's files, as SQLite's file systems want them.
class Names {
 public:
  explicit Names(const std::string& database)
      : names_(sqlite3_create_filename(database.c_str(), (database + "-journal").c_str(),
                                       (database + "-wal").c_str(), 0, nullptr)) {
    if (!names_) throw Error(Code::kUnavailable, "database: out of memory");
  }
  ~Names() { sqlite3_free_filename(names_); }
  Names(const Names&) = delete;
  Names& operator=(const Names&) = delete;
  const char* log() const { return sqlite3_filename_wal(names_); }

 private:
  const sqlite3_filename names_;
};

// The log, open through SQLite's file system.
class LogFile {
 public:
  LogFile(sqlite3_vfs& vfs, const char* path)
      : path_(path),
        memory_(std::make_unique<std::max_align_t[]>(
            static_cast<std::size_t>(vfs.szOsFile) / sizeof(std::max_align_t) + 1)) {
    check(vfs.xOpen(&vfs, path, file(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_WAL, nullptr), path_);
  }
  ~LogFile() { file()->pMethods->xClose(file()); }
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  void write_again() {
    sqlite3_int64 size = 0;
    check(file()->pMethods->xFileSize(file(), &size), path_);
    if (size == 0) return;
    std::vector<char> piece;
    for (sqlite3_int64 offset = 0; offset < size; offset += kCopyBytes) {
      piece.resize(static_cast<std::size_t>(std::min(kCopyBytes, size - offset)));
      const int bytes = static_cast<int>(piece.size());
      check(file()->pMethods->xRead(file(), piece.data(), bytes, offset), path_);
      check(file()->pMethods->xWrite(file(), piece.data(), bytes, offset), path_);
    }
    check(file()->pMethods->xSync(file(), SQLITE_SYNC_FULL), path_);
  }

 private:
  sqlite3_file* file() { return reinterpret_cast<sqlite3_file*>(memory_.get()); }

  const std::string path_;
  const std::unique_ptr<std::max_align_t[]> memory_;
};

}  // namespace

void secure_log(const Database& database) {
  sqlite3_vfs* vfs = sqlite3_vfs_find(database.vfs().empty() ? nullptr : database.vfs().c_str());
  if (!vfs) throw Error(Code::kInternal, "SQLite has no file system " + database.vfs());
  const Names names(database.file().string());
  int is_there = 0;
  check(vfs->xAccess(vfs, names.log(), SQLITE_ACCESS_EXISTS, &is_there), names.log());
  if (is_there) LogFile(*vfs, names.log()).write_again();
}

}  // namespace hooke::storage
