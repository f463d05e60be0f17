#include "server/analysis/phase_models.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "server/analysis/statistics.h"

namespace hooke::analysis {
namespace {

// Residuals below a millionth of the series' range are rounding, not noise.
constexpr double kNoiseFloor = 1e-12;
constexpr double kLargestPhi = 0.99;
constexpr int kPhiSteps = 14;
constexpr int kPolishCycles = 2;
constexpr int kBisections = 30;
constexpr std::size_t kProfilePoints = 128;

double floored(double rss, std::size_t n) {
  return std::max(rss, kNoiseFloor * static_cast<double>(n));
}

double deviance(const HingeSearch& search, double rss, std::size_t size) {
  const auto n = static_cast<double>(size);
  return n * std::log(floored(rss, size) / n) + search.log_determinant() + n * (1 + std::log(2 * M_PI));
}

double rss_of(const HingeSearch& search, const Fit& fit) {
  if (fit.shape.kind == Shape::Kind::kConstant) return search.rss_constant();
  return fit.knots.empty() ? search.rss_line() : search.rss(fit.knots);
}

// Fills rss and bic for the coefficient of `search`.
void judge(const HingeSearch& search, std::size_t n, Fit& fit) {
  fit.rss = rss_of(search, fit);
  const auto parameters = static_cast<double>(fit.shape.parameters() + 1 + (fit.autoregressive ? 1 : 0));
  fit.bic = deviance(search, fit.rss, n) + parameters * std::log(static_cast<double>(n));
}

// Alternates between the coefficient, within [low, high], and the knots.
void polish(const Sample& sample, std::size_t fewest, double low, double high, double reach, Fit& fit) {
  for (int cycle = 0; cycle < kPolishCycles; ++cycle) {
    if (fit.autoregressive) {
      fit.phi = minimise(low, high, fit.phi, kPhiSteps, [&](double phi) {
        const HingeSearch search(sample, phi, fewest);
        return deviance(search, rss_of(search, fit), sample.size());
      });
    }
    const HingeSearch search(sample, fit.phi, fewest);
    fit.knots = search.refine(fit.knots, reach);
    judge(search, sample.size(), fit);
    if (fit.knots.empty() || !fit.autoregressive) break;
  }
}

// The fit of one shape and noise over the searches, one for each coefficient of the effort.
Fit fit_shape(const Sample& sample, const std::vector<HingeSearch>& searches, const Shape& shape,
              bool autoregressive, std::size_t fewest, const Effort& effort) {
  Fit best;
  std::size_t best_at = 0;
  best.bic = std::numeric_limits<double>::infinity();
  const std::size_t begin = autoregressive ? 1 : 0, end = autoregressive ? searches.size() : 1;
  for (std::size_t i = begin; i < end; ++i) {
    Fit fit{shape, autoregressive, effort.phis[i], {}, 0, 0};
    fit.knots = searches[i].best_knots(shape.knots, effort.candidates);
    judge(searches[i], sample.size(), fit);
    if (fit.bic < best.bic) {
      best = std::move(fit);
      best_at = i;
    }
  }
  if (!effort.refine) return best;
  const double low = autoregressive ? effort.phis[best_at - 1] : 0;
  const double high = best_at + 1 < effort.phis.size() ? effort.phis[best_at + 1] : kLargestPhi;
  polish(sample, fewest, low, high, 2.0 / static_cast<double>(effort.candidates), best);
  return best;
}

// Columns of the design, not whitened; with the derivatives by the knots when slopes are given.
std::vector<std::vector<double>> design(const Sample& sample, const Fit& fit,
                                        const std::vector<double>& changes) {
  std::vector<std::vector<double>> columns = {std::vector<double>(sample.size(), 1.0)};
  if (fit.shape.kind != Shape::Kind::kConstant) columns.push_back(sample.x);
  for (const double knot : fit.knots) {
    std::vector<double> column;
    for (const double x : sample.x) column.push_back(std::max(x - knot, 0.0));
    columns.push_back(std::move(column));
  }
  for (std::size_t k = 0; k < changes.size(); ++k) {
    std::vector<double> column;
    for (const double x : sample.x) column.push_back(x > fit.knots[k] ? -changes[k] : 0.0);
    columns.push_back(std::move(column));
  }
  return columns;
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

// Least squares by modified Gram-Schmidt, twice for accuracy; a dependent column gets coefficient 0.
struct LeastSquares {
  std::vector<double> coefficients;
  std::vector<std::vector<double>> inverse;  // R^-1, upper triangular
  std::vector<double> residuals;

  LeastSquares(std::vector<std::vector<double>> q, std::vector<double> y) : residuals(std::move(y)) {
    const std::size_t p = q.size();
    std::vector<std::vector<double>> r(p, std::vector<double>(p, 0.0));
    std::vector<double> z(p, 0.0);
    for (std::size_t j = 0; j < p; ++j) {
      const double before = std::sqrt(dot(q[j], q[j]));
      for (int pass = 0; pass < 2; ++pass)
        for (std::size_t i = 0; i < j; ++i) subtract(q[j], q[i], dot(q[i], q[j]), r[i][j]);
      const double length = std::sqrt(dot(q[j], q[j]));
      const bool dependent = length <= 1e-9 * before || before == 0;
      r[j][j] = dependent ? std::numeric_limits<double>::infinity() : length;
      for (double& value : q[j]) value = dependent ? 0.0 : value / length;
      double unused = 0;
      z[j] = dot(q[j], residuals);
      subtract(residuals, q[j], z[j], unused);
    }
    solve(r, z);
  }

 private:
  static void subtract(std::vector<double>& from, const std::vector<double>& what, double times,
                       double& total) {
    total += times;
    for (std::size_t i = 0; i < from.size(); ++i) from[i] -= times * what[i];
  }

  void solve(const std::vector<std::vector<double>>& r, const std::vector<double>& z) {
    const std::size_t p = z.size();
    inverse.assign(p, std::vector<double>(p, 0.0));
    coefficients.assign(p, 0.0);
    for (std::size_t j = 0; j < p; ++j) {
      inverse[j][j] = 1 / r[j][j];
      for (std::size_t i = j; i-- > 0;) {
        double sum = 0;
        for (std::size_t k = i + 1; k <= j; ++k)
          if (std::isfinite(r[k][k])) sum += r[i][k] * inverse[k][j];
        inverse[i][j] = -sum / r[i][i];
      }
    }
    for (std::size_t i = 0; i < p; ++i)
      for (std::size_t j = i; j < p; ++j) coefficients[i] += inverse[i][j] * z[j];
  }
};

std::vector<std::vector<double>> whiten_all(const Whitening& whitening,
                                            const std::vector<std::vector<double>>& columns) {
  std::vector<std::vector<double>> out;
  for (const auto& column : columns) out.push_back(whitening.apply(column));
  return out;
}

// Slopes of the segments and their standard errors; the slope of segment s is the sum of the
// coefficients of the line and of the first s hinges.
void slopes_of(const Fit& fit, const LeastSquares& values, const LeastSquares& spread, double variance,
               Curve& curve) {
  const std::size_t segments = fit.knots.size() + 1;
  const bool flat = fit.shape.kind == Shape::Kind::kConstant;
  double slope = 0;
  for (std::size_t s = 0; s < segments; ++s) {
    if (!flat) slope += values.coefficients[1 + s];
    double sum = 0;
    for (std::size_t column = 0; !flat && column < spread.inverse.size(); ++column) {
      double part = 0;
      for (std::size_t i = 1; i <= 1 + s; ++i) part += spread.inverse[i][column];
      sum += part * part;
    }
    curve.slopes.push_back(slope);
    curve.slope_se.push_back(std::sqrt(variance * sum));
  }
}

}  // namespace

std::size_t Shape::parameters() const {
  return kind == Kind::kConstant ? 1 : kind == Kind::kLine ? 2 : 2 + 2 * knots;
}

std::string Shape::name() const {
  if (kind == Kind::kConstant) return "constant";
  if (kind == Kind::kLine) return "linear trend";
  return "piecewise linear, " + std::to_string(knots) + (knots == 1 ? " knot" : " knots");
}

std::string Fit::name() const {
  return shape.name() + (autoregressive ? ", AR(1) noise" : "");
}

Effort full_effort() {
  return {256, {0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.85, 0.92, 0.97}, true};
}

Effort quick_effort() {
  return {48, {0, 0.25, 0.5, 0.7, 0.85, 0.95}, false};
}

std::vector<Fit> fit_models(const Sample& sample, std::size_t max_knots, std::size_t fewest,
                            const Effort& effort) {
  std::vector<HingeSearch> searches;
  searches.reserve(effort.phis.size());
  for (const double phi : effort.phis) searches.emplace_back(sample, phi, fewest);
  std::vector<Shape> shapes = {{Shape::Kind::kConstant, 0}, {Shape::Kind::kLine, 0}};
  for (std::size_t k = 1; k <= max_knots && sample.size() >= (k + 1) * fewest; ++k)
    shapes.push_back({Shape::Kind::kHinges, k});
  std::vector<Fit> fits;
  for (const Shape& shape : shapes) {
    Fit independent = fit_shape(sample, searches, shape, false, fewest, effort);
    if (independent.knots.size() < shape.knots) break;
    // Without residuals there is no noise whose correlation could be estimated.
    const bool noisy = independent.rss > kNoiseFloor * static_cast<double>(sample.size());
    fits.push_back(std::move(independent));
    if (noisy) fits.push_back(fit_shape(sample, searches, shape, true, fewest, effort));
  }
  return fits;
}

Fit fit_near(const Sample& sample, std::vector<double> knots, double reach, std::size_t fewest) {
  const Shape shape{knots.empty() ? Shape::Kind::kLine : Shape::Kind::kHinges, knots.size()};
  Fit independent{shape, false, 0, knots, 0, 0};
  polish(sample, fewest, 0, 0, reach, independent);
  if (independent.rss <= kNoiseFloor * static_cast<double>(sample.size())) return independent;
  Fit correlated{shape, true, 0.5, std::move(knots), 0, 0};
  polish(sample, fewest, 0, kLargestPhi, reach, correlated);
  return independent.bic <= correlated.bic ? independent : correlated;
}

Curve curve_of(const Sample& sample, const Fit& fit) {
  Curve curve;
  const Whitening whitening(sample, fit.phi);
  const auto columns = design(sample, fit, {});
  const LeastSquares values(whiten_all(whitening, columns), whitening.apply(sample.y));
  curve.fitted.assign(sample.size(), 0.0);
  for (std::size_t c = 0; c < columns.size(); ++c)
    for (std::size_t i = 0; i < sample.size(); ++i) curve.fitted[i] += values.coefficients[c] * columns[c][i];
  for (std::size_t i = 0; i < sample.size(); ++i) {
    const double error = sample.y[i] - curve.fitted[i];
    curve.rss += error * error;
  }
  curve.residuals = values.residuals;
  curve.degrees =
      std::max(1.0, static_cast<double>(sample.size()) -
                        static_cast<double>(fit.shape.parameters() + (fit.autoregressive ? 1 : 0)));
  const double variance = dot(values.residuals, values.residuals) / curve.degrees;
  const std::vector<double> changes(
      values.coefficients.begin() + std::min<std::ptrdiff_t>(2, std::ssize(columns)),
      values.coefficients.end());
  const LeastSquares spread(whiten_all(whitening, design(sample, fit, changes)), whitening.apply(sample.y));
  slopes_of(fit, values, spread, variance, curve);
  return curve;
}

HingeSearch::Range knot_interval(const Sample& sample, const Fit& fit, std::size_t knot, double level,
                                 std::size_t fewest) {
  const HingeSearch search(sample, fit.phi, fewest);
  const double degrees = std::max(1.0, static_cast<double>(sample.size() - fit.shape.parameters()));
  const double t = t_quantile(1 - level / 2, std::max(degrees, 4.0));
  const double bound = floored(fit.rss, sample.size()) * (1 + t * t / degrees);
  const auto inside = [&](double at) {
    auto knots = fit.knots;
    knots[knot] = at;
    if (knots.size() > 1) knots = search.refine(knots, 0.1, knot);
    return search.rss(knots) <= bound;
  };
  const HingeSearch::Range whole = search.range(fit.knots, knot);
  // The outermost point inside on one side, then the bound between it and its outer neighbour.
  const auto end = [&](double limit) {
    double in = fit.knots[knot], out = limit;
    for (std::size_t i = 0; i <= kProfilePoints; ++i) {
      const double part = static_cast<double>(i) / kProfilePoints;
      const double at = limit + (fit.knots[knot] - limit) * part;
      if (i < kProfilePoints && !inside(at)) continue;
      if (i == 0) return limit;
      in = at;
      out = limit + (fit.knots[knot] - limit) * (part - 1.0 / kProfilePoints);
      break;
    }
    for (int i = 0; i < kBisections; ++i) {
      const double middle = 0.5 * (in + out);
      (inside(middle) ? in : out) = middle;
    }
    return in;
  };
  return {end(whole.low), end(whole.high)};
}

Simulation::Simulation(const Sample& sample, const Fit& fit) : sample_(sample) {
  // Even where independent noise leads, what little correlation there seems to be is simulated:
  // to leave it out would find transitions where there is only noise.
  Fit correlated = fit;
  if (!fit.autoregressive && fit.rss > kNoiseFloor * static_cast<double>(sample.size())) {
    correlated.autoregressive = true;
    correlated.phi = minimise(0, kLargestPhi, 0.1, 2 * kPhiSteps, [&](double phi) {
      const HingeSearch search(sample, phi, 1);
      return deviance(search, rss_of(search, fit), sample.size());
    });
  }
  const Curve curve = curve_of(sample, correlated);
  curve_ = curve.fitted;
  innovations_ = curve.residuals;
  const auto n = static_cast<double>(sample.size());
  const double shift = fit.shape.kind == Shape::Kind::kConstant ? 1 : 2;
  const double slope = fit.shape.kind == Shape::Kind::kConstant ? 3 : 4;
  phi_ = std::min(kLargestPhi, (correlated.phi + shift / n) / (1 - slope / n));
  // The innovations keep their variance when the coefficient is corrected.
  const double centre = mean(innovations_);
  const double scale =
      std::sqrt(n / curve.degrees * (1 - correlated.phi * correlated.phi) / (1 - phi_ * phi_));
  for (double& value : innovations_) value = (value - centre) * scale;
}

Sample Simulation::draw(std::mt19937_64& random) const {
  Sample drawn = sample_;
  double error = 0;
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    const double q = i == 0 ? 0.0 : lagged(phi_, drawn.gap[i]);
    error = q * error + std::sqrt(1 - q * q) * innovations_[random() % innovations_.size()];
    drawn.y[i] = curve_[i] + error / drawn.root_weight[i];
  }
  return drawn;
}

}  // namespace hooke::analysis
