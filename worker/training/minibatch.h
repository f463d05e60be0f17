// The forward and backward pass of a minibatch: on one device, or split among several.
//
// Owned and called by the loop, from its thread. With LibTorch types.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <memory>
#include <vector>

#include "worker/engine/engine.h"
#include "worker/models/net.h"

namespace hooke::training {

// On the device of the net that is trained; shapes as in Split.
struct Minibatch {
  at::Tensor inputs, targets;
  at::Tensor labels;  // undefined in a regression
};

struct Pass {
  double loss = 0;                    // mean over the examples
  double correct = 0;                 // how many are classified rightly
  std::vector<at::Tensor> gradients;  // of the loss; undefined for parameters that it does not depend on
};

// How many examples have their own class as the likeliest.
double count_correct(engine::Loss loss, const at::Tensor& outputs, const at::Tensor& labels);

// In training mode; `parameters` are the net's. The loss and its gradients are multiplied by `weight`.
Pass forward_and_backward(models::Net& net, const std::vector<at::Tensor>& parameters, engine::Loss loss,
                          const Minibatch& minibatch, double weight = 1);

// Copies of the net on a run's further devices. Each minibatch is cut into one contiguous part for each
// device, as even as can be; each part is passed through by a thread of its own. Parts count by their share
// of the examples and are added up on the first device in the order of devices, so the same devices give the
// same bits.
class Replicas {
 public:
  // `devices`: the net's own, then others; each thread has `threads` for its kernels. For nets whose output
  // for an example depends on that example alone: REQUIRES no batch normalisation and nothing random.
  Replicas(const models::Net& net, const std::vector<at::Device>& devices, int threads);

  // As forward_and_backward(), but for rounding; `net` is the one that the copies were made of, with the
  // weights that it has now.
  Pass forward_and_backward(models::Net& net, const std::vector<at::Tensor>& parameters, engine::Loss loss,
                            const Minibatch& minibatch);

 private:
  struct Replica {
    at::Device device;
    std::shared_ptr<models::Net> net;
    std::vector<at::Tensor> parameters;  // of `net`
  };

  std::vector<Replica> replicas_;
  int threads_;
};

}  // namespace hooke::training
