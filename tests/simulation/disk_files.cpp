#include "tests/simulation/disk_files.h"

#include <cerrno>
#include <set>
#include <system_error>

namespace hooke::simulation {
namespace {

// A folder is there while something is in it; this is what a new one holds.
constexpr const char* kFolderMark = ".folder";

void check(const Disk& disk, int error = 0) {
  if (disk.is_dead()) throw MachineDied();
  if (error != 0) throw std::system_error(error, std::generic_category());
}

class OpenFile final : public spool::File {
 public:
  OpenFile(Disk& disk, Disk::File file) : disk_(disk), file_(std::move(file)) {}

  std::string read(std::uint64_t offset, std::size_t size) override {
    const auto all = disk_.bytes(file_);
    return offset >= all.size() ? std::string() : std::string(all.substr(offset, size));
  }
  void write(std::uint64_t offset, std::string_view bytes) override {
    check(disk_, disk_.write(file_, offset, bytes));
  }
  void truncate(std::uint64_t size) override { check(disk_, disk_.truncate(file_, size)); }
  void sync() override { check(disk_, disk_.sync(file_)); }
  std::uint64_t size() override { return disk_.bytes(file_).size(); }
  std::uint64_t space() override { return size(); }
  bool punch_front(std::uint64_t size) override {
    // A hole is no write that lacks space, and its bytes are gone at once or later.
    return disk_.write(file_, 0, std::string(size, '\0')) == 0;
  }

 private:
  Disk& disk_;
  const Disk::File file_;
};

}  // namespace

std::unique_ptr<spool::File> DiskFiles::open(const Path& path, Mode mode) {
  auto file = mode == Mode::kCreate ? disk_.make(path) : disk_.find(path);
  check(disk_, file ? 0 : mode == Mode::kCreate ? ENOSPC : ENOENT);
  return std::make_unique<OpenFile>(disk_, std::move(file));
}

bool DiskFiles::exists(const Path& path) {
  return disk_.find(path) || !disk_.below(path).empty();
}

std::vector<DiskFiles::Entry> DiskFiles::list(const Path& folder) {
  const std::size_t prefix = folder.string().size() + 1;
  std::vector<Entry> entries;
  for (const std::string& path : disk_.below(folder)) {
    const std::string rest = path.substr(prefix);
    const auto slash = rest.find('/');
    const std::string name = rest.substr(0, slash);
    if (name != kFolderMark && (entries.empty() || entries.back().name != name))
      entries.push_back({name, slash != std::string::npos});
  }
  return entries;
}

bool DiskFiles::make_folder(const Path& folder) {
  if (exists(folder)) return false;
  check(disk_, disk_.make(folder / kFolderMark) ? 0 : ENOSPC);
  return true;
}

void DiskFiles::rename(const Path& from, const Path& to) {
  disk_.rename(from, to);
  check(disk_);
}

void DiskFiles::remove(const Path& path) {
  disk_.remove(path);
  for (const std::string& inside : disk_.below(path)) disk_.remove(inside);
  check(disk_);
}

void DiskFiles::sync_folder(const Path& folder) {
  disk_.sync_folder(folder);
  check(disk_);
}

}  // namespace hooke::simulation
