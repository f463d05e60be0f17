#include "tests/simulation/disk.h"

#include <algorithm>
#include <cerrno>
#include <set>

namespace hooke::simulation {
namespace {

constexpr std::uint64_t kSectorBytes = 512;

std::string folder_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

void put(std::string& bytes, std::uint64_t offset, std::string_view data) {
  if (bytes.size() < offset + data.size()) bytes.resize(offset + data.size());
  bytes.replace(offset, data.size(), data);
}

}  // namespace

struct Disk::Inode {
  struct Change {
    std::uint64_t offset = 0;  // or the new size
    std::string bytes;
    bool truncates = false;
  };

  std::string name;
  std::string bytes, durable;
  std::vector<Change> unsynced;
};

Disk::Disk(World& world) : world_(world) {}
Disk::~Disk() = default;

Disk::File Disk::find(const std::string& path) const {
  const auto found = names_.find(path);
  return found == names_.end() ? nullptr : found->second;
}

bool Disk::begin_operation(bool& dies) {
  dies = false;
  if (dead_) return false;
  if (operations_left_ > 0 && --operations_left_ == 0) dead_ = dies = true;
  return true;
}

void Disk::change_name(const std::string& path, File file) {
  bool dies = false;
  if (!begin_operation(dies)) return;
  if (dies && world_.random.one_in(2)) return;
  changes_.push_back({folder_of(path), path, file, false});
  if (!file) {
    names_.erase(path);
    return;
  }
  file->name = path;
  names_[path] = std::move(file);
}

Disk::File Disk::make(const std::string& path) {
  if (auto file = find(path)) return file;
  if (faults.is_full) return nullptr;
  change_name(path, std::make_shared<Inode>());
  return find(path);
}

void Disk::rename(const std::string& from, const std::string& to) {
  const auto file = find(from);
  bool dies = false;
  if (!file || !begin_operation(dies) || (dies && world_.random.one_in(2))) return;
  // Both names change in one step.
  changes_.push_back({folder_of(to), to, file, false});
  changes_.push_back({folder_of(to), from, nullptr, false});
  names_.erase(from);
  names_[to] = file;
  file->name = to;
}

bool Disk::remove(const std::string& path) {
  const bool there = names_.contains(path);
  if (there) change_name(path, nullptr);
  return there;
}

std::vector<std::string> Disk::below(const std::string& folder) const {
  std::vector<std::string> found;
  const std::string prefix = folder + '/';
  for (auto at = names_.lower_bound(prefix); at != names_.end() && at->first.starts_with(prefix); ++at)
    found.push_back(at->first);
  return found;
}

void Disk::sync_folder(const std::string& folder) {
  bool dies = false;
  if (!begin_operation(dies) || dies) return;
  for (NameChange& change : changes_)
    if (change.folder == folder) change.synced = true;
  settle_names();
}

// What is synced is durable; the rest waits.
void Disk::settle_names() {
  for (const NameChange& change : changes_) {
    if (!change.synced) continue;
    if (change.file) {
      durable_names_[change.name] = change.file;
    } else {
      durable_names_.erase(change.name);
    }
  }
  std::erase_if(changes_, [](const NameChange& change) { return change.synced; });
}

std::string_view Disk::bytes(const File& file) const {
  return file->bytes;
}

int Disk::write(const File& file, std::uint64_t offset, std::string_view bytes) {
  bool dies = false;
  if (!begin_operation(dies)) return EIO;
  int error = 0;
  const bool grows = offset + bytes.size() > file->bytes.size();
  if (dies) {
    error = EIO;
  } else if (faults.is_full && grows) {
    error = ENOSPC;
    ++world_.totals.full_writes;
  } else if (faults.failed_write > 0 && world_.random.permille(faults.failed_write)) {
    error = EIO;
    ++world_.totals.failed_writes;
  }
  if (error != 0) bytes = bytes.substr(0, world_.random.below(bytes.size() + 1));
  if (bytes.empty()) return error;
  put(file->bytes, offset, bytes);
  file->unsynced.push_back({offset, std::string(bytes), false});
  return error;
}

int Disk::truncate(const File& file, std::uint64_t size) {
  bool dies = false;
  if (!begin_operation(dies) || dies) return EIO;
  file->bytes.resize(size);
  file->unsynced.push_back({size, {}, true});
  return 0;
}

int Disk::sync(const File& file) {
  bool dies = false;
  if (!begin_operation(dies) || dies) return EIO;
  if (faults.failed_sync > 0 && world_.random.permille(faults.failed_sync)) {
    // Marked clean without being on disk: as much of it as chance will have it.
    settle(*file);
    ++world_.totals.failed_syncs;
    return EIO;
  }
  for (const auto& change : file->unsynced) {
    if (change.truncates) {
      file->durable.resize(change.offset);
    } else {
      put(file->durable, change.offset, change.bytes);
    }
  }
  file->unsynced.clear();
  // The names of its folder, up to its own.
  const auto own = std::find_if(changes_.rbegin(), changes_.rend(),
                                [&](const NameChange& change) { return change.file == file; });
  if (own == changes_.rend()) return 0;
  for (auto change = own; change != changes_.rend(); ++change)
    if (change->folder == own->folder) change->synced = true;
  settle_names();
  return 0;
}

// Decides what of the unsynced writes reaches the disk, sector by sector.
void Disk::settle(Inode& inode) {
  const std::uint64_t kept = world_.random.below(5) * 250;  // permille
  for (const auto& change : inode.unsynced) {
    if (change.truncates) {
      if (world_.random.permille(kept)) inode.durable.resize(change.offset);
      continue;
    }
    for (std::uint64_t begin = 0, end = 0; begin < change.bytes.size(); begin = end) {
      end = std::min<std::uint64_t>(change.bytes.size(),
                                    begin + kSectorBytes - (change.offset + begin) % kSectorBytes);
      if (world_.random.permille(kept))
        put(inode.durable, change.offset + begin, std::string_view(change.bytes).substr(begin, end - begin));
      else
        ++world_.totals.lost_writes;
    }
  }
  inode.unsynced.clear();
}

void Disk::lose_power() {
  // Of each folder's changes some of the first survive.
  std::map<std::string, bool> goes_on;
  for (NameChange& change : changes_) {
    auto& on = goes_on.try_emplace(change.folder, true).first->second;
    on = on && !world_.random.one_in(4);
    change.synced = on;
  }
  settle_names();
  changes_.clear();
  names_ = durable_names_;
  std::set<Inode*> done;
  for (const auto& [name, file] : names_) {
    file->name = name;
    if (!done.insert(file.get()).second) continue;
    settle(*file);
    file->bytes = file->durable;
  }
}

void Disk::restart(bool power_lost) {
  if (power_lost) lose_power();
  dead_ = false;
  operations_left_ = 0;
}

}  // namespace hooke::simulation
