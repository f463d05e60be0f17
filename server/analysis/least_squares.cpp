#include "server/analysis/least_squares.h"

#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

namespace hooke::analysis {
namespace {

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

void subtract(std::vector<double>& from, const std::vector<double>& what, double times) {
  for (std::size_t i = 0; i < from.size(); ++i) from[i] -= times * what[i];
}

}  // namespace

LeastSquares::LeastSquares(Columns q, std::vector<double> y) : residuals(std::move(y)) {
  const std::size_t p = q.size();
  Columns r(p, std::vector<double>(p, 0.0));
  std::vector<double> z(p, 0.0);
  for (std::size_t j = 0; j < p; ++j) {
    const double before = std::sqrt(dot(q[j], q[j]));
    for (int pass = 0; pass < 2; ++pass) {
      for (std::size_t i = 0; i < j; ++i) {
        const double along = dot(q[i], q[j]);
        r[i][j] += along;
        subtract(q[j], q[i], along);
      }
    }
    const double length = std::sqrt(dot(q[j], q[j]));
    const bool dependent = length <= 1e-9 * before || before == 0;
    r[j][j] = dependent ? std::numeric_limits<double>::infinity() : length;
    for (double& value : q[j]) value = dependent ? 0.0 : value / length;
    z[j] = dot(q[j], residuals);
    subtract(residuals, q[j], z[j]);
  }
  solve(r, z);
}

void LeastSquares::solve(const Columns& r, const std::vector<double>& z) {
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

double LeastSquares::variance(const std::vector<double>& gradient) const {
  double sum = 0;
  for (std::size_t column = 0; column < inverse.size(); ++column) {
    double part = 0;
    for (std::size_t i = 0; i <= column; ++i) part += gradient[i] * inverse[i][column];
    sum += part * part;
  }
  return sum;
}

}  // namespace hooke::analysis
