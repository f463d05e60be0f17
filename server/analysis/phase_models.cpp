#include "server/analysis/phase_models.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "server/analysis/jumps.h"
#include "server/analysis/statistics.h"

namespace hooke::analysis {
namespace {

using Kind = Shape::Kind;

// Residuals below a millionth of the series' range are rounding, not noise.
constexpr double kNoiseFloor = 1e-12;
constexpr int kPhiSteps = 14;
constexpr int kTimeSteps = 20;
constexpr int kPolishCycles = 2;
// Of the range of steps: slower relaxations are trends.
constexpr double kLongestTime = 2;

double deviance(const BreakSearch& search, double rss, std::size_t size) {
  const auto n = static_cast<double>(size);
  const double floored = std::max(rss, kNoiseFloor * n);
  return n * std::log(floored / n) + search.log_determinant() + n * (1 + std::log(2 * M_PI));
}

Family family_of(Kind kind) {
  return kind == Kind::kJumps ? Family::kJumps : Family::kHinges;
}

double rss_of(const BreakSearch& search, const Fit& fit) {
  switch (fit.shape.kind) {
    case Kind::kConstant:
      return search.rss_constant();
    case Kind::kLine:
      return search.rss_line();
    case Kind::kRelaxation:
      return search.rss_relaxation(fit.time);
    case Kind::kHinges:
    case Kind::kJumps:
      break;
  }
  return search.rss(family_of(fit.shape.kind), fit.breaks);
}

// Fills rss and bic for the coefficient of `search`.
void judge(const BreakSearch& search, std::size_t n, Fit& fit) {
  fit.rss = rss_of(search, fit);
  const auto parameters = static_cast<double>(fit.shape.parameters() + 1 + (fit.autoregressive ? 1 : 0));
  fit.bic = deviance(search, fit.rss, n) + parameters * std::log(static_cast<double>(n));
}

double minimise_phi(const Sample& sample, std::span<const double> y, const Fit& fit, double low, double high,
                    int steps) {
  return minimise(low, high, fit.phi, steps, [&](double phi) {
    const Design design(sample, phi, 1, {});
    const BreakSearch search(design, y);
    return deviance(search, rss_of(search, fit), y.size());
  });
}

// Bounds within which a fit may move: of the coefficient, of breaks, and the factor of a time constant.
struct Bounds {
  double low_phi, high_phi, reach, time_factor;
};

// Alternates between the coefficient and the breaks or time constant.
void polish(const Sample& sample, std::span<const double> y, std::size_t fewest, const Bounds& bounds,
            Fit& fit) {
  for (int cycle = 0; cycle < kPolishCycles; ++cycle) {
    if (fit.autoregressive)
      fit.phi = minimise_phi(sample, y, fit, bounds.low_phi, bounds.high_phi, kPhiSteps);
    const Design design(sample, fit.phi, fewest, {});
    const BreakSearch search(design, y);
    if (fit.shape.kind == Kind::kRelaxation) {
      const double centre = std::log(fit.time), reach = std::log(bounds.time_factor);
      fit.time = std::exp(
          minimise(centre - reach, std::min(centre + reach, std::log(kLongestTime)), centre, kTimeSteps,
                   [&](double log_time) { return search.rss_relaxation(std::exp(log_time)); }));
    } else {
      fit.breaks = search.refine(family_of(fit.shape.kind), std::move(fit.breaks), bounds.reach);
    }
    judge(search, y.size(), fit);
    if (fit.shape.plain() || !fit.autoregressive) break;
  }
}

// Time constants from where the slope falls to a tenth within the shortest segment, evenly on the log scale.
std::vector<double> times_of(const Sample& sample, std::size_t fewest, std::size_t count) {
  const double shortest = std::min(sample.x[fewest - 1] / std::log(10.0), kLongestTime / 2);
  std::vector<double> times;
  for (std::size_t i = 0; i < count; ++i)
    times.push_back(shortest * std::pow(kLongestTime / shortest,
                                        static_cast<double>(i) / static_cast<double>(count - 1)));
  return times;
}

}  // namespace

std::size_t Shape::parameters() const {
  switch (kind) {
    case Kind::kConstant:
      return 1;
    case Kind::kLine:
      return 2;
    case Kind::kRelaxation:
      return 3;
    case Kind::kHinges:
      return 2 + 2 * breaks;
    case Kind::kJumps:
      break;
  }
  return 1 + 2 * breaks;
}

std::string Shape::name() const {
  const auto counted = [&](const char* noun) {
    return std::to_string(breaks) + " " + noun + (breaks == 1 ? "" : "s");
  };
  switch (kind) {
    case Kind::kConstant:
      return "constant";
    case Kind::kLine:
      return "linear trend";
    case Kind::kRelaxation:
      return "relaxation to a plateau";
    case Kind::kHinges:
      return "piecewise linear, " + counted("knot");
    case Kind::kJumps:
      break;
  }
  return "piecewise constant, " + counted("jump");
}

std::string Fit::name() const {
  return shape.name() + (autoregressive ? ", AR(1) noise" : "");
}

Effort full_effort() {
  return {256, {0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.85, 0.92, 0.97}, 32, true};
}

Effort quick_effort() {
  return {48, {0, 0.25, 0.5, 0.7, 0.85, 0.95}, 12, false};
}

bool without_noise(double rss, std::size_t points) {
  return rss <= kNoiseFloor * static_cast<double>(points);
}

Contest::Contest(const Sample& sample, const ModelSet& models, std::size_t most_breaks, std::size_t fewest,
                 Effort effort)
    : sample_(sample),
      models_(models),
      most_breaks_(most_breaks),
      fewest_(fewest),
      effort_(std::move(effort)) {
  std::vector<double> times;
  if (models.relaxation && sample.size() >= 2 * fewest) times = times_of(sample, fewest, effort_.times);
  models_.relaxation = !times.empty();
  designs_.reserve(effort_.phis.size());
  for (const double phi : effort_.phis) designs_.emplace_back(sample, phi, fewest, times);
}

// The fit of one shape and noise over the searches, one for each coefficient of the effort; `exact` holds
// breaks that are known to be the best with independent noise, or none.
Fit Contest::fit_shape(std::span<const double> y, const std::vector<BreakSearch>& searches,
                       const Shape& shape, bool autoregressive, const std::vector<double>& exact) const {
  Fit best;
  std::size_t best_at = 0;
  best.bic = std::numeric_limits<double>::infinity();
  const std::size_t begin = autoregressive ? 1 : 0, end = autoregressive ? searches.size() : 1;
  const auto consider = [&](std::size_t i, std::vector<double> breaks) {
    Fit fit{shape, autoregressive, effort_.phis[i], std::move(breaks), 0, 0, 0};
    if (shape.kind == Kind::kRelaxation) fit.time = searches[i].best_relaxation();
    judge(searches[i], y.size(), fit);
    if (fit.bic < best.bic) {
      best = std::move(fit);
      best_at = i;
    }
  };
  for (std::size_t i = begin; i < end; ++i) {
    if (!exact.empty()) consider(i, exact);
    if (!exact.empty() && !autoregressive) break;
    consider(i, searches[i].best_breaks(family_of(shape.kind), shape.breaks, effort_.candidates));
  }
  if (!effort_.refine) return best;
  const double low = autoregressive ? effort_.phis[best_at - 1] : 0;
  const double high = best_at + 1 < effort_.phis.size() ? effort_.phis[best_at + 1] : kLargestPhi;
  const double reach = 2.0 / static_cast<double>(std::min(effort_.candidates, sample_.size()));
  polish(sample_, y, fewest_, {low, high, reach, 1.7}, best);
  return best;
}

std::vector<Fit> Contest::fits(std::span<const double> y) const {
  std::vector<BreakSearch> searches;
  searches.reserve(designs_.size());
  for (const Design& design : designs_) searches.emplace_back(design, y);
  std::vector<Shape> shapes = {{Kind::kConstant, 0}, {Kind::kLine, 0}};
  if (models_.relaxation) shapes.push_back({Kind::kRelaxation, 0});
  for (std::size_t k = 1; k <= most_breaks_ && sample_.size() >= (k + 1) * fewest_; ++k) {
    if (models_.piecewise_linear) shapes.push_back({Kind::kHinges, k});
    if (models_.piecewise_constant) shapes.push_back({Kind::kJumps, k});
  }
  std::vector<std::vector<double>> exact;
  if (models_.piecewise_constant && effort_.refine) exact = best_jumps(sample_, y, most_breaks_, fewest_);
  std::vector<Fit> fits;
  for (const Shape& shape : shapes) {
    std::vector<double> known;
    if (shape.kind == Kind::kJumps && shape.breaks <= exact.size()) known = exact[shape.breaks - 1];
    Fit independent = fit_shape(y, searches, shape, false, known);
    // Too few points between candidates for so many.
    if (independent.breaks.size() < shape.breaks) continue;
    // Without residuals there is no noise whose correlation could be estimated.
    const bool noisy = !without_noise(independent.rss, y.size());
    fits.push_back(std::move(independent));
    if (noisy) fits.push_back(fit_shape(y, searches, shape, true, known));
  }
  return fits;
}

double Contest::gain_over(const Shape& null, std::span<const double> y) const {
  double few = std::numeric_limits<double>::infinity(), more = few;
  for (const Fit& fit : fits(y)) {
    const bool same_family = fit.shape.kind == null.kind;
    if (fit.shape.plain() || (same_family && fit.shape.breaks <= null.breaks))
      few = std::min(few, fit.bic);
    else if (null.plain() || same_family)
      more = std::min(more, fit.bic);
  }
  return few - more;
}

Fit fit_near(const Sample& sample, Family family, std::vector<double> breaks, double reach,
             std::size_t fewest) {
  const bool hinges = family == Family::kHinges;
  const Kind kind =
      breaks.empty() ? (hinges ? Kind::kLine : Kind::kConstant) : (hinges ? Kind::kHinges : Kind::kJumps);
  const Shape shape{kind, breaks.size()};
  const Bounds bounds{0, kLargestPhi, reach, 1};
  Fit independent{shape, false, 0, breaks, 0, 0, 0};
  polish(sample, sample.y, fewest, bounds, independent);
  if (without_noise(independent.rss, sample.size())) return independent;
  Fit correlated{shape, true, 0.5, std::move(breaks), 0, 0, 0};
  polish(sample, sample.y, fewest, bounds, correlated);
  return independent.bic <= correlated.bic ? independent : correlated;
}

double likeliest_phi(const Sample& sample, const Fit& fit) {
  Fit start = fit;
  start.phi = 0.1;
  return minimise_phi(sample, sample.y, start, 0, kLargestPhi, 2 * kPhiSteps);
}

}  // namespace hooke::analysis
