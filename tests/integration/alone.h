// `hooke-worker run`, which needs no server.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/integration/harness.h"

namespace hooke::harness {

// On one thread of the CPU, with the house's data; its log is log/runNUMBER of the house's folder.
inline std::unique_ptr<Process> start_alone(const House& house, int number, const std::string& config,
                                            const std::filesystem::path& out,
                                            const std::vector<std::string>& more) {
  std::vector<std::string> command{program("hooke-worker"),
                                   "run",
                                   config,
                                   "--out",
                                   out,
                                   "--threads",
                                   "1",
                                   "--device",
                                   "cpu",
                                   "--data-root",
                                   house.folder() / "data"};
  command.insert(command.end(), more.begin(), more.end());
  return std::make_unique<Process>(command, Environment{},
                                   house.folder() / "log" / ("run" + std::to_string(number)));
}

}  // namespace hooke::harness
