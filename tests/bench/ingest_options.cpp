#include "tests/bench/ingest_options.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>

namespace hooke::bench {
namespace {

constexpr const char* kUsage =
    "bench_ingest [--streams N,N,...] [--rows N: of each measurement] [--idle N: streams that only stay "
    "open]\n"
    "             [--floats: only 10 processes x 100 calls x 100 values]\n"
    "bench_ingest --simulate-workers N,N,... [--from DIR: kept spools] [--speed X: times the recorded pace, "
    "or "
    "max]\n"
    "             [--seconds S: measured] [--ramp S: within which workers begin]\n";

int number(const std::string& option, const std::string& text) {
  int value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size() || value < 0)
    throw std::runtime_error(option + ": '" + text + "' is not a number\n" + kUsage);
  return value;
}

std::vector<int> numbers(const std::string& option, const std::string& text) {
  std::vector<int> all;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t comma = std::min(text.find(',', from), text.size());
    all.push_back(number(option, text.substr(from, comma - from)));
    from = comma + 1;
  }
  return all;
}

double positive(const std::string& option, const std::string& text) {
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size() || !(value > 0))
    throw std::runtime_error(option + ": '" + text + "' is not a number above 0\n" + kUsage);
  return value;
}

}  // namespace

IngestOptions parse_ingest_options(int argc, char** argv) {
  IngestOptions options;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--help") {
      std::cout << kUsage;
      std::exit(0);
    }
    if (option == "--floats") {
      options.floats = true;
      continue;
    }
    if (i + 1 == argc) throw std::runtime_error(option + ": needs a value\n" + kUsage);
    const std::string value = argv[++i];
    if (option == "--streams") {
      options.streams = numbers(option, value);
    } else if (option == "--simulate-workers") {
      options.simulate.workers = numbers(option, value);
    } else if (option == "--from") {
      options.simulate.from = value;
    } else if (option == "--speed") {
      options.simulate.speed = value == "max" ? 0 : positive(option, value);
    } else if (option == "--seconds") {
      options.simulate.seconds = positive(option, value);
    } else if (option == "--ramp") {
      options.simulate.ramp_s = positive(option, value);
    } else if (option == "--rows") {
      options.rows = number(option, value);
    } else if (option == "--idle") {
      options.idle = number(option, value);
    } else {
      throw std::runtime_error(option + ": there is no such option\n" + kUsage);
    }
  }
  return options;
}

}  // namespace hooke::bench
