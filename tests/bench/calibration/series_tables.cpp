// Tables over made series: false alarms, power and place, Nile, speed, and fits for other programs.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <numeric>
#include <stdexcept>

#include "server/analysis/phases.h"
#include "server/analysis/statistics.h"
#include "tests/bench/calibration/calibration.h"
#include "tests/bench/calibration/nile.h"
#include "tests/bench/calibration/noise.h"
#include "tests/bench/calibration/scores.h"

namespace hooke::bench {
namespace {

using analysis::PhaseOptions;
using analysis::Phases;
using analysis::Verdict;
using Curve = std::function<double(double)>;

// Every row has series of its own, the same for every thread count.
PhaseOptions linear(const Options& options) {
  PhaseOptions phases;
  phases.scale = analysis::Scale::kLinear;
  phases.resamples = options.resamples;
  return phases;
}

std::vector<std::size_t> sizes(const Options& options, std::vector<std::size_t> usual) {
  return options.points.empty() ? usual : options.points;
}

double percent(int part, int whole) {
  return whole == 0 ? std::nan("") : 100.0 * part / whole;
}

}  // namespace

void false_alarms(const Options& options) {
  std::printf(
      "| curve | points | AR(1) | transition, %% | undecided, %% | none, %% |\n|---|---|---|---|---|---|\n");
  int row = 0;
  for (const bool trend : {false, true}) {
    for (const std::size_t points : sizes(options, {50, 200, 500})) {
      for (const double phi : {0.0, 0.3, 0.6, 0.9}) {
        std::atomic<int> found = 0, undecided = 0;
        in_parallel(options.cases, options.threads, [&](int number) {
          auto random = random_of(options, row, number);
          const double slope = trend ? 4.0 / static_cast<double>(points) : 0;
          const Made series = made(
              points, [&](double i) { return slope * i; }, 1, phi, random);
          const Phases phases = find_phases(series.step, series.value, {}, linear(options));
          found += phases.verdict == Verdict::kTransition;
          undecided += phases.verdict == Verdict::kUndecided;
        });
        std::printf("| %s | %zu | %.1f | %.1f | %.1f | %.1f |\n", trend ? "trend" : "constant", points, phi,
                    percent(found, options.cases), percent(undecided, options.cases),
                    percent(options.cases - found - undecided, options.cases));
        std::fflush(stdout);
        ++row;
      }
    }
  }
}

namespace {

struct Truth {
  const char* name;
  const char* model;  // its own, by the beginning of its name
  Curve curve;
  double at;
};

// Sizes are in standard deviations of the noise.
std::vector<Truth> truths(double n) {
  return {
      {"kink: falls by 8 sd until n/3, then is level", "piecewise linear, 1",
       [n](double i) { return i < n / 3 ? 8 - 8 * i / (n / 3) : 0.0; }, n / 3},
      {"relaxation by 8 sd with time constant n/10", "relaxation",
       [n](double i) { return 8 * std::exp(-i / (n / 10)); }, n / 10 * std::log(10.0)},
      {"jump by 3 sd at n/2", "piecewise constant, 1", [n](double i) { return i < n / 2 ? 0.0 : 3.0; },
       n / 2},
  };
}

struct Tally {
  std::mutex mutex;
  int found = 0, own = 0, covered = 0, own_covered = 0;
  std::vector<double> errors;  // of the own model

  void add(const Phases& phases, const Truth& truth) {
    if (phases.verdict != Verdict::kTransition) return;
    const std::lock_guard lock(mutex);
    ++found;
    const bool by_own = phases.models.front().name.starts_with(truth.model) && phases.transitions.size() == 1;
    bool holds = false;
    for (const auto& t : phases.transitions) holds |= t.low <= truth.at && truth.at <= t.high;
    covered += holds;
    own += by_own;
    own_covered += by_own && holds;
    if (by_own) errors.push_back(std::abs(phases.transitions[0].step - truth.at));
  }
};

}  // namespace

void power(const Options& options) {
  int row = 1000;
  for (int shape = 0; shape < 3; ++shape) {
    std::printf("\n%s\n\n", truths(100)[static_cast<std::size_t>(shape)].name);
    std::printf(
        "| points | AR(1) | found, %% | by its own model, %% | median error, steps | coverage, %% | any "
        "model's "
        "coverage, %% |\n|---|---|---|---|---|---|---|\n");
    for (const std::size_t points : sizes(options, {50, 200, 500})) {
      for (const double phi : {0.0, 0.3, 0.6, 0.9}) {
        const Truth truth = truths(static_cast<double>(points))[static_cast<std::size_t>(shape)];
        Tally tally;
        in_parallel(options.cases, options.threads, [&](int number) {
          auto random = random_of(options, row, number);
          const Made series = made(points, truth.curve, 1, phi, random);
          tally.add(find_phases(series.step, series.value, {}, linear(options)), truth);
        });
        std::printf("| %zu | %.1f | %.1f | %.1f | %.2f | %.1f | %.1f |\n", points, phi,
                    percent(tally.found, options.cases), percent(tally.own, options.cases),
                    tally.errors.empty() ? std::nan("") : analysis::quantile(tally.errors, 0.5),
                    percent(tally.own_covered, tally.own), percent(tally.covered, tally.found));
        std::fflush(stdout);
        ++row;
      }
    }
  }
}

void nile(const Options& options) {
  std::vector<Step> step(kNile.size());
  std::iota(step.begin(), step.end(), 1871);
  const Phases phases = find_phases(step, kNile, {}, linear(options));
  ChangePoints found;
  for (const auto& t : phases.transitions) {
    std::printf("transition in %.0f (%.0f to %.0f), p = %.3g, BIC gain %.3g\n", t.step, t.low, t.high,
                t.p_value.value_or(std::nan("")), t.bic_gain);
    found.push_back(static_cast<std::size_t>(std::llround(t.step)) - 1871);
  }
  std::printf("\n| model | BIC | residual sum of squares |\n|---|---|---|\n");
  for (const auto& model : phases.models)
    std::printf("| %s | %.2f | %.0f |\n", model.name.c_str(), model.bic, model.rss);
  const std::vector<ChangePoints> annotators = {{28}, {28}, {28}, {}, {}};
  std::printf("\nF1 with margin 5: %.4f, covering: %.4f\n", f1(annotators, found, 5),
              covering(annotators, found, kNile.size()));
}

namespace {

// Median seconds of a few calls.
double seconds(const Made& series, const PhaseOptions& options) {
  std::vector<double> times;
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    find_phases(series.step, series.value, {}, options);
    times.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return analysis::quantile(times, 0.5);
}

}  // namespace

void speed(const Options& options) {
  std::printf("| points | bootstrap samples | seconds |\n|---|---|---|\n");
  for (const std::size_t points : sizes(options, {49, 500, 5000})) {
    auto random = random_of(options, 2000, 0);
    const Made series = made(points, truths(static_cast<double>(points))[0].curve, 0.5, 0.3, random);
    PhaseOptions phases = linear(options);
    for (const int resamples : {0, options.resamples, 1000}) {
      phases.resamples = resamples;
      std::printf("| %zu | %d | %.3f |\n", points, resamples, seconds(series, phases));
      std::fflush(stdout);
    }
  }
}

void fit(const std::string& path, const std::string& family, int breaks, const Options& options) {
  std::ifstream in(path);
  Made series;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("step")) continue;
    const auto comma = line.find(',');
    series.step.push_back(std::stoll(line));
    series.value.push_back(std::stod(line.substr(comma + 1)));
  }
  if (family != "knots" && family != "jumps")
    throw std::invalid_argument("family: knots or jumps, not " + family);
  PhaseOptions phases = linear(options);
  phases.max_knots = breaks;
  phases.every_knot = true;
  phases.models = {false, family == "knots", family == "jumps"};
  const Phases found = find_phases(series.step, series.value, {}, phases);
  std::printf("model,bic,rss,breaks\n");
  for (const auto& model : found.models) {
    std::printf("\"%s\",%.10g,%.10g,", model.name.c_str(), model.bic, model.rss);
    for (std::size_t i = 0; i < model.breaks.size(); ++i)
      std::printf("%s%.10g", i > 0 ? " " : "", model.breaks[i]);
    std::printf("\n");
  }
}

}  // namespace hooke::bench
