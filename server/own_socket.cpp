#include "server/own_socket.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "proto/hooke/error.h"

namespace hooke {
namespace {

constexpr const char* kName = "grpc";

[[noreturn]] void refuse(const std::string& folder, const std::string& why) {
  throw Error(Code::kFailedPrecondition, "no folder can be made in " + folder + ": " + why, "TMPDIR");
}

// In memory: a full disk must not keep a server that can still answer from starting.
constexpr const char* kWithoutDisk = "/dev/shm";

// mkdtemp gives it mode 0700.
std::filesystem::path temporary_folder() {
  const char* set = std::getenv("TMPDIR");
  const std::string parent = set == nullptr || *set == '\0' ? "/tmp" : set;
  std::string path = parent + "/hooked-XXXXXX";
  if (::mkdtemp(path.data()) != nullptr) return path;
  const int why = errno;
  path = std::string(kWithoutDisk) + "/hooked-XXXXXX";
  if (why == ENOSPC && ::mkdtemp(path.data()) != nullptr) return path;
  refuse(parent, std::strerror(why));
}

}  // namespace

OwnSocket::OwnSocket()
    : folder_(temporary_folder()),
      descriptor_(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) {
  if (descriptor_ < 0) refuse(folder_.parent_path().string(), std::strerror(errno));
  // systemd-tmpfiles removes old temporary folders but those that are locked.
  ::flock(descriptor_, LOCK_SH);
}

OwnSocket::~OwnSocket() {
  ::unlinkat(descriptor_, kName, 0);
  ::close(descriptor_);
  ::rmdir(folder_.c_str());
}

std::string OwnSocket::address() const {
  return "unix:/proc/self/fd/" + std::to_string(descriptor_) + "/" + kName;
}

}  // namespace hooke
