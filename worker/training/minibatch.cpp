#include "worker/training/minibatch.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <future>

namespace hooke::training {
namespace {

// Examples [begin, end) of a minibatch.
struct Part {
  std::int64_t begin = 0, end = 0;
  double share = 1;  // of all examples

  Minibatch of(const Minibatch& whole, at::Device device) const {
    const auto cut = [&](const at::Tensor& tensor) {
      return tensor.defined() ? tensor.narrow(0, begin, end - begin).to(device) : tensor;
    };
    return {cut(whole.inputs), cut(whole.targets), cut(whole.labels)};
  }
};

// One for each device, but none without an example.
std::vector<Part> parts_of(std::int64_t examples, std::size_t devices) {
  const std::int64_t count = std::min(examples, static_cast<std::int64_t>(devices));
  std::vector<Part> parts;
  for (std::int64_t i = 0; i < count; ++i) {
    Part part{i * examples / count, (i + 1) * examples / count};
    part.share = static_cast<double>(part.end - part.begin) / static_cast<double>(examples);
    parts.push_back(part);
  }
  return parts;
}

void add(Pass& sum, const Pass& part) {
  sum.loss += part.loss;
  sum.correct += part.correct;
  for (std::size_t i = 0; i < sum.gradients.size(); ++i) {
    if (!sum.gradients[i].defined()) continue;
    // Not in place: two parameters may share a gradient.
    sum.gradients[i] = sum.gradients[i].add(part.gradients[i].to(sum.gradients[i].device()));
  }
}

void copy_into(const std::vector<at::Tensor>& from, std::vector<at::Tensor>& to) {
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < from.size(); ++i) to[i].copy_(from[i]);
}

}  // namespace

double count_correct(engine::Loss loss, const at::Tensor& outputs, const at::Tensor& labels) {
  const at::Tensor predicted =
      loss == engine::Loss::kBinary ? outputs.squeeze(1).gt(0).to(at::kLong) : outputs.argmax(1);
  return predicted.eq(labels).sum().item<double>();
}

Pass forward_and_backward(models::Net& net, const std::vector<at::Tensor>& parameters, engine::Loss loss,
                          const Minibatch& minibatch, double weight) {
  net.train();
  const at::Tensor outputs = net.forward(minibatch.inputs);
  const at::Tensor mean = engine::mean_loss(loss, outputs, minibatch.targets);
  Pass pass;
  pass.gradients = engine::gradients(weight == 1 ? mean : mean.mul(weight), parameters);
  const at::NoGradGuard no_grad;
  pass.loss = weight * mean.item<double>();
  if (minibatch.labels.defined()) pass.correct = count_correct(loss, outputs, minibatch.labels);
  return pass;
}

Replicas::Replicas(const models::Net& net, const std::vector<at::Device>& devices, int threads)
    : threads_(threads) {
  for (std::size_t i = 1; i < devices.size(); ++i) {
    const auto copy = net.copy();
    copy->to(devices[i]);
    replicas_.push_back({devices[i], copy, copy->parameters()});
  }
}

Pass Replicas::forward_and_backward(models::Net& net, const std::vector<at::Tensor>& parameters,
                                    engine::Loss loss, const Minibatch& minibatch) {
  const auto parts = parts_of(minibatch.inputs.size(0), 1 + replicas_.size());
  std::vector<std::future<Pass>> others;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    others.push_back(std::async(std::launch::async, [&, i] {
      at::set_num_threads(threads_);  // of this thread's kernels: bits depend on it
      Replica& replica = replicas_[i - 1];
      copy_into(parameters, replica.parameters);
      return training::forward_and_backward(*replica.net, replica.parameters, loss,
                                            parts[i].of(minibatch, replica.device), parts[i].share);
    }));
  }
  const Minibatch first = parts[0].of(minibatch, minibatch.inputs.device());
  Pass sum = training::forward_and_backward(net, parameters, loss, first, parts[0].share);
  for (auto& other : others) add(sum, other.get());
  return sum;
}

}  // namespace hooke::training
