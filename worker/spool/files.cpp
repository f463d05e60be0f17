#include "worker/spool/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace hooke::spool {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path) {
  throw fs::filesystem_error("file", path, std::error_code(errno, std::generic_category()));
}

class SystemFile final : public File {
 public:
  SystemFile(const fs::path& path, int flags)
      : path_(path), fd_(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {
    if (fd_ < 0) fail(path_);
  }
  ~SystemFile() override { ::close(fd_); }
  SystemFile(const SystemFile&) = delete;
  SystemFile& operator=(const SystemFile&) = delete;

  std::string read(std::uint64_t offset, std::size_t size) override {
    std::string out(size, '\0');
    std::size_t have = 0;
    while (have < size) {
      const ssize_t got = ::pread(fd_, out.data() + have, size - have, static_cast<off_t>(offset + have));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail(path_);
      if (got == 0) break;
      have += static_cast<std::size_t>(got);
    }
    out.resize(have);
    return out;
  }

  void write(std::uint64_t offset, std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t wrote = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) fail(path_);
      offset += static_cast<std::uint64_t>(wrote);
      bytes.remove_prefix(static_cast<std::size_t>(wrote));
    }
  }

  void truncate(std::uint64_t size) override {
    if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) fail(path_);
  }
  void sync() override {
    if (::fdatasync(fd_) != 0) fail(path_);
  }
  std::uint64_t size() override { return static_cast<std::uint64_t>(status().st_size); }
  std::uint64_t space() override { return static_cast<std::uint64_t>(status().st_blocks) * 512; }
  bool punch_front(std::uint64_t size) override {
    return ::fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size)) == 0;
  }

 private:
  struct stat status() const {
    struct stat info {};
    if (::fstat(fd_, &info) != 0) fail(path_);
    return info;
  }

  const fs::path path_;
  const int fd_;
};

class SystemFiles final : public Files {
 public:
  std::unique_ptr<File> open(const Path& path, Mode mode) override {
    const int flags = mode == Mode::kRead ? O_RDONLY : mode == Mode::kWrite ? O_RDWR : O_RDWR | O_CREAT;
    return std::make_unique<SystemFile>(path, flags);
  }
  bool exists(const Path& path) override { return fs::exists(path); }
  std::vector<Entry> list(const Path& folder) override {
    std::vector<Entry> entries;
    std::error_code absent;
    for (const auto& entry : fs::directory_iterator(folder, absent))
      entries.push_back({entry.path().filename().string(), entry.is_directory(absent)});
    return entries;
  }
  bool make_folder(const Path& folder) override { return fs::create_directories(folder); }
  void rename(const Path& from, const Path& to) override { fs::rename(from, to); }
  void remove(const Path& path) override { fs::remove_all(path); }
  void sync_folder(const Path& folder) override {
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) fail(folder);
    const bool synced = ::fsync(fd) == 0;
    const int error = errno;
    ::close(fd);
    errno = error;
    if (!synced) fail(folder);
  }
};

}  // namespace

Files& system_files() {
  static SystemFiles files;
  return files;
}

std::string remedy(const std::error_code& error) {
  const bool full = error.value() == ENOSPC || error.value() == EDQUOT;
  return full ? "; make room for it, then retry the run" : "";
}

std::optional<std::string> read_text(Files& files, const Files::Path& path) {
  try {
    const auto file = files.open(path, Files::Mode::kRead);
    return file->read(0, file->size());
  } catch (const std::system_error&) {
    return std::nullopt;
  }
}

void replace_text(Files& files, const Files::Path& path, std::string_view text) {
  const Files::Path fresh = path.string() + ".new";
  {
    const auto file = files.open(fresh, Files::Mode::kCreate);
    file->truncate(0);
    file->write(0, text);
    file->sync();
  }
  files.rename(fresh, path);
  files.sync_folder(path.parent_path());
}

}  // namespace hooke::spool
