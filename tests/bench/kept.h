// Whether a server kept what it had acknowledged.
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/simulated_worker.h"

namespace hooke::bench {

struct Kept {
  std::int64_t runs = 0;          // whose counts were compared
  std::int64_t superseded = 0;    // attempts that another one followed: nothing is asked of them
  std::int64_t acknowledged = 0;  // points
  std::int64_t stored = 0;
  std::int64_t values = 0;  // that were compared one by one
  std::vector<std::string> problems;
};

// Counts, in the file of a server that has ended, the records and points of every run: no less than was
// acknowledged, and exactly what that many records hold.
void count_kept(const std::filesystem::path& database, const std::vector<Played>& played, Kept& kept);

// Asks a server for everything that it has of up to `runs` attempts spread over all, and compares it with
// the recording, bit for bit.
void compare_kept(const std::shared_ptr<grpc::Channel>& channel, const std::vector<Played>& played,
                  std::size_t runs, Kept& kept);

}  // namespace hooke::bench
