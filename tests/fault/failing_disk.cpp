// Preloaded into a server: while the file that FAILING_DISK names exists, fdatasync fails with EIO; when it
// holds "1", only once.
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

extern "C" int fdatasync(int file) {
  const char* const name = std::getenv("FAILING_DISK");
  const int order = name ? ::open(name, O_RDONLY | O_CLOEXEC) : -1;
  if (order >= 0) {
    char how = 0;
    const ssize_t got = ::read(order, &how, 1);
    ::close(order);
    if (got == 1) {
      if (how == '1') ::unlink(name);
      errno = EIO;
      return -1;
    }
  }
  return static_cast<int>(::syscall(SYS_fdatasync, file));
}
