// What the inner products of the probes' gradients say: formulas on numbers, no LibTorch.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace hooke::engine {

// `gram` is [m][m] of <g_i, g_j>, with m the number of probes; m is at least 2 for all but
// coherence.

// |sum g_i|^2 / sum |g_i|^2: 1 when orthogonal, m when identical (arXiv 2008.01217).
double coherence(std::span<const double> gram, std::size_t m);

// Smallest <g_i, g_j> and smallest cosine over i != j (arXiv 1904.06963).
struct Confusion {
  double product = 0;
  double cosine = 0;
};
Confusion confusion(std::span<const double> gram, std::size_t m);

// tr(Sigma) / |G|^2 from unbiased estimates of both; NaN when that of |G|^2 is not positive
// (arXiv 1812.06162).
double noise_scale(std::span<const double> gram, std::size_t m);

// Largest eigenvalue of gram / m: that of the empirical Fisher matrix.
double gram_lambda_max(std::span<const double> gram, std::size_t m);

// cos(g_i, g_j) of every pair, [m][m]; NaN where a gradient is 0.
std::vector<double> cosines(std::span<const double> gram, std::size_t m);

}  // namespace hooke::engine
