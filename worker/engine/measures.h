// The scalar formulas of the measurement: how far a prediction moves, the ratio S, and its
// reduction to a class-by-class matrix.
//
// Pure functions on numbers in double; any thread may call them. No LibTorch here. Formulas:
// He & Su (arXiv 1910.06943) and Dan et al. (arXiv 2111.01166), section by section in README.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hooke::engine {

// What a measurement computes. The first eight are ratios S(x, x') = d at x' (responding) / d at
// x (updated), named after what d is.
enum class Measure {
  kLoss,         // signed change of the example's loss
  kKl,           // KL(new || old) of the softmax
  kKlReverse,    // KL(old || new)
  kL2,           // Euclidean distance of the softmax; of the outputs for regression
  kL2Logit,      // Euclidean distance of the outputs
  kL1,           // absolute distance of the softmax
  kKlPublished,  // as the code released with arXiv 2111.01166 computes it; not a divergence
  kL2Published,  // likewise: two norms mixed
  // Matrices of every update.
  kKernel,        // He & Su's similarity: scalar outputs, plain SGD
  kTracin,        // by how much the loss at x' falls
  kLinearityGap,  // S of kL2Logit minus what the update does to first order
  // Matrices that need no update.
  kStiffness,      // cosine of two probes' gradients, never of one with itself
  kStiffnessSign,  // its sign
  kNtk,            // tangent kernel, mean over the outputs
  // Numbers that need no update.
  kCoherence,
  kConfusion,
  kNoiseScale,
  kGramLambdaMax,
  kCollapse,
};

inline constexpr Measure kDistances[] = {Measure::kLoss,        Measure::kKl,         Measure::kKlReverse,
                                         Measure::kL2,          Measure::kL2Logit,    Measure::kL1,
                                         Measure::kKlPublished, Measure::kL2Published};

inline constexpr Measure kAllMeasures[] = {Measure::kLoss,          Measure::kKl,
                                           Measure::kKlReverse,     Measure::kL2,
                                           Measure::kL2Logit,       Measure::kL1,
                                           Measure::kKlPublished,   Measure::kL2Published,
                                           Measure::kKernel,        Measure::kTracin,
                                           Measure::kLinearityGap,  Measure::kStiffness,
                                           Measure::kStiffnessSign, Measure::kNtk,
                                           Measure::kCoherence,     Measure::kConfusion,
                                           Measure::kNoiseScale,    Measure::kGramLambdaMax,
                                           Measure::kCollapse};

// Whether there is a matrix for every update; else there is one result for all.
bool depends_on_update(Measure measure);

// Whether the result is a matrix; else it is one or more numbers.
bool is_matrix(Measure measure);

// "kl_reverse", as in configurations and series keys.
std::string_view name(Measure measure);

enum class Loss {
  kCrossEntropy,  // -log softmax at the label
  kSquared,       // half the squared distance to the target
  kBinary,        // logistic: -log of the label's probability, sigmoid of the one output for label 1
};

// Whether predictions are probabilities of classes or values; it decides what kL2 looks at.
enum class Task { kClassification, kRegression };

// What the examples should have given. Example j has label[j], and row j of target.
struct Truth {
  Loss loss = Loss::kCrossEntropy;
  Task task = Task::kClassification;
  std::vector<std::int64_t> label;  // kCrossEntropy, kBinary: [examples]
  std::vector<double> target;       // kSquared: [examples][outputs]
};

// Predictions for some examples, row-major.
struct Predictions {
  std::size_t outputs = 0;
  std::size_t classes = 0;    // outputs; of kBinary 2
  std::vector<double> z;      // outputs of the net, [examples][outputs]
  std::vector<double> p;      // probabilities of the classes, [examples][classes]
  std::vector<double> log_p;  // their logarithms

  std::size_t examples() const { return outputs == 0 ? 0 : z.size() / outputs; }
};

// Adds to outputs [examples][outputs] the probabilities that the loss takes them for: the softmax, or
// with kBinary, whose one output is z, 1 - sigmoid(z) and sigmoid(z).
Predictions predictions(Loss loss, std::vector<double> z, std::size_t outputs);

// One class's term of KL(new || old), with u = log p_new - log p_old. Never negative, no
// cancellation: a series below |u| = 1e-3, expm1 up to 1, the definition beyond.
double kl_term(double p_new, double p_old, double u);

// d at example j, of a ratio. For the two published measures: what stands above the line; for
// kTracin the fall of the loss, for kKernel the signed change of the only output.
double moved(Measure measure, const Truth& truth, const Predictions& before, const Predictions& after,
             std::size_t j);

// Whether S has a limit as the update's rate goes to 0 that says something of the net. The published
// measures have none: one hardly depends on the update, the other tends to 0.
bool has_limit(Measure measure);

// d at example j to first order, from what moves at the outputs to first order, `tangents`
// [examples][outputs]: the part of moved() of lowest order in the rate. For the divergences that is
// dz'(diag p - pp')dz / 2. REQUIRES: has_limit(measure).
double moved_to_first_order(Measure measure, const Truth& truth, const Predictions& before,
                            std::span<const double> tangents, std::size_t j);

// The gradient of example j's loss with respect to its outputs `z`, into `gradient`.
void loss_gradient(const Truth& truth, std::span<const double> z, std::size_t j, std::span<double> gradient);

// What stands below the line for the updated example i: moved(), for the two published measures
// a norm plus 1e-8, for kTracin 1.
double moved_at_updated(Measure measure, const Truth& truth, const Predictions& before,
                        const Predictions& after, std::size_t i);

// m = classes * per_class probes, class by class: probe i is of class i / per_class.
struct Grouping {
  std::size_t classes = 0;
  std::size_t per_class = 0;
  bool self_pairs = true;  // whether pairs with x' = x count

  std::size_t probes() const { return classes * per_class; }
};

// One number per pair of classes, in planes row-major [responding][updated].
struct Matrix {
  std::size_t classes = 0;
  std::vector<float> mean;               // of S over the pairs that were not skipped; NaN for none
  std::vector<float> sd;                 // over the same pairs (n - 1); NaN for fewer than two
  std::vector<float> ratio_of_means;     // sum of d(x') / sum of d(x) over all eligible pairs
  std::vector<std::uint32_t> skipped;    // pairs whose denominator is 0 or not finite
  std::vector<std::uint32_t> nonfinite;  // pairs in the mean that are not finite
};

// Number of pairs of each pair of classes, row-major [responding][updated].
std::vector<std::int64_t> eligible_pairs(const Grouping& grouping);

// The same probes as `measure` pairs them: stiffness leaves out pairs with x' = x.
Grouping grouping_of(Measure measure, Grouping grouping);

// What stands above and below the line for every pair of probes.
struct Pairs {
  std::vector<double> above;  // [updated][responding]
  std::vector<double> below;  // [updated], or as `above`
};

// He & Su's similarity of every pair, from the signed changes `above` [updated][responding] and
// what stands below them [updated]: the mean of S(x, x') and S(x', x) over the root of
// S(x, x) S(x', x').
Pairs kernel_similarity(std::span<const double> above, std::span<const double> below);

// Reduces `above` [updated probe][responding probe] and `below`, [updated probe] or as `above`, to
// a matrix, in a fixed order.
Matrix reduce(const Grouping& grouping, std::span<const double> above, std::span<const double> below);

// S of every pair, [updated probe][responding probe]; NaN where it is skipped.
std::vector<double> ratios(std::span<const double> above, std::span<const double> below);

}  // namespace hooke::engine
