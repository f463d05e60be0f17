// A socket that this process's parts reach the services by, and nobody else: a file in a folder of mode
// 0700, without TLS. It earns no trust: callers' tokens are asked there as everywhere.
//
// Made before the server that listens there, destroyed after it.
#pragma once

#include <filesystem>
#include <string>

namespace hooke {

class OwnSocket {
 public:
  // Makes `folder`, or closes it to others. Throws hooke::Error (kFailedPrecondition) when it cannot.
  explicit OwnSocket(const std::filesystem::path& folder);
  ~OwnSocket();
  OwnSocket(const OwnSocket&) = delete;
  OwnSocket& operator=(const OwnSocket&) = delete;

  // As gRPC names it. Of this process alone: a socket's path has at most 107 bytes, the folder's may have
  // more, so it is named by its descriptor.
  std::string address() const;

 private:
  int descriptor_;
};

}  // namespace hooke
