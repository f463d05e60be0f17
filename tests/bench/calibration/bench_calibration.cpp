// bench_calibration: how often phases and intervals are right on series whose truth is known.
#include <atomic>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <thread>

#include "tests/bench/calibration/calibration.h"

namespace hooke::bench {

void in_parallel(int cases, int threads, const std::function<void(int)>& work) {
  std::atomic<int> next = 0;
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t)
    workers.emplace_back([&] {
      for (int i = next++; i < cases; i = next++) work(i);
    });
  for (std::thread& worker : workers) worker.join();
}

}  // namespace hooke::bench

namespace {

using namespace hooke::bench;

constexpr const char* kUsage =
    "bench_calibration false-alarms|power|nile|cells|differences|speed [--cases N: of each row, default "
    "400]\n"
    "                  [--points N: size of the series] [--resamples N: default 399]\n"
    "                  [--threads N: default 1] [--seed N: default 1]\n"
    "bench_calibration fit FILE knots|jumps BREAKS: the best fit of step,value lines, as CSV\n";

void run(const std::vector<std::string>& arguments) {
  Options options;
  std::vector<std::string> words;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (!arguments[i].starts_with("--")) {
      words.push_back(arguments[i]);
      continue;
    }
    if (i + 1 == arguments.size()) throw std::invalid_argument(arguments[i] + " needs a value");
    const std::string& name = arguments[i];
    const int value = std::stoi(arguments[++i]);
    if (name == "--cases")
      options.cases = value;
    else if (name == "--points")
      options.points.push_back(static_cast<std::size_t>(value));
    else if (name == "--resamples")
      options.resamples = value;
    else if (name == "--threads")
      options.threads = value;
    else if (name == "--seed")
      options.seed = static_cast<std::uint64_t>(value);
    else
      throw std::invalid_argument("there is no " + name);
  }
  const std::string what = words.empty() ? "" : words[0];
  if (what == "false-alarms") return false_alarms(options);
  if (what == "power") return power(options);
  if (what == "nile") return nile(options);
  if (what == "cells") return cells(options);
  if (what == "differences") return differences(options);
  if (what == "speed") return speed(options);
  if (what == "fit" && words.size() == 4) return fit(words[1], words[2], std::stoi(words[3]), options);
  throw std::invalid_argument("nothing to do");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run({argv + 1, argv + argc});
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n%s", error.what(), kUsage);
    return 2;
  }
}
