// simulate: runs seeds, one after the other, until one breaks what must never break; that one is shown.
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <iostream>

#include "tests/simulation/simulation.h"
#include "tests/temp_folder.h"

namespace {

using hooke::simulation::Options;
using hooke::simulation::Outcome;

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Runs server and workers against a simulated clock, network and disk, full of faults.\n"
      "A seed gives the same history each time. Exit codes: 0 nothing broke, 1 something did, 2 bad input.");
  Options options;
  std::uint64_t seeds = 100;
  app.add_option("--seed", options.seed, "The first seed")->capture_default_str();
  CLI::Option* count = app.add_option("--seeds", seeds, "How many")->capture_default_str();
  app.add_option("--steps", options.steps, "Steps of each, before the calm")->capture_default_str();
  app.add_flag("--trace", options.trace, "Print what happens; of one seed unless --seeds is given");
  CLI11_PARSE(app, argc, argv);
  if (options.trace && count->count() == 0) seeds = 1;
  spdlog::set_level(spdlog::level::off);

  const hooke::tests::TempFolder folder;
  options.folder = folder.path();
  hooke::simulation::Totals totals;
  const auto began = std::chrono::steady_clock::now();
  const std::uint64_t end = options.seed + seeds;
  for (; options.seed < end; ++options.seed) {
    const Outcome outcome = hooke::simulation::simulate(options);
    totals += outcome.totals;
    if (!outcome.violation) continue;
    std::cout << "seed " << options.seed << ", step " << outcome.totals.steps << ": " << *outcome.violation
              << "\nafter " << totals.seeds << " whole seeds and " << totals.steps
              << " steps in all; again, with what led to it: simulate --seed " << options.seed << " --steps "
              << options.steps << " --trace" << std::endl;
    return 1;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::cout << totals;
  std::printf("%12.1f  million steps a minute\n", static_cast<double>(totals.steps) / took.count() * 60e-6);
  return 0;
}
