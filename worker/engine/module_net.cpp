// A net measured through its forward pass and autograd: one replica for each thread, whose weights
// are overwritten in place.
#include <ATen/ATen.h>

#include "worker/engine/measured_net.h"

namespace hooke::engine {
namespace {

void copy_tensors(const std::vector<at::Tensor>& from, std::vector<at::Tensor>& to) {
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < from.size(); ++i) to[i].copy_(from[i]);
}

class ModuleNet : public MeasuredNet {
 public:
  ModuleNet(const Probes& probes, Loss loss, std::vector<Replica> replicas)
      : probes_(probes), loss_(loss), replicas_(std::move(replicas)), gradients_(replicas_.size()) {}

  void load(const Live& live) override {
    live_ = &live;
    for (Replica& replica : replicas_) copy_tensors(live.weights.buffers, replica.weights.buffers);
  }

  std::vector<double> outputs_before() override {
    copy_tensors(live_->weights.parameters, replicas_[0].weights.parameters);
    return predict(replicas_[0]);
  }

  std::size_t together() const override { return 1; }

  void differentiate(std::size_t thread, std::size_t first, std::size_t) override {
    Replica& replica = replicas_[thread];
    const auto at = static_cast<std::int64_t>(first);
    copy_tensors(live_->weights.parameters, replica.weights.parameters);
    gradients_[thread] = gradients(
        mean_loss(loss_, replica.forward(probes_.inputs.narrow(0, at, 1)), probes_.targets.narrow(0, at, 1)),
        replica.weights.parameters);
  }

  std::vector<double> outputs_after(std::size_t thread, std::size_t, const StepRule& rule,
                                    const StepState& state) override {
    Replica& replica = replicas_[thread];
    {
      const at::NoGradGuard no_grad;
      std::vector<at::Tensor>& parameters = replica.weights.parameters;
      for (std::size_t k = 0; k < parameters.size(); ++k) {
        step_from(rule, state, k, live_->weights.parameters[k], gradients_[thread][k], parameters[k]);
      }
    }
    return predict(replica);
  }

 private:
  std::vector<double> predict(const Replica& replica) const {
    const at::NoGradGuard no_grad;
    std::vector<double> z;
    const auto batch = static_cast<std::int64_t>(kForwardBatch);
    for (std::int64_t start = 0; start < probes_.inputs.size(0); start += batch) {
      const std::int64_t count = std::min(batch, probes_.inputs.size(0) - start);
      const at::Tensor outputs =
          replica.forward(probes_.inputs.narrow(0, start, count)).to(at::kCPU, at::kDouble).contiguous();
      z.insert(z.end(), outputs.data_ptr<double>(), outputs.data_ptr<double>() + outputs.numel());
    }
    return z;
  }

  const Probes& probes_;
  Loss loss_;
  std::vector<Replica> replicas_;
  std::vector<std::vector<at::Tensor>> gradients_;  // of each thread's probe
  const Live* live_ = nullptr;
};

}  // namespace

std::unique_ptr<MeasuredNet> make_measured_net(const Probes& probes, const Truth& truth, std::size_t threads,
                                               const std::function<Replica()>& make_replica) {
  std::vector<Replica> replicas = {make_replica()};
  if (has_layered_net(replicas[0])) return make_layered_net(probes, truth, threads, replicas[0]);
  while (replicas.size() < threads) replicas.push_back(make_replica());
  return std::make_unique<ModuleNet>(probes, truth.loss, std::move(replicas));
}

}  // namespace hooke::engine
