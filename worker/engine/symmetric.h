// Eigenvalues of small symmetric matrices.
#pragma once

#include <cstddef>
#include <vector>

namespace hooke::engine {

struct Eigen {
  std::vector<double> values;   // [n], in no order
  std::vector<double> vectors;  // [n][n]: column k belongs to values[k]
};

// Jacobi's method on a symmetric matrix [n][n]. NaN in, NaN out.
Eigen eigen(std::vector<double> matrix, std::size_t n);

}  // namespace hooke::engine
