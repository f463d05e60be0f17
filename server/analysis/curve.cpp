#include "server/analysis/curve.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "server/analysis/least_squares.h"

namespace hooke::analysis {
namespace {

using Kind = Shape::Kind;

template <class F>
std::vector<double> column_of(const Sample& sample, F f) {
  std::vector<double> column;
  for (const double x : sample.x) column.push_back(f(x));
  return column;
}

Columns design(const Sample& sample, const Fit& fit) {
  Columns columns = {std::vector<double>(sample.size(), 1.0)};
  if (fit.shape.kind == Kind::kLine || fit.shape.kind == Kind::kHinges) columns.push_back(sample.x);
  if (fit.shape.kind == Kind::kRelaxation)
    columns.push_back(column_of(sample, [&](double x) { return std::exp(-x / fit.time); }));
  for (const double at : fit.breaks) {
    if (fit.shape.kind == Kind::kHinges)
      columns.push_back(column_of(sample, [&](double x) { return std::max(x - at, 0.0); }));
    else
      columns.push_back(column_of(sample, [&](double x) { return x < at ? 0.0 : 1.0; }));
  }
  return columns;
}

// Derivatives of the curve by what is not linear in it: knots and time constant (jumps have none).
Columns derivatives(const Sample& sample, const Fit& fit, const std::vector<double>& coefficients) {
  Columns columns;
  if (fit.shape.kind == Kind::kRelaxation)
    columns.push_back(column_of(sample, [&](double x) {
      return coefficients[1] * x / (fit.time * fit.time) * std::exp(-x / fit.time);
    }));
  if (fit.shape.kind == Kind::kHinges)
    for (std::size_t k = 0; k < fit.breaks.size(); ++k)
      columns.push_back(
          column_of(sample, [&](double x) { return x > fit.breaks[k] ? -coefficients[2 + k] : 0.0; }));
  return columns;
}

Columns whiten_all(const Whitening& whitening, const Columns& columns) {
  Columns out;
  for (const auto& column : columns) out.push_back(whitening.apply(column));
  return out;
}

// Slope of segment s as a combination of the parameters; `parameters` includes the derivatives' columns.
std::vector<double> slope_gradient(const Fit& fit, const Curve& curve,
                                   const std::vector<double>& coefficients, std::size_t s,
                                   std::size_t parameters) {
  std::vector<double> gradient(parameters, 0.0);
  if (fit.shape.kind == Kind::kLine || fit.shape.kind == Kind::kHinges)
    std::fill_n(gradient.begin() + 1, 1 + s, 1.0);
  if (fit.shape.kind == Kind::kRelaxation) {
    const double from = s == 0 ? 0 : curve.ends[s - 1], to = s < curve.ends.size() ? curve.ends[s] : 1;
    const double at_from = std::exp(-from / fit.time), at_to = std::exp(-to / fit.time);
    gradient[1] = (at_to - at_from) / (to - from);
    gradient[2] = coefficients[1] * (to * at_to - from * at_from) / (fit.time * fit.time) / (to - from);
  }
  return gradient;
}

void add_slopes(const Fit& fit, const std::vector<double>& coefficients, const LeastSquares& spread,
                double variance, Curve& curve) {
  for (std::size_t s = 0; s <= curve.ends.size(); ++s) {
    const auto gradient = slope_gradient(fit, curve, coefficients, s, spread.coefficients.size());
    curve.slopes.push_back(
        std::inner_product(coefficients.begin(), coefficients.end(), gradient.begin(), 0.0));
    curve.slope_se.push_back(std::sqrt(variance * spread.variance(gradient)));
    curve.steepest = std::max(curve.steepest, std::abs(curve.slopes.back()));
  }
  if (fit.shape.kind == Kind::kRelaxation) curve.steepest = std::abs(coefficients[1]) / fit.time;
}

}  // namespace

double levelled_off(const Fit& fit, double elastic_slope) {
  // A share of 1 would leave no point to the elastic phase.
  return -fit.time * std::log(std::min(elastic_slope, 0.99));
}

Curve curve_of(const Sample& sample, const Fit& fit, double elastic_slope) {
  Curve curve;
  const Whitening whitening(sample, fit.phi);
  Columns columns = design(sample, fit);
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
  double squares = 0;
  for (const double residual : values.residuals) squares += residual * residual;
  curve.ends = fit.breaks;
  if (fit.shape.kind == Kind::kRelaxation)
    if (const double at = levelled_off(fit, elastic_slope); at < 1 - 1e-6) curve.ends = {at};
  for (auto& column : derivatives(sample, fit, values.coefficients)) columns.push_back(std::move(column));
  const LeastSquares spread(whiten_all(whitening, columns), whitening.apply(sample.y));
  add_slopes(fit, values.coefficients, spread, squares / curve.degrees, curve);
  return curve;
}

}  // namespace hooke::analysis
