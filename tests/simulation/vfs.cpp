#include "tests/simulation/vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <new>

namespace hooke::simulation {
namespace {

constexpr TimeUs kJulianOfEpochMs = 210866760000000;

Disk* disk = nullptr;
World* world = nullptr;

// What the connections to one file share: locks, the WAL's index.
struct Shared {
  int readers = 0;  // that hold a lock of SQLITE_LOCK_SHARED at least
  void* reserved = nullptr;
  void* exclusive = nullptr;
  std::vector<std::unique_ptr<char[]>> regions;
  int mappings = 0;
  std::array<int, SQLITE_SHM_NLOCK> shared{};
  std::array<bool, SQLITE_SHM_NLOCK> taken{};
};
std::map<std::string, std::shared_ptr<Shared>> shared_by_path;

struct Handle {
  sqlite3_file base;
  std::string path;
  Disk::File file;
  std::shared_ptr<Shared> shared;
  int lock = SQLITE_LOCK_NONE;
  bool deletes = false;  // on close
  bool maps = false;
  std::array<bool, SQLITE_SHM_NLOCK> holds_shared{}, holds_taken{};
};

Handle& of(sqlite3_file* file) {
  return *reinterpret_cast<Handle*>(file);
}

int result(int error, int io_error) {
  return error == 0 ? SQLITE_OK : error == ENOSPC ? SQLITE_FULL : io_error;
}

int unlock(sqlite3_file* file, int level) {
  Handle& own = of(file);
  if (own.lock <= level) return SQLITE_OK;
  if (own.shared->exclusive == &own) own.shared->exclusive = nullptr;
  if (own.shared->reserved == &own) own.shared->reserved = nullptr;
  if (level == SQLITE_LOCK_NONE && own.lock >= SQLITE_LOCK_SHARED) --own.shared->readers;
  own.lock = level;
  return SQLITE_OK;
}

int lock(sqlite3_file* file, int level) {
  Handle& own = of(file);
  Shared& shared = *own.shared;
  if (own.lock >= level) return SQLITE_OK;
  if (shared.exclusive && shared.exclusive != &own) return SQLITE_BUSY;
  if (level >= SQLITE_LOCK_RESERVED) {
    if (shared.reserved && shared.reserved != &own) return SQLITE_BUSY;
    shared.reserved = &own;
  }
  if (level == SQLITE_LOCK_EXCLUSIVE) {
    if (shared.readers > 1) return SQLITE_BUSY;
    shared.exclusive = &own;
  }
  if (own.lock == SQLITE_LOCK_NONE) ++shared.readers;
  own.lock = level;
  return SQLITE_OK;
}

int shm_lock(sqlite3_file* file, int first, int count, int flags) {
  Handle& own = of(file);
  Shared& shared = *own.shared;
  const bool wants_shared = (flags & SQLITE_SHM_SHARED) != 0;
  for (int i = first; i < first + count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    if ((flags & SQLITE_SHM_UNLOCK) != 0) {
      if (std::exchange(own.holds_shared[at], false)) --shared.shared[at];
      if (std::exchange(own.holds_taken[at], false)) shared.taken[at] = false;
    } else if (shared.taken[at] || (!wants_shared && shared.shared[at] > 0)) {
      return SQLITE_BUSY;  // none of the earlier is taken: SQLite asks for several at once only to take them
    }
  }
  if ((flags & SQLITE_SHM_UNLOCK) != 0) return SQLITE_OK;
  for (int i = first; i < first + count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (wants_shared) {
      ++shared.shared[at];
      own.holds_shared[at] = true;
    } else {
      shared.taken[at] = own.holds_taken[at] = true;
    }
  }
  return SQLITE_OK;
}

int shm_map(sqlite3_file* file, int region, int bytes, int extend, void volatile** out) {
  Handle& own = of(file);
  *out = nullptr;
  if (disk->is_dead()) return SQLITE_IOERR_SHMMAP;
  if (!std::exchange(own.maps, true)) ++own.shared->mappings;
  auto& regions = own.shared->regions;
  const auto at = static_cast<std::size_t>(region);
  if (regions.size() <= at && !extend) return SQLITE_OK;
  while (regions.size() <= at) regions.push_back(std::make_unique<char[]>(static_cast<std::size_t>(bytes)));
  *out = regions[at].get();
  return SQLITE_OK;
}

int shm_unmap(sqlite3_file* file, int) {
  Handle& own = of(file);
  if (!std::exchange(own.maps, false)) return SQLITE_OK;
  shm_lock(file, 0, SQLITE_SHM_NLOCK, SQLITE_SHM_UNLOCK);
  // The last one takes the index along: the next to come reads the log.
  if (--own.shared->mappings == 0) own.shared->regions.clear();
  return SQLITE_OK;
}

int close(sqlite3_file* file) {
  Handle& own = of(file);
  shm_unmap(file, 0);
  unlock(file, SQLITE_LOCK_NONE);
  if (own.deletes) disk->remove(own.path);
  own.~Handle();
  return SQLITE_OK;
}

int read(sqlite3_file* file, void* out, int bytes, sqlite3_int64 offset) {
  if (disk->is_dead()) return SQLITE_IOERR_READ;
  const auto all = disk->bytes(of(file).file);
  const auto wanted = static_cast<std::size_t>(bytes), from = static_cast<std::size_t>(offset);
  const std::size_t got = from >= all.size() ? 0 : std::min(wanted, all.size() - from);
  if (got > 0) std::memcpy(out, all.data() + from, got);
  std::memset(static_cast<char*>(out) + got, 0, wanted - got);
  return got == wanted ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

int write(sqlite3_file* file, const void* data, int bytes, sqlite3_int64 offset) {
  const std::string_view what(static_cast<const char*>(data), static_cast<std::size_t>(bytes));
  return result(disk->write(of(file).file, static_cast<std::uint64_t>(offset), what), SQLITE_IOERR_WRITE);
}

const sqlite3_io_methods kMethods = [] {
  sqlite3_io_methods methods{};
  methods.iVersion = 2;
  methods.xClose = close;
  methods.xRead = read;
  methods.xWrite = write;
  methods.xTruncate = [](sqlite3_file* file, sqlite3_int64 size) {
    return result(disk->truncate(of(file).file, static_cast<std::uint64_t>(size)), SQLITE_IOERR_TRUNCATE);
  };
  methods.xSync = [](sqlite3_file* file, int) {
    return result(disk->sync(of(file).file), SQLITE_IOERR_FSYNC);
  };
  methods.xFileSize = [](sqlite3_file* file, sqlite3_int64* size) {
    if (disk->is_dead()) return SQLITE_IOERR_FSTAT;
    *size = static_cast<sqlite3_int64>(disk->bytes(of(file).file).size());
    return SQLITE_OK;
  };
  methods.xLock = lock;
  methods.xUnlock = unlock;
  methods.xCheckReservedLock = [](sqlite3_file* file, int* taken) {
    *taken = of(file).shared->reserved != nullptr;
    return SQLITE_OK;
  };
  methods.xFileControl = [](sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; };
  methods.xSectorSize = [](sqlite3_file*) { return 4096; };
  methods.xDeviceCharacteristics = [](sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; };
  methods.xShmMap = shm_map;
  methods.xShmLock = shm_lock;
  methods.xShmBarrier = [](sqlite3_file*) {};
  methods.xShmUnmap = shm_unmap;
  return methods;
}();

int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  static std::uint64_t temporary = 0;
  file->pMethods = nullptr;
  if (disk->is_dead()) return SQLITE_CANTOPEN;
  const std::string path = name ? name : "/temporary/" + std::to_string(++temporary);
  const auto found = (flags & SQLITE_OPEN_CREATE) != 0 ? disk->make(path) : disk->find(path);
  if (!found) return SQLITE_CANTOPEN;
  auto& shared = shared_by_path[path];
  if (!shared) shared = std::make_shared<Shared>();
  new (file) Handle{{&kMethods}, path, found, shared};
  of(file).deletes = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
  if (out_flags) *out_flags = flags;
  return SQLITE_OK;
}

int randomness(sqlite3_vfs*, int bytes, char* out) {
  for (int i = 0; i < bytes; ++i) out[i] = static_cast<char>(world->random.next());
  return bytes;
}

sqlite3_vfs make_vfs() {
  sqlite3_vfs vfs{};
  vfs.iVersion = 2;
  vfs.szOsFile = sizeof(Handle);
  vfs.mxPathname = 512;
  vfs.zName = kVfsName;
  vfs.xOpen = open;
  vfs.xDelete = [](sqlite3_vfs*, const char* name, int) {
    if (disk->is_dead()) return SQLITE_IOERR_DELETE;
    if (!disk->remove(name)) return SQLITE_IOERR_DELETE_NOENT;
    disk->sync_folder(std::filesystem::path(name).parent_path());
    return SQLITE_OK;
  };
  vfs.xAccess = [](sqlite3_vfs*, const char* name, int, int* there) {
    *there = disk->find(name) != nullptr;
    return disk->is_dead() ? SQLITE_IOERR_ACCESS : SQLITE_OK;
  };
  vfs.xFullPathname = [](sqlite3_vfs*, const char* name, int size, char* out) {
    sqlite3_snprintf(size, out, "%s", name);
    return SQLITE_OK;
  };
  vfs.xRandomness = randomness;
  vfs.xSleep = [](sqlite3_vfs*, int us) { return us; };
  vfs.xCurrentTime = [](sqlite3_vfs*, double* days) {
    *days = static_cast<double>(kJulianOfEpochMs + world->now() / kMs) / 86'400'000.0;
    return SQLITE_OK;
  };
  vfs.xCurrentTimeInt64 = [](sqlite3_vfs*, sqlite3_int64* ms) {
    *ms = kJulianOfEpochMs + world->now() / kMs;
    return SQLITE_OK;
  };
  return vfs;
}

}  // namespace

void mount(Disk& new_disk, World& new_world) {
  static sqlite3_vfs vfs = make_vfs();
  static const int registered = sqlite3_vfs_register(&vfs, 1);
  static_cast<void>(registered);
  disk = &new_disk;
  world = &new_world;
  shared_by_path.clear();
  // Its generator is seeded anew, by the world.
  sqlite3_randomness(0, nullptr);
}

}  // namespace hooke::simulation
