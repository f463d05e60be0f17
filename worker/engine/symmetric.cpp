#include "worker/engine/symmetric.h"

#include <cmath>

namespace hooke::engine {
namespace {

constexpr int kMostSweeps = 60;

// Turns rows and columns p and q so that element (p, q) becomes 0.
void rotate(std::vector<double>& a, std::vector<double>& v, std::size_t n, std::size_t p, std::size_t q) {
  const double theta = (a[q * n + q] - a[p * n + p]) / (2 * a[p * n + q]);
  const double t = (theta < 0 ? -1 : 1) / (std::fabs(theta) + std::hypot(theta, 1.0));
  const double c = 1 / std::hypot(t, 1.0), s = t * c;
  for (std::size_t k = 0; k < n; ++k) {
    const double kp = a[k * n + p], kq = a[k * n + q];
    a[k * n + p] = c * kp - s * kq;
    a[k * n + q] = s * kp + c * kq;
  }
  for (std::size_t k = 0; k < n; ++k) {
    const double pk = a[p * n + k], qk = a[q * n + k];
    a[p * n + k] = c * pk - s * qk;
    a[q * n + k] = s * pk + c * qk;
    const double vp = v[k * n + p], vq = v[k * n + q];
    v[k * n + p] = c * vp - s * vq;
    v[k * n + q] = s * vp + c * vq;
  }
}

}  // namespace

Eigen eigen(std::vector<double> a, std::size_t n) {
  Eigen result;
  result.vectors.assign(n * n, 0);
  double size = 0;
  for (const double value : a) size += value * value;
  for (std::size_t k = 0; k < n; ++k) result.vectors[k * n + k] = 1;
  for (int sweep = 0; sweep < kMostSweeps; ++sweep) {
    double off = 0;
    for (std::size_t p = 0; p < n; ++p) {
      for (std::size_t q = p + 1; q < n; ++q) off += a[p * n + q] * a[p * n + q];
    }
    if (!(off > 1e-30 * size)) break;
    for (std::size_t p = 0; p < n; ++p) {
      for (std::size_t q = p + 1; q < n; ++q) {
        if (a[p * n + q] != 0) rotate(a, result.vectors, n, p, q);
      }
    }
  }
  for (std::size_t k = 0; k < n; ++k) result.values.push_back(a[k * n + k]);
  return result;
}

}  // namespace hooke::engine
