// One optimiser step: the same formulas for training and for the measured updates.
//
// Formulas are those of torch.optim (Adam, AdamW, SGD). A step on a fresh state takes the closed
// form of Adam's first step, -lr * g / (|g| + epsilon). No state of its own: the caller owns
// StepState; calls on different tensors may run in different threads.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace hooke::engine {

struct StepRule {
  enum class Kind { kSgd, kAdam, kAdamW };

  Kind kind = Kind::kAdam;
  double lr = 1e-3;
  double momentum = 0;      // kSgd
  bool nesterov = false;    // kSgd
  double weight_decay = 0;  // added to the gradient; kAdamW: decoupled
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
};

// What an optimiser remembers: empty vectors when fresh, else one tensor per parameter.
struct StepState {
  std::int64_t steps = 0;
  std::vector<at::Tensor> first;   // momentum buffer, or Adam's mean of gradients
  std::vector<at::Tensor> second;  // Adam's mean of squared gradients
};

// Writes into `result` the parameter `index` after one step from `base` along `gradient`.
// Changes neither `base` nor `state`. An undefined gradient leaves the parameter as it is.
void step_from(const StepRule& rule, const StepState& state, std::size_t index, const at::Tensor& base,
               const at::Tensor& gradient, at::Tensor& result);

// Steps all parameters in place and updates `state`. All tensors keep their identity.
void step_in_place(const StepRule& rule, StepState& state, std::vector<at::Tensor>& parameters,
                   const std::vector<at::Tensor>& gradients);

// "Adam, lr 0.001", "SGD, lr 0.1, weight decay 0.01": for captions.
std::string describe(const StepRule& rule);

}  // namespace hooke::engine
