#include "worker/engine/measures.h"

#include <cmath>
#include <limits>

#include "proto/hooke/error.h"

namespace hooke::engine {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kPublishedEpsilon = 1e-8;  // in the released code's denominators

std::span<const double> row(const std::vector<double>& values, std::size_t outputs, std::size_t j) {
  return std::span(values).subspan(j * outputs, outputs);
}

double kl(std::span<const double> p_new, std::span<const double> log_p_new, std::span<const double> p_old,
          std::span<const double> log_p_old) {
  double sum = 0;
  for (std::size_t k = 0; k < p_new.size(); ++k) {
    sum += kl_term(p_new[k], p_old[k], log_p_new[k] - log_p_old[k]);
  }
  return sum;
}

double euclidean(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += (a[k] - b[k]) * (a[k] - b[k]);
  return std::sqrt(sum);
}

double absolute(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += std::fabs(a[k] - b[k]);
  return sum;
}

// The released code hands probabilities to a function that expects log-probabilities.
double kl_published(std::span<const double> p_new, std::span<const double> p_old,
                    std::span<const double> log_p_old) {
  double sum = 0;
  for (std::size_t k = 0; k < p_new.size(); ++k) {
    if (p_old[k] != 0) sum += p_old[k] * (log_p_old[k] - p_new[k]);
  }
  return sum / static_cast<double>(p_new.size());
}

// The difference of two losses, from differences where that cancels less.
double loss_change(const Truth& truth, const Predictions& before, const Predictions& after, std::size_t j) {
  const std::size_t n = before.outputs;
  if (truth.loss != Loss::kSquared) {
    const std::size_t at = j * before.classes + static_cast<std::size_t>(truth.label[j]);
    return before.log_p[at] - after.log_p[at];
  }
  double sum = 0;
  for (std::size_t at = j * n; at < (j + 1) * n; ++at) {
    sum += (after.z[at] - before.z[at]) * (0.5 * (after.z[at] + before.z[at]) - truth.target[at]);
  }
  return sum;
}

bool usable(double below) {
  return below != 0 && std::isfinite(below);
}

double below_of(std::span<const double> below, std::size_t m, std::size_t i, std::size_t j) {
  return below.size() == m ? below[i] : below[i * m + j];
}

// The pairs of one updated and one responding class.
struct Cell {
  std::size_t pairs = 0;  // in the mean
  double sum = 0;         // of S
  double above = 0;       // sums over all eligible pairs
  double below = 0;
  std::uint32_t skipped = 0;
  std::uint32_t nonfinite = 0;
};

// Calls use(above, below) for every eligible pair of the cell, in a fixed order.
template <typename Use>
void for_each_pair(const Grouping& grouping, std::span<const double> above, std::span<const double> below,
                   std::size_t responding, std::size_t updated, Use use) {
  const std::size_t p = grouping.per_class, m = grouping.probes();
  for (std::size_t i = updated * p; i < (updated + 1) * p; ++i) {
    for (std::size_t j = responding * p; j < (responding + 1) * p; ++j) {
      if (i != j || grouping.self_pairs) use(above[i * m + j], below_of(below, m, i, j));
    }
  }
}

}  // namespace

std::string_view name(Measure measure) {
  switch (measure) {
    case Measure::kLoss:
      return "loss";
    case Measure::kKl:
      return "kl";
    case Measure::kKlReverse:
      return "kl_reverse";
    case Measure::kL2:
      return "l2";
    case Measure::kL2Logit:
      return "l2_logit";
    case Measure::kL1:
      return "l1";
    case Measure::kKlPublished:
      return "kl_published";
    case Measure::kL2Published:
      return "l2_published";
    case Measure::kKernel:
      return "kernel";
    case Measure::kTracin:
      return "tracin";
    case Measure::kLinearityGap:
      return "linearity_gap";
    case Measure::kStiffness:
      return "stiffness";
    case Measure::kStiffnessSign:
      return "stiffness_sign";
    case Measure::kNtk:
      return "ntk";
    case Measure::kCoherence:
      return "coherence";
    case Measure::kConfusion:
      return "confusion";
    case Measure::kNoiseScale:
      return "noise_scale";
    case Measure::kGramLambdaMax:
      return "gram_lambda_max";
    case Measure::kCollapse:
      return "collapse";
  }
  throw Error(Code::kInternal, "no such measure");
}

bool depends_on_update(Measure measure) {
  return measure <= Measure::kLinearityGap;
}

bool is_matrix(Measure measure) {
  return measure <= Measure::kNtk;
}

namespace {

// log softmax of the outputs z, of one example.
void log_softmax(std::span<const double> z, std::span<double> log_p) {
  double largest = z[0];
  for (const double value : z) largest = std::fmax(largest, value);
  double sum = 0;
  for (const double value : z) sum += std::exp(value - largest);
  const double log_sum = std::log(sum);
  for (std::size_t k = 0; k < z.size(); ++k) log_p[k] = (z[k] - largest) - log_sum;
}

double log_sigmoid(double z) {
  return z < 0 ? z - std::log1p(std::exp(z)) : -std::log1p(std::exp(-z));
}

}  // namespace

Predictions predictions(Loss loss, std::vector<double> z, std::size_t outputs) {
  const bool binary = loss == Loss::kBinary;
  Predictions result{outputs, binary ? 2 : outputs, std::move(z), {}, {}};
  result.log_p.resize(result.examples() * result.classes);
  for (std::size_t j = 0; j < result.examples(); ++j) {
    const std::span<double> log_p = std::span(result.log_p).subspan(j * result.classes, result.classes);
    if (binary) {
      log_p[0] = log_sigmoid(-result.z[j]);
      log_p[1] = log_sigmoid(result.z[j]);
    } else {
      log_softmax(row(result.z, outputs, j), log_p);
    }
  }
  result.p.resize(result.log_p.size());
  for (std::size_t at = 0; at < result.p.size(); ++at) result.p[at] = std::exp(result.log_p[at]);
  return result;
}

double kl_term(double p_new, double p_old, double u) {
  if (p_new == 0 && p_old == 0) return 0;
  const double size = std::fabs(u);
  if (size < 1e-3) return p_old * (u * u * (0.5 + u * (1.0 / 3 + u * (1.0 / 8 + u / 30))));
  if (size <= 1) return p_old * (u * std::exp(u) - std::expm1(u));
  return (p_new == 0 ? 0 : p_new * u) - (p_new - p_old);
}

double moved(Measure measure, const Truth& truth, const Predictions& before, const Predictions& after,
             std::size_t j) {
  const std::size_t n = before.outputs, classes = before.classes;
  const auto p_new = row(after.p, classes, j), p_old = row(before.p, classes, j);
  const auto log_new = row(after.log_p, classes, j), log_old = row(before.log_p, classes, j);
  switch (measure) {
    case Measure::kLoss:
      return loss_change(truth, before, after, j);
    case Measure::kKl:
      return kl(p_new, log_new, p_old, log_old);
    case Measure::kKlReverse:
      return kl(p_old, log_old, p_new, log_new);
    case Measure::kL2:
      if (truth.task == Task::kClassification) return euclidean(p_new, p_old);
      return euclidean(row(after.z, n, j), row(before.z, n, j));
    case Measure::kL2Logit:
      return euclidean(row(after.z, n, j), row(before.z, n, j));
    case Measure::kL1:
      return absolute(p_new, p_old);
    case Measure::kKlPublished:
      return kl_published(p_new, p_old, log_old);
    case Measure::kL2Published:
      return absolute(p_new, p_old) / static_cast<double>(classes);
    case Measure::kTracin:
      return -loss_change(truth, before, after, j);
    case Measure::kKernel:
      return after.z[j * n] - before.z[j * n];
    default:
      throw Error(Code::kInternal, std::string(name(measure)) + " is no distance");
  }
}

bool has_limit(Measure measure) {
  return measure <= Measure::kL1;
}

namespace {

// What moves at the probabilities of one example: p_k (dz_k - sum p dz).
std::vector<double> probability_tangents(const Predictions& before, std::span<const double> dz,
                                         std::size_t j) {
  const auto p = row(before.p, before.classes, j);
  if (before.classes > dz.size()) {  // kBinary
    const double change = p[0] * p[1] * dz[0];
    return {-change, change};
  }
  double mean = 0;
  for (std::size_t k = 0; k < p.size(); ++k) mean += p[k] * dz[k];
  std::vector<double> change;
  for (std::size_t k = 0; k < p.size(); ++k) change.push_back(p[k] * (dz[k] - mean));
  return change;
}

double length(std::span<const double> values) {
  double squares = 0;
  for (const double value : values) squares += value * value;
  return std::sqrt(squares);
}

}  // namespace

double moved_to_first_order(Measure measure, const Truth& truth, const Predictions& before,
                            std::span<const double> tangents, std::size_t j) {
  const std::size_t n = before.outputs;
  const auto dz = tangents.subspan(j * n, n);
  if (measure == Measure::kL2Logit || (measure == Measure::kL2 && truth.task == Task::kRegression))
    return length(dz);
  if (measure == Measure::kLoss) {
    std::vector<double> gradient(n);
    loss_gradient(truth, row(before.z, n, j), j, gradient);
    double sum = 0;
    for (std::size_t k = 0; k < n; ++k) sum += gradient[k] * dz[k];
    return sum;
  }
  const std::vector<double> dp = probability_tangents(before, dz, j);
  double sum = 0;
  switch (measure) {
    case Measure::kL2:
      return length(dp);
    case Measure::kL1:
      for (const double change : dp) sum += std::fabs(change);
      return sum;
    case Measure::kKl:
    case Measure::kKlReverse:
      // dp = (diag p - pp')dz, of which each term is p times one that is squared in the form.
      for (std::size_t k = 0; k < dp.size(); ++k) {
        const double p = before.p[j * before.classes + k];
        if (p != 0) sum += 0.5 * dp[k] * dp[k] / p;
      }
      return sum;
    default:
      throw Error(Code::kInternal, std::string(name(measure)) + " has no first order");
  }
}

void loss_gradient(const Truth& truth, std::span<const double> z, std::size_t j, std::span<double> gradient) {
  const std::size_t n = z.size();
  if (truth.loss == Loss::kSquared) {
    for (std::size_t k = 0; k < n; ++k) gradient[k] = z[k] - truth.target[j * n + k];
    return;
  }
  const Predictions here = predictions(truth.loss, {z.begin(), z.end()}, n);
  const auto label = static_cast<std::size_t>(truth.label[j]);
  if (truth.loss == Loss::kBinary) {
    gradient[0] = label == 1 ? std::expm1(here.log_p[1]) : here.p[1];
    return;
  }
  for (std::size_t k = 0; k < n; ++k) gradient[k] = k == label ? std::expm1(here.log_p[k]) : here.p[k];
}

double moved_at_updated(Measure measure, const Truth& truth, const Predictions& before,
                        const Predictions& after, std::size_t i) {
  const std::size_t n = before.classes;
  if (measure == Measure::kL2Published) {
    return euclidean(row(after.p, n, i), row(before.p, n, i)) / std::sqrt(static_cast<double>(n)) +
           kPublishedEpsilon;
  }
  if (measure == Measure::kTracin) return 1;
  const double distance = moved(measure, truth, before, after, i);
  return measure == Measure::kKlPublished ? distance + kPublishedEpsilon : distance;
}

std::vector<std::int64_t> eligible_pairs(const Grouping& grouping) {
  const auto p = static_cast<std::int64_t>(grouping.per_class);
  std::vector<std::int64_t> pairs(grouping.classes * grouping.classes, p * p);
  if (!grouping.self_pairs) {
    for (std::size_t c = 0; c < grouping.classes; ++c) pairs[c * grouping.classes + c] = p * (p - 1);
  }
  return pairs;
}

Grouping grouping_of(Measure measure, Grouping grouping) {
  if (measure == Measure::kStiffness || measure == Measure::kStiffnessSign) grouping.self_pairs = false;
  return grouping;
}

Pairs kernel_similarity(std::span<const double> above, std::span<const double> below) {
  const std::size_t m = below.size();
  Pairs pairs;
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < m; ++j) {
      const double self = (above[i * m + i] / below[i]) * (above[j * m + j] / below[j]);
      pairs.above.push_back(0.5 * (above[i * m + j] / below[i] + above[j * m + i] / below[j]));
      pairs.below.push_back(self > 0 ? std::sqrt(self) : 0);
    }
  }
  return pairs;
}

Matrix reduce(const Grouping& grouping, std::span<const double> above, std::span<const double> below) {
  const std::size_t k = grouping.classes;
  Matrix matrix;
  matrix.classes = k;
  for (std::size_t responding = 0; responding < k; ++responding) {
    for (std::size_t updated = 0; updated < k; ++updated) {
      Cell cell;
      for_each_pair(grouping, above, below, responding, updated, [&](double a, double b) {
        cell.above += a;
        cell.below += b;
        if (!usable(b)) {
          ++cell.skipped;
          return;
        }
        ++cell.pairs;
        cell.sum += a / b;
        if (!std::isfinite(a / b)) ++cell.nonfinite;
      });
      const double n = static_cast<double>(cell.pairs);
      const double mean = cell.pairs == 0 ? kNan : cell.sum / n;
      double squares = 0;
      for_each_pair(grouping, above, below, responding, updated, [&](double a, double b) {
        if (usable(b)) squares += (a / b - mean) * (a / b - mean);
      });
      matrix.mean.push_back(static_cast<float>(mean));
      matrix.sd.push_back(static_cast<float>(cell.pairs < 2 ? kNan : std::sqrt(squares / (n - 1))));
      matrix.ratio_of_means.push_back(static_cast<float>(cell.above / cell.below));
      matrix.skipped.push_back(cell.skipped);
      matrix.nonfinite.push_back(cell.nonfinite);
    }
  }
  return matrix;
}

std::vector<double> ratios(std::span<const double> above, std::span<const double> below) {
  std::vector<double> result(above.size(), kNan);
  const bool each = below.size() == above.size();
  const std::size_t m = each ? 1 : below.size();
  for (std::size_t at = 0; at < above.size(); ++at) {
    const double b = below[each ? at : at / m];
    if (usable(b)) result[at] = above[at] / b;
  }
  return result;
}

}  // namespace hooke::engine
