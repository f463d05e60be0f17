#include "worker/engine/gradient_measures.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace hooke::engine {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();
constexpr int kMostIterations = 10'000;

double sum(std::span<const double> values) {
  double total = 0;
  for (const double value : values) total += value;
  return total;
}

double trace(std::span<const double> gram, std::size_t m) {
  double total = 0;
  for (std::size_t i = 0; i < m; ++i) total += gram[i * m + i];
  return total;
}

// The smaller one, or NaN when one is.
double smaller(double a, double b) {
  return std::isnan(a) || std::isnan(b) ? kUndefined : std::min(a, b);
}

}  // namespace

double coherence(std::span<const double> gram, std::size_t m) {
  return sum(gram) / trace(gram, m);
}

Confusion confusion(std::span<const double> gram, std::size_t m) {
  const std::vector<double> cosine = cosines(gram, m);
  Confusion result{std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < m; ++j) {
      if (i == j) continue;
      result.product = smaller(result.product, gram[i * m + j]);
      // A gradient of 0 has no direction.
      const bool directed = gram[i * m + i] != 0 && gram[j * m + j] != 0;
      if (directed) result.cosine = smaller(result.cosine, cosine[i * m + j]);
    }
  }
  if (result.cosine == std::numeric_limits<double>::infinity()) result.cosine = kUndefined;
  return result;
}

double noise_scale(std::span<const double> gram, std::size_t m) {
  const auto n = static_cast<double>(m);
  const double mean_square = trace(gram, m) / n, square_of_mean = sum(gram) / (n * n);
  const double signal = (n * square_of_mean - mean_square) / (n - 1);
  const double noise = (mean_square - square_of_mean) * n / (n - 1);
  return signal > 0 ? noise / signal : kUndefined;
}

// The power method: the quotient converges whether or not the largest eigenvalue is simple.
double gram_lambda_max(std::span<const double> gram, std::size_t m) {
  std::vector<double> vector(m), product(m);
  // The row of the longest gradient is no eigenvector of 0 unless all gradients are 0.
  std::size_t longest = 0;
  for (std::size_t i = 0; i < m; ++i) {
    if (!(gram[i * m + i] <= gram[longest * m + longest])) longest = i;
  }
  std::copy_n(gram.begin() + static_cast<std::ptrdiff_t>(longest * m), m, vector.begin());
  double value = 0;
  for (int iteration = 0; iteration < kMostIterations; ++iteration) {
    double norm = 0;
    for (const double x : vector) norm += x * x;
    norm = std::sqrt(norm);
    if (norm == 0) return 0;
    for (double& x : vector) x /= norm;
    double next = 0;
    for (std::size_t i = 0; i < m; ++i) {
      product[i] = 0;
      for (std::size_t j = 0; j < m; ++j) product[i] += gram[i * m + j] * vector[j];
      next += vector[i] * product[i];
    }
    if (!(std::fabs(next - value) > 1e-14 * std::fabs(next))) return next / static_cast<double>(m);
    value = next;
    std::swap(vector, product);
  }
  return value / static_cast<double>(m);
}

std::vector<double> cosines(std::span<const double> gram, std::size_t m) {
  std::vector<double> result(m * m);
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < m; ++j) {
      result[i * m + j] = gram[i * m + j] / std::sqrt(gram[i * m + i]) / std::sqrt(gram[j * m + j]);
    }
  }
  return result;
}

}  // namespace hooke::engine
