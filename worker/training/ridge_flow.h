// Ridge regression on fixed features h under gradient flow: the exact weights at every time, and the
// exact S of an SGD update from them.
//
// The flow of the full loss (1/2N) sum |w h_i - y_i|^2 + (decay/2) |w|^2 is
//   w_k(t) = e^(-tM) (w_k(0) - M^-1 a_k) + M^-1 a_k,
// with M = (1/N) sum h_i h_i' + decay I and a_k = (1/N) sum y_ik h_i (after Dan et al., arXiv
// 2111.01166). Full-batch steps of size lr follow it within O(lr), step number n at time n lr.
// Everything is float64 on the CPU; a RidgeFlow does not change, and any thread may use it.
#pragma once

#include <ATen/core/Tensor.h>

#include "worker/engine/measures.h"

namespace hooke::training {

// Examples [examples][features] of h with what they should give, [examples][outputs].
struct FeatureExamples {
  at::Tensor features, targets;
};

class RidgeFlow {
 public:
  // `start` [outputs][features]: the weights at time 0.
  RidgeFlow(const FeatureExamples& examples, const at::Tensor& start, double decay);

  at::Tensor weights(double time) const;  // [outputs][features]

 private:
  at::Tensor rates_;    // [features]: eigenvalues of M
  at::Tensor vectors_;  // [features][features]: M's eigenvectors in columns
  at::Tensor start_;    // [outputs][features], in these coordinates
  at::Tensor drive_;    // a, likewise
};

// S of kL2Logit after an update of plain SGD with `decay` on each probe, at any rate: with
// T = h h' + decay I the output k at h' moves by -lr (<h', T w_k> - y_k <h', h>).
engine::Matrix ridge_elasticity(const at::Tensor& weights, const FeatureExamples& probes, double decay,
                                const engine::Grouping& grouping);

}  // namespace hooke::training
