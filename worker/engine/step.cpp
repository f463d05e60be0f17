#include "worker/engine/step.h"

#include <ATen/ATen.h>

#include <cmath>
#include <sstream>

namespace hooke::engine {
namespace {

using Kind = StepRule::Kind;

// The state of one parameter after it has seen a gradient.
struct Moments {
  at::Tensor first, second;
};

bool fresh(const StepState& state) {
  return state.steps == 0;
}

at::Tensor with_decay(const StepRule& rule, const at::Tensor& base, const at::Tensor& gradient) {
  if (rule.weight_decay == 0 || rule.kind == Kind::kAdamW) return gradient;
  return gradient.add(base, rule.weight_decay);
}

Moments advanced(const StepRule& rule, const StepState& state, std::size_t index, const at::Tensor& g) {
  if (rule.kind == Kind::kSgd) {
    if (rule.momentum == 0) return {};
    return {fresh(state) ? g : state.first[index].mul(rule.momentum).add_(g), {}};
  }
  if (fresh(state)) return {g.mul(1 - rule.beta1), g.square().mul_(1 - rule.beta2)};
  return {state.first[index].mul(rule.beta1).add_(g, 1 - rule.beta1),
          state.second[index].mul(rule.beta2).add_(g.square(), 1 - rule.beta2)};
}

// What is taken from the parameter, before the factor lr.
at::Tensor direction(const StepRule& rule, const StepState& state, const Moments& moments,
                     const at::Tensor& g) {
  if (rule.kind == Kind::kSgd) {
    if (rule.momentum == 0) return g;
    return rule.nesterov ? g.add(moments.first, rule.momentum) : moments.first;
  }
  if (fresh(state)) return g.div(g.abs().add_(rule.epsilon));
  const auto t = static_cast<double>(state.steps + 1);
  const double scale1 = 1 - std::pow(rule.beta1, t), scale2 = 1 - std::pow(rule.beta2, t);
  return moments.first.div(moments.second.sqrt().div_(std::sqrt(scale2)).add_(rule.epsilon)).div_(scale1);
}

double kept(const StepRule& rule) {
  return rule.kind == Kind::kAdamW ? 1 - rule.lr * rule.weight_decay : 1.0;
}

}  // namespace

void step_from(const StepRule& rule, const StepState& state, std::size_t index, const at::Tensor& base,
               const at::Tensor& gradient, at::Tensor& result) {
  result.copy_(base);
  if (!gradient.defined()) return;
  const at::Tensor g = with_decay(rule, base, gradient);
  // A fresh Adam's direction needs no moments.
  const bool needs_moments = rule.kind == Kind::kSgd || !fresh(state);
  const Moments moments = needs_moments ? advanced(rule, state, index, g) : Moments{};
  if (kept(rule) != 1) result.mul_(kept(rule));
  result.sub_(direction(rule, state, moments, g), rule.lr);
}

void step_in_place(const StepRule& rule, StepState& state, std::vector<at::Tensor>& parameters,
                   const std::vector<at::Tensor>& gradients) {
  if (fresh(state)) {
    state.first.resize(parameters.size());
    state.second.resize(parameters.size());
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const at::Tensor gradient = gradients[i].defined() ? gradients[i] : at::zeros_like(parameters[i]);
    const at::Tensor g = with_decay(rule, parameters[i], gradient);
    const Moments moments = advanced(rule, state, i, g);
    if (kept(rule) != 1) parameters[i].mul_(kept(rule));
    parameters[i].sub_(direction(rule, state, moments, g), rule.lr);
    state.first[i] = moments.first;
    state.second[i] = moments.second;
  }
  ++state.steps;
}

std::string describe(const StepRule& rule) {
  std::ostringstream text;
  text << (rule.kind == Kind::kSgd ? "SGD" : rule.kind == Kind::kAdam ? "Adam" : "AdamW");
  text << ", lr " << rule.lr;
  if (rule.kind == Kind::kSgd && rule.momentum != 0) {
    text << ", momentum " << rule.momentum << (rule.nesterov ? " (Nesterov)" : "");
  }
  if (rule.weight_decay != 0) text << ", weight decay " << rule.weight_decay;
  return text.str();
}

}  // namespace hooke::engine
