#include "tests/bench/naive.h"

#include <ATen/ATen.h>
#include <torch/optim/adam.h>
#include <torch/optim/sgd.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace hooke::bench {
namespace {

using engine::Measure;

// What stands above and below the line, for each example of a batch.
struct Distance {
  at::Tensor above, below;
};

// log probabilities of the classes; one output z is that of loss binary: softmax of (0, z).
at::Tensor log_probabilities(const at::Tensor& outputs) {
  if (outputs.size(1) > 1) return outputs.log_softmax(1);
  return at::cat({at::zeros_like(outputs), outputs}, 1).log_softmax(1);
}

Distance distance(Measure measure, const at::Tensor& before, const at::Tensor& after,
                  const at::Tensor& labels) {
  const at::Tensor log_old = log_probabilities(before), log_new = log_probabilities(after);
  const at::Tensor p_old = log_old.exp(), p_new = log_new.exp(), moved = p_new - p_old;
  at::Tensor d;
  switch (measure) {
    case Measure::kLoss: {
      const at::Tensor at_label = labels.unsqueeze(1);
      d = (log_old.gather(1, at_label) - log_new.gather(1, at_label)).squeeze(1);
      break;
    }
    case Measure::kKl:
      d = (p_new * (log_new - log_old)).sum(1);
      break;
    case Measure::kKlReverse:
      d = (p_old * (log_old - log_new)).sum(1);
      break;
    case Measure::kL2:
      d = moved.square().sum(1).sqrt();
      break;
    case Measure::kL2Logit:
      d = (after - before).square().sum(1).sqrt();
      break;
    case Measure::kL1:
      d = moved.abs().sum(1);
      break;
    case Measure::kKlPublished:
      d = (p_old * (log_old - p_new)).mean(1);
      return {d, d + 1e-8};
    case Measure::kL2Published:
      return {moved.abs().mean(1), moved.square().mean(1).sqrt() + 1e-8};
    default:
      throw std::invalid_argument("not a ratio of distances");
  }
  return {d, d};
}

void take_step(models::Net& net, const at::Tensor& input, const at::Tensor& label,
               const engine::StepRule& rule) {
  const auto step = [&](torch::optim::Optimizer&& optimizer) {
    optimizer.zero_grad();
    at::nll_loss(log_probabilities(net.forward(input)), label).backward();
    optimizer.step();
  };
  if (rule.kind == engine::StepRule::Kind::kAdam) {
    step(torch::optim::Adam(net.parameters(),
                            torch::optim::AdamOptions(rule.lr).weight_decay(rule.weight_decay)));
  } else {
    step(torch::optim::SGD(net.parameters(),
                           torch::optim::SGDOptions(rule.lr).weight_decay(rule.weight_decay)));
  }
}

at::Tensor predict(models::Net& net, const at::Tensor& inputs) {
  const at::NoGradGuard no_grad;
  return net.forward(inputs).to(at::kCPU, at::kDouble);
}

}  // namespace

std::vector<std::vector<double>> naive_means(const MakeNet& make_net, const std::vector<at::Tensor>& weights,
                                             const engine::Probes& probes, const engine::StepRule& rule,
                                             const std::vector<Measure>& measures,
                                             std::size_t updated_per_class) {
  const auto classes = static_cast<std::int64_t>(probes.grouping.classes);
  const auto per_class = static_cast<std::int64_t>(probes.grouping.per_class);
  const auto share = updated_per_class == 0 ? per_class : static_cast<std::int64_t>(updated_per_class);
  std::vector<std::vector<double>> means(measures.size());
  for (std::int64_t responding = 0; responding < classes; ++responding) {
    for (std::int64_t updated = 0; updated < classes; ++updated) {
      std::vector<double> sums(measures.size(), 0), pairs(measures.size(), 0);
      for (std::int64_t i = updated * per_class; i < updated * per_class + share; ++i) {
        const std::shared_ptr<models::Net> net = make_net();
        {
          const at::NoGradGuard no_grad;
          const std::vector<at::Tensor> parameters = net->parameters();
          for (std::size_t k = 0; k < parameters.size(); ++k) parameters[k].copy_(weights[k]);
        }
        // The updated probe first, then the responding class.
        const auto batch = [&](const at::Tensor& all) {
          return at::cat({all.narrow(0, i, 1), all.narrow(0, responding * per_class, per_class)});
        };
        const at::Tensor inputs = batch(probes.inputs), labels = batch(probes.targets).to(at::kCPU);
        const at::Tensor before = predict(*net, inputs);
        take_step(*net, probes.inputs.narrow(0, i, 1), probes.targets.narrow(0, i, 1), rule);
        const at::Tensor after = predict(*net, inputs);
        for (std::size_t q = 0; q < measures.size(); ++q) {
          const Distance d = distance(measures[q], before, after, labels);
          const double below = d.below[0].item<double>();
          if (below == 0 || !std::isfinite(below)) continue;
          sums[q] += (d.above.narrow(0, 1, per_class) / below).sum().item<double>();
          pairs[q] += static_cast<double>(per_class);
        }
      }
      for (std::size_t q = 0; q < measures.size(); ++q) means[q].push_back(sums[q] / pairs[q]);
    }
  }
  return means;
}

double max_relative_difference(const std::vector<float>& engine, const std::vector<double>& naive) {
  double largest = 0, difference = 0;
  for (const double value : naive) largest = std::max(largest, std::fabs(value));
  for (std::size_t cell = 0; cell < naive.size(); ++cell) {
    const double scale = std::max(std::fabs(naive[cell]), 1e-3 * largest);
    const double here = std::fabs(static_cast<double>(engine[cell]) - naive[cell]) / scale;
    // A NaN must not pass for agreement.
    difference = here <= difference ? difference : here;
  }
  return difference;
}

}  // namespace hooke::bench
