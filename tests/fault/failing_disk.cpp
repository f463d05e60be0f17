// Preloaded into a program: while the file that FAILING_DISK names exists, its disk fails as the file's first
// word says: "fsync" (fdatasync: EIO), "write" (EIO), "full" (ENOSPC), "short" (every write takes half of
// what it was given, which is no failure). When "once" follows, it does so once and the file is removed.
//
// Seen are fdatasync and pwrite, which is how SQLite and the spool write.
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace {

// Whether this is the order, which is then carried out.
bool ordered(const char* what) {
  const char* const name = std::getenv("FAILING_DISK");
  const int order = name ? ::open(name, O_RDONLY | O_CLOEXEC) : -1;
  if (order < 0) return false;
  char text[32] = {};
  const ssize_t got = ::read(order, text, sizeof text - 1);
  ::close(order);
  if (got <= 0 || std::strncmp(text, what, std::strlen(what)) != 0) return false;
  if (std::strstr(text, " once")) ::unlink(name);
  return true;
}

ssize_t write_at(int file, const void* bytes, std::size_t count, off64_t offset) {
  const bool full = ordered("full");
  if (full || ordered("write")) {
    errno = full ? ENOSPC : EIO;
    return -1;
  }
  if (count > 1 && ordered("short")) count /= 2;
  return static_cast<ssize_t>(::syscall(SYS_pwrite64, file, bytes, count, offset));
}

}  // namespace

extern "C" int fdatasync(int file) {
  if (ordered("fsync")) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_fdatasync, file));
}

extern "C" ssize_t pwrite(int file, const void* bytes, size_t count, off_t offset) {
  return write_at(file, bytes, count, offset);
}

extern "C" ssize_t pwrite64(int file, const void* bytes, size_t count, off64_t offset) {
  return write_at(file, bytes, count, offset);
}
