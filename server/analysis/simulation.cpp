#include "server/analysis/simulation.h"

#include <algorithm>
#include <cmath>

#include "server/analysis/curve.h"
#include "server/analysis/statistics.h"

namespace hooke::analysis {
namespace {

constexpr std::size_t kCandidates = 48;
constexpr int kRefitTimeSteps = 12;
constexpr double kTiny = 1e-300;
constexpr double kEnough = 20;  // simulated series as extreme as the sample

// Fits the shape of a fit to other values, for the coefficient of a design.
class Refit {
 public:
  Refit(const Sample& sample, const Fit& fit, std::size_t fewest)
      : fit_(fit),
        reach_(2.0 / static_cast<double>(std::min(kCandidates, sample.size()))),
        design_(sample, fit.phi, fewest, times(fit)) {}

  std::vector<double> operator()(const std::vector<double>& y) const {
    const BreakSearch search(design_, y);
    if (fit_.shape.kind == Shape::Kind::kRelaxation) {
      const double centre = std::log(search.best_relaxation());
      return {std::exp(minimise(centre - kTimeStep, centre + kTimeStep, centre, kRefitTimeSteps,
                                [&](double time) { return search.rss_relaxation(std::exp(time)); }))};
    }
    const Family family = fit_.shape.kind == Shape::Kind::kJumps ? Family::kJumps : Family::kHinges;
    auto breaks = search.best_breaks(family, fit_.breaks.size(), kCandidates);
    // Candidates are far apart in a long series: the fit's own places are tried as well.
    if (search.rss(family, fit_.breaks) < search.rss(family, breaks)) breaks = fit_.breaks;
    return search.refine(family, std::move(breaks), reach_);
  }

 private:
  static constexpr double kTimeStep = 0.25;  // of the logarithm of time constants

  static std::vector<double> times(const Fit& fit) {
    std::vector<double> times;
    if (fit.shape.kind == Shape::Kind::kRelaxation)
      for (int i = -8; i <= 8; ++i) times.push_back(fit.time * std::exp(kTimeStep * i));
    return times;
  }

  const Fit& fit_;
  double reach_;
  Design design_;
};

std::vector<double> centred(std::vector<double> values) {
  const double centre = mean(values);
  for (double& value : values) value -= centre;
  return values;
}

double length(const std::vector<double>& values) {
  double squares = 0;
  for (const double value : values) squares += value * value;
  return std::sqrt(squares);
}

}  // namespace

Simulation::Simulation(const Sample& sample, const Fit& fit, const Fit& noise)
    : gap_(sample.gap), root_weight_(sample.root_weight) {
  // Even where independent noise leads, what little correlation there seems to be is simulated:
  // to leave it out would find transitions where there is only noise.
  Fit correlated = fit;
  if (!fit.autoregressive && !without_noise(fit.rss, sample.size())) {
    correlated.autoregressive = true;
    correlated.phi = likeliest_phi(sample, fit);
  }
  const Curve curve = curve_of(sample, correlated, 0.1);
  curve_ = curve.fitted;
  const auto n = static_cast<double>(sample.size());
  const auto p = std::min(static_cast<double>(fit.shape.parameters()), n / 2 - 2);
  phi_ = std::min(kLargestPhi, (correlated.phi + p / n) / (1 - (p + 2) / n));
  innovations_ = centred(without_noise(noise.rss, sample.size()) || noise.shape == fit.shape
                             ? curve.residuals
                             : curve_of(sample, noise, 0.1).residuals);
  const double scale = std::sqrt(n / curve.degrees * (1 - correlated.phi * correlated.phi)) *
                       length(centred(curve.residuals)) / std::max(length(innovations_), kTiny);
  for (double& value : innovations_) value *= scale;
  set_phi(phi_);
}

// The innovations keep their variance whatever the coefficient is.
void Simulation::set_phi(double phi) {
  const double spread = 1 / std::sqrt(1 - phi * phi);
  kept_.assign(1, 0.0);
  fresh_.assign(1, spread);
  for (std::size_t i = 1; i < curve_.size(); ++i) {
    kept_.push_back(lagged(phi, gap_[i]));
    fresh_.push_back(spread * std::sqrt(1 - kept_[i] * kept_[i]));
  }
}

void Simulation::draw_phi(std::mt19937_64& random) {
  const double error = 1 / std::sqrt(static_cast<double>(curve_.size()) * (1 - phi_ * phi_));
  set_phi(std::clamp(std::tanh(std::atanh(phi_) + error * std::normal_distribution<double>()(random)),
                     -kLargestPhi, kLargestPhi));
}

std::vector<double> Simulation::draw(std::mt19937_64& random) const {
  std::vector<double> drawn(curve_.size());
  const auto count = static_cast<std::uint32_t>(innovations_.size());
  double error = 0;
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    // The upper half of a product of 32 bits and the count: without the division of a remainder.
    const auto at = static_cast<std::size_t>(((random() >> 32) * count) >> 32);
    error = kept_[i] * error + fresh_[i] * innovations_[at];
    drawn[i] = curve_[i] + error / root_weight_[i];
  }
  return drawn;
}

double p_value(const Sample& sample, const Contest& contest, const Fit& null, const Fit& with, int resamples,
               double level, std::uint64_t seed) {
  // Noise never leaves nothing to be explained.
  if (without_noise(with.rss, sample.size()) && !without_noise(null.rss, sample.size()))
    return 1.0 / (resamples + 1);
  const double observed = contest.gain_over(null.shape, sample.y);
  const Simulation simulation(sample, null, with);
  std::mt19937_64 random(seed);
  const double enough = std::max(kEnough, std::ceil(level * (resamples + 1)));
  double as_large = 0;
  for (int drawn = 1; drawn <= resamples; ++drawn) {
    as_large += contest.gain_over(null.shape, simulation.draw(random)) >= observed;
    if (as_large >= enough) return as_large / drawn;
  }
  return (as_large + 1) / (resamples + 1);
}

std::vector<Interval> break_intervals(const Sample& sample, const Fit& fit, std::size_t fewest, double level,
                                      int resamples, std::uint64_t seed) {
  Simulation simulation(sample, fit, fit);
  const Refit refit(sample, fit, fewest);
  std::mt19937_64 random(seed);
  std::vector<std::vector<double>> places;
  for (int i = 0; i < resamples; ++i) {
    simulation.draw_phi(random);
    const auto found = refit(simulation.draw(random));
    places.resize(found.size());
    for (std::size_t k = 0; k < found.size(); ++k) places[k].push_back(found[k]);
  }
  std::vector<Interval> intervals;
  for (auto& place : places) {
    std::sort(place.begin(), place.end());
    intervals.push_back({sorted_quantile(place, level / 2), sorted_quantile(place, 1 - level / 2)});
  }
  return intervals;
}

}  // namespace hooke::analysis
