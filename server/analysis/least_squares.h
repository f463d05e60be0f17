// Least squares for a few columns. Pure, callable from any thread.
#pragma once

#include <vector>

namespace hooke::analysis {

using Columns = std::vector<std::vector<double>>;

// By modified Gram-Schmidt, twice for accuracy; a dependent column gets coefficient 0.
struct LeastSquares {
  std::vector<double> coefficients;
  Columns inverse;  // R^-1, upper triangular
  std::vector<double> residuals;

  // REQUIRES: columns as long as y.
  LeastSquares(Columns columns, std::vector<double> y);

  // Variance of gradient . coefficients, over that of the noise.
  double variance(const std::vector<double>& gradient) const;

 private:
  void solve(const Columns& r, const std::vector<double>& z);
};

}  // namespace hooke::analysis
