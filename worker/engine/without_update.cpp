#include "worker/engine/without_update.h"

#include <cmath>

#include "proto/hooke/error.h"
#include "worker/engine/collapse.h"
#include "worker/engine/gradient_measures.h"

namespace hooke::engine {
namespace {

using Scalars = std::vector<std::pair<std::string, double>>;

// Inner products of the gradients of the probes' losses.
std::vector<double> loss_gram(MeasuredNet& net, const Truth& truth, const Predictions& before) {
  const std::size_t outputs = before.outputs;
  std::vector<double> errors(before.z.size());
  for (std::size_t i = 0; i < before.examples(); ++i) {
    loss_gradient(truth, std::span(before.z).subspan(i * outputs, outputs), i,
                  std::span(errors).subspan(i * outputs, outputs));
  }
  return net.gram(errors);
}

// (1 / outputs) sum over k of <grad z_k(x), grad z_k(x')>.
std::vector<double> tangent_kernel(MeasuredNet& net, const Predictions& before) {
  const std::size_t outputs = before.outputs, m = before.examples();
  std::vector<double> kernel(m * m, 0);
  for (std::size_t k = 0; k < outputs; ++k) {
    std::vector<double> errors(m * outputs, 0);
    for (std::size_t i = 0; i < m; ++i) errors[i * outputs + k] = 1;
    const std::vector<double> gram = net.gram(errors);
    for (std::size_t at = 0; at < kernel.size(); ++at) kernel[at] += gram[at] / static_cast<double>(outputs);
  }
  return kernel;
}

// Cosines or their signs; a gradient of 0 has none, and its pairs are left out.
Pairs stiffness(Measure measure, const std::vector<double>& gram, std::size_t m) {
  Pairs pairs{cosines(gram, m), std::vector<double>(m * m)};
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < m; ++j) {
      const std::size_t at = i * m + j;
      pairs.below[at] = gram[i * m + i] == 0 || gram[j * m + j] == 0 ? 0 : 1;
      if (measure == Measure::kStiffness || std::isnan(pairs.above[at])) continue;
      pairs.above[at] = pairs.above[at] > 0 ? 1 : pairs.above[at] < 0 ? -1 : 0;
    }
  }
  return pairs;
}

Scalars scalars(Measure measure, const std::vector<double>& gram, std::size_t m) {
  switch (measure) {
    case Measure::kCoherence:
      return {{"gradients/coherence", coherence(gram, m)}};
    case Measure::kConfusion: {
      const Confusion both = confusion(gram, m);
      return {{"gradients/confusion", both.product}, {"gradients/confusion_cosine", both.cosine}};
    }
    case Measure::kNoiseScale:
      return {{"gradients/noise_scale", noise_scale(gram, m)}};
    case Measure::kGramLambdaMax:
      return {{"gradients/gram_lambda_max", gram_lambda_max(gram, m)}};
    default:
      throw Error(Code::kInternal, std::string(name(measure)) + " is not of gradients");
  }
}

Scalars collapse_scalars(MeasuredNet& net, const Grouping& grouping, const Predictions& before) {
  const auto last = net.last_layer();
  if (!last || before.outputs != grouping.classes) {
    throw Error(Code::kUnimplemented,
                "'collapse' needs a classifier with a hidden layer, of the built-in ones without "
                "normalisation",
                "measures");
  }
  const Collapse result = collapse(grouping, last->features, last->weights, before.z);
  return {{"collapse/nc1", result.nc1},
          {"collapse/nc2", result.nc2},
          {"collapse/nc3", result.nc3},
          {"collapse/nc4", result.nc4}};
}

}  // namespace

std::vector<Result> measure_without_update(MeasuredNet& net, const Grouping& grouping, const Truth& truth,
                                           const Predictions& before, const std::vector<Measure>& measures,
                                           bool keep_pairs) {
  const std::size_t m = grouping.probes();
  std::vector<double> gram;  // of the losses, when one has asked for it
  std::vector<Result> results;
  for (const Measure measure : measures) {
    if (depends_on_update(measure)) continue;
    Result result;
    result.measure = measure;
    const bool of_losses = measure != Measure::kNtk && measure != Measure::kCollapse;
    if (of_losses && gram.empty()) gram = loss_gram(net, truth, before);
    if (measure == Measure::kCollapse) {
      result.scalars = collapse_scalars(net, grouping, before);
    } else if (!is_matrix(measure)) {
      result.scalars = scalars(measure, gram, m);
    } else {
      Pairs pairs = measure == Measure::kNtk
                        ? Pairs{tangent_kernel(net, before), std::vector<double>(m * m, 1)}
                        : stiffness(measure, gram, m);
      result.matrix = reduce(grouping_of(measure, grouping), pairs.above, pairs.below);
      if (keep_pairs) result.pairs = std::move(pairs);
    }
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace hooke::engine
