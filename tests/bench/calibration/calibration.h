// The tables of bench_calibration: how often the analysis is right on series whose truth is known.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace hooke::bench {

struct Options {
  int cases = 400;  // of each row
  int threads = 1;
  int resamples = 399;
  std::vector<std::size_t> points;  // sizes of series; empty: the table's own
  std::uint64_t seed = 1;
};

// Of case `number` of a table's row: the same whatever else runs.
inline std::mt19937_64 random_of(const Options& options, int row, int number) {
  std::seed_seq seed{static_cast<int>(options.seed), row, number};
  return std::mt19937_64(seed);
}

void false_alarms(const Options& options);
void power(const Options& options);
void nile(const Options& options);
void cells(const Options& options);
void differences(const Options& options);
void speed(const Options& options);

// Fits a series to compare with other programs: CSV step,value; prints BIC's best model of one family as CSV.
// `family`: "knots" or "jumps".
void fit(const std::string& path, const std::string& family, int breaks, const Options& options);

// Calls work(0), ..., work(cases - 1) from several threads.
void in_parallel(int cases, int threads, const std::function<void(int)>& work);

}  // namespace hooke::bench
