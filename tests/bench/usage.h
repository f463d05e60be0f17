// What a process uses, as /proc says.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace hooke::bench {

struct Usage {
  double cpu_s = 0;  // user and system, since its start
  std::int64_t resident_bytes = 0;
  std::int64_t handles = 0;  // open files and sockets
  std::int64_t threads = 0;
};

// Zeros for a process that is not there.
Usage usage_of(pid_t process);

// Raises this process's limit of file handles, and so that of programs it starts, as far as it may; returns
// it.
std::int64_t raise_handles();

}  // namespace hooke::bench
