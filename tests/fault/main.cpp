#include <gtest/gtest.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string_view>

#include "tests/fault/options.h"

namespace hooke::fault {
namespace {

constexpr const char* kUsage = "fault_tests [--kills N] [--seed N] [GoogleTest's own options]\n";

Options& chosen() {
  static Options options;
  return options;
}

}  // namespace

const Options& options() {
  return chosen();
}

}  // namespace hooke::fault

int main(int argc, char** argv) {
  ::setenv("GRPC_VERBOSITY", "NONE", 0);  // broken connections are what is wanted here
  testing::InitGoogleTest(&argc, argv);
  auto& options = hooke::fault::chosen();
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    long long value = -1;
    if (i + 1 < argc) std::from_chars(argv[i + 1], argv[i + 1] + std::strlen(argv[i + 1]), value);
    if (value < 0 || value > 1'000'000 || (name != "--kills" && name != "--seed")) {
      std::cerr << hooke::fault::kUsage;
      return 2;
    }
    if (name == "--kills") options.kills = static_cast<int>(value);
    if (name == "--seed") options.seed = static_cast<unsigned>(value);
  }
  return RUN_ALL_TESTS();
}
