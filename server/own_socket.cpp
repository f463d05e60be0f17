#include "server/own_socket.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "proto/hooke/error.h"

namespace hooke {
namespace {

constexpr const char* kName = "grpc";

// The folder, opened and closed to others; -1 with errno. Its own mode is what is changed, never that of
// what a link points to.
int open_private(const char* folder) {
  if (::mkdir(folder, S_IRWXU) != 0 && errno != EEXIST) return -1;
  const int descriptor = ::open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (descriptor >= 0 && ::fchmod(descriptor, S_IRWXU) != 0) {
    ::close(descriptor);
    return -1;
  }
  return descriptor;
}

}  // namespace

OwnSocket::OwnSocket(const std::filesystem::path& folder) : descriptor_(open_private(folder.c_str())) {
  if (descriptor_ < 0)
    throw Error(Code::kFailedPrecondition,
                folder.string() + " cannot be made a folder of the server's own: " + std::strerror(errno),
                "--data");
  // What a crash has left.
  ::unlinkat(descriptor_, kName, 0);
}

OwnSocket::~OwnSocket() {
  ::close(descriptor_);
}

std::string OwnSocket::address() const {
  return "unix:/proc/self/fd/" + std::to_string(descriptor_) + "/" + kName;
}

}  // namespace hooke
