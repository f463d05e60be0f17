#include "server/storage/database.h"

#include <SQLiteCpp/Exception.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>

#include "proto/hooke/error.h"
#include "server/storage/connection.h"
#include "server/storage/log_file.h"
#include "server/storage/migrate.h"

namespace hooke::storage {
namespace {

namespace fs = std::filesystem;

// Below this SQLite may find no room for the index of its log, and calls that an I/O error.
constexpr std::int64_t kLeastRoomBytes = 64 << 10;

Error no_room(const fs::path& path, const std::string& why) {
  return Error(Code::kUnavailable,
               path.string() + ": its disk is full (" + why + "); make room there, then start hooked again");
}

Error io_error(const fs::path& path, int number) {
  if (number == ENOSPC || number == EDQUOT) return no_room(path, std::strerror(number));
  return Error(Code::kUnavailable, path.string() + ": " + std::strerror(number));
}

std::int64_t statfs_type(const fs::path& folder) {
  struct statfs info {};
  if (::statfs(folder.c_str(), &info) != 0) throw io_error(folder, errno);
  return static_cast<std::int64_t>(info.f_type) & 0xffffffff;
}

void make_folder(const fs::path& folder) {
  std::error_code failed;
  if (fs::is_directory(folder, failed)) return;
  fs::create_directories(folder, failed);
  if (failed) throw io_error(folder, failed.value());
  fs::permissions(folder, fs::perms::owner_all, failed);
}

void refuse_network_file_system(const DatabaseOptions& options) {
  const auto type =
      options.file_system_type ? options.file_system_type(options.folder) : statfs_type(options.folder);
  const std::string name = network_file_system(type);
  if (name.empty()) return;
  throw Error(Code::kFailedPrecondition, options.folder.string() + " is on a network file system (" + name +
                                             "), where SQLite loses data; give a folder on a local disk");
}

// Nobody else reads it: it has the secret that lease tokens are derived from. SQLite gives its other
// files the same mode.
void make_file(const fs::path& file) {
  const int made = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (made < 0) throw io_error(file, errno);
  ::close(made);
}

std::int64_t size_of(const fs::path& file) {
  std::error_code failed;
  const auto size = fs::file_size(file, failed);
  return failed ? 0 : static_cast<std::int64_t>(size);
}

}  // namespace

// Holds the lock while it lives; the kernel lets go when the process ends, however it ends.
class Database::Lock {
 public:
  explicit Lock(const fs::path& path) : file_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    if (file_ < 0) throw io_error(path, errno);
    if (::flock(file_, LOCK_EX | LOCK_NB) == 0) return;
    const int number = errno;
    ::close(file_);
    if (number != EWOULDBLOCK) throw io_error(path, number);
    throw Error(Code::kFailedPrecondition, "another hooked serves " + path.parent_path().string() +
                                               "; stop it or give another data folder");
  }
  ~Lock() { ::close(file_); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  const int file_;
};

std::string network_file_system(std::int64_t type) {
  // statfs(2) and the file systems' own sources.
  static const std::map<std::int64_t, std::string> kNames = {
      {0x6969, "nfs"},      {0x517B, "smb"},        {0xFF534D42, "cifs"},     {0xFE534D42, "smb2"},
      {0x65735546, "fuse"}, {0x0BD00BD0, "lustre"}, {0x47504653, "gpfs"},     {0x19830326, "beegfs"},
      {0x00C36400, "ceph"}, {0x5346414F, "afs"},    {0x01021997, "9p"},       {0x73757245, "coda"},
      {0x01161970, "gfs2"}, {0x7461636F, "ocfs2"},  {0x013111A8, "ibrix"},    {0xAAD7AAEA, "panfs"},
      {0x6B414653, "kafs"}, {0x564C, "ncp"},        {0x20030528, "orangefs"},
  };
  const auto found = kNames.find(type & 0xffffffff);
  return found == kNames.end() ? std::string() : found->second;
}

Database::Database(DatabaseOptions options)
    : folder_(options.folder), file_(folder_ / "hooke.db"), vfs_(options.vfs) {
  make_folder(folder_);
  refuse_network_file_system(options);
  lock_ = std::make_unique<Lock>(folder_ / "hooke.lock");
  refuse_foreign_file(file_);
  make_file(file_);
  secure_log(*this);
  try {
    Connection connection(*this, Connection::Mode::kWriter);
    schema_version_ = migrate(connection, file_);
  } catch (const SQLite::Exception& error) {
    if (disk_free_bytes() < kLeastRoomBytes) throw no_room(file_, error.what());
    throw to_error(error);
  }
}

Database::~Database() = default;

const fs::path& Database::folder() const {
  return folder_;
}
const fs::path& Database::file() const {
  return file_;
}
const std::string& Database::vfs() const {
  return vfs_;
}
int Database::schema_version() const {
  return schema_version_;
}
std::string Database::sqlite_version() {
  return sqlite3_libversion();
}
std::int64_t Database::file_bytes() const {
  return size_of(file_);
}
std::int64_t Database::wal_bytes() const {
  return size_of(file_.string() + "-wal");
}

std::int64_t Database::disk_free_bytes() const {
  std::error_code failed;
  const auto space = fs::space(folder_, failed);
  return failed ? 0 : static_cast<std::int64_t>(space.available);
}

}  // namespace hooke::storage
