#include <gtest/gtest.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string_view>
#include <utility>

#include "tests/fault/options.h"

namespace hooke::fault {
namespace {

constexpr const char* kUsage =
    "fault_tests [--kills N] [--stops N] [--faults N] [--minutes N] [--streams N] [--queued N] [--seed N] "
    "[GoogleTest's own options]\n";

Options& chosen() {
  static Options options;
  return options;
}

// False: there is no such option.
bool take(Options& options, std::string_view name, int value) {
  if (name == "--seed") {
    options.seed = static_cast<unsigned>(value);
    return true;
  }
  for (const auto& [known, place] : {std::pair{"--kills", &options.kills},
                                     {"--stops", &options.stops},
                                     {"--faults", &options.faults},
                                     {"--minutes", &options.minutes},
                                     {"--streams", &options.streams},
                                     {"--queued", &options.queued}})
    if (name == known) {
      *place = value;
      return true;
    }
  return false;
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
    int value = -1;
    if (i + 1 < argc) std::from_chars(argv[i + 1], argv[i + 1] + std::strlen(argv[i + 1]), value);
    if (value < 0 || value > 1'000'000 || !hooke::fault::take(options, name, value)) {
      std::cerr << hooke::fault::kUsage;
      return 2;
    }
  }
  return RUN_ALL_TESTS();
}
