#include "worker/engine/collapse.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "worker/engine/symmetric.h"

namespace hooke::engine {
namespace {

using Rows = std::vector<std::vector<double>>;

std::vector<double> row(std::span<const double> values, std::size_t n, std::size_t i) {
  const auto part = values.subspan(i * n, n);
  return {part.begin(), part.end()};
}

void add(std::vector<double>& sum, const std::vector<double>& other, double factor) {
  for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += factor * other[k];
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += a[k] * b[k];
  return sum;
}

double norm(const Rows& rows) {
  double sum = 0;
  for (const auto& each : rows) sum += dot(each, each);
  return std::sqrt(sum);
}

// tr(Sigma_W pinv(Sigma_B)) / K through the K eigenvectors of M'M / K, so that no matrix of the
// features' size is ever made. `deviations` are of the probes from their class's mean.
double within_over_between(const Rows& means, const Rows& deviations) {
  const std::size_t k = means.size();
  const auto classes = static_cast<double>(k);
  std::vector<double> between(k * k), within(k * k, 0);
  for (std::size_t a = 0; a < k; ++a) {
    for (std::size_t b = 0; b < k; ++b) between[a * k + b] = dot(means[a], means[b]) / classes;
  }
  for (const auto& deviation : deviations) {
    std::vector<double> along(k);
    for (std::size_t a = 0; a < k; ++a) along[a] = dot(means[a], deviation);
    for (std::size_t a = 0; a < k; ++a) {
      for (std::size_t b = 0; b < k; ++b) {
        within[a * k + b] += along[a] * along[b] / static_cast<double>(deviations.size());
      }
    }
  }
  const Eigen spectrum = eigen(between, k);
  const double largest = *std::max_element(spectrum.values.begin(), spectrum.values.end());
  double sum = 0;
  for (std::size_t e = 0; e < k; ++e) {
    const double value = spectrum.values[e];
    // Centred means span K - 1 dimensions at most; a NaN goes on.
    if (value <= 1e-12 * largest && largest > 0) continue;
    double quadratic = 0;
    for (std::size_t a = 0; a < k; ++a) {
      for (std::size_t b = 0; b < k; ++b) {
        quadratic += spectrum.vectors[a * k + e] * within[a * k + b] * spectrum.vectors[b * k + e];
      }
    }
    sum += quadratic / (value * value * classes);
  }
  return sum / classes;
}

double from_simplex(const Rows& means) {
  const std::size_t k = means.size();
  const auto classes = static_cast<double>(k);
  Rows products(k, std::vector<double>(k));
  for (std::size_t a = 0; a < k; ++a) {
    for (std::size_t b = 0; b < k; ++b) products[a][b] = dot(means[a], means[b]);
  }
  const double size = norm(products);
  for (std::size_t a = 0; a < k; ++a) {
    for (std::size_t b = 0; b < k; ++b) {
      const double simplex = ((a == b ? 1 : 0) - 1 / classes) / std::sqrt(classes - 1);
      products[a][b] = products[a][b] / size - simplex;
    }
  }
  return norm(products);
}

double from_means(Rows weights, const Rows& means) {
  const double weight_size = norm(weights), mean_size = norm(means);
  for (std::size_t c = 0; c < weights.size(); ++c) {
    for (double& value : weights[c]) value /= weight_size;
    add(weights[c], means[c], -1 / mean_size);
  }
  return norm(weights);
}

}  // namespace

Collapse collapse(const Grouping& grouping, std::span<const double> features, std::span<const double> weights,
                  std::span<const double> z) {
  const std::size_t k = grouping.classes, m = grouping.probes(), n = features.size() / m;
  Rows means(k, std::vector<double>(n, 0)), deviations, rows;
  std::vector<double> centre(n, 0);
  for (std::size_t i = 0; i < m; ++i) {
    rows.push_back(row(features, n, i));
    add(means[i / grouping.per_class], rows[i], 1 / static_cast<double>(grouping.per_class));
    add(centre, rows[i], 1 / static_cast<double>(m));
  }
  std::size_t elsewhere = 0;
  for (std::size_t i = 0; i < m; ++i) {
    deviations.push_back(rows[i]);
    add(deviations[i], means[i / grouping.per_class], -1);
    std::vector<double> distances;
    for (const auto& mean : means) {
      std::vector<double> way = rows[i];
      add(way, mean, -1);
      distances.push_back(dot(way, way));
    }
    const auto outputs = row(z, k, i);
    const auto nearest = std::min_element(distances.begin(), distances.end()) - distances.begin();
    const auto predicted = std::max_element(outputs.begin(), outputs.end()) - outputs.begin();
    if (nearest != predicted) ++elsewhere;
  }
  for (auto& mean : means) add(mean, centre, -1);
  Rows last;
  for (std::size_t c = 0; c < k; ++c) last.push_back(row(weights, n, c));
  return {within_over_between(means, deviations), from_simplex(means), from_means(last, means),
          static_cast<double>(elsewhere) / static_cast<double>(m)};
}

}  // namespace hooke::engine
