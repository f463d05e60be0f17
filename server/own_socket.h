// A socket that this process's parts reach the services by, and nobody else: a file in a folder of mode
// 0700, without TLS. It earns no trust: callers' tokens are asked there as everywhere.
//
// The folder is a temporary one, since a socket among the data would break programs that copy folders; where
// there is no room for it, it is in memory. It is removed with the object; a process that is killed leaves it
// to what cleans temporary files.
//
// Made before the server that listens there, destroyed after it.
#pragma once

#include <filesystem>
#include <string>

namespace hooke {

class OwnSocket {
 public:
  // Throws hooke::Error (kFailedPrecondition) when no folder can be made in TMPDIR (/tmp when it is unset).
  OwnSocket();
  ~OwnSocket();
  OwnSocket(const OwnSocket&) = delete;
  OwnSocket& operator=(const OwnSocket&) = delete;

  // As gRPC names it. Of this process alone: a socket's path has at most 107 bytes, the folder's may have
  // more, so it is named by its descriptor.
  std::string address() const;

  const std::filesystem::path& folder() const { return folder_; }

 private:
  std::filesystem::path folder_;
  int descriptor_;
};

}  // namespace hooke
