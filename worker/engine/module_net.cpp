// A net measured through its forward pass and autograd: one replica for each thread, whose weights
// are overwritten in place.
#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

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
      : probes_(probes),
        loss_(loss),
        replicas_(std::move(replicas)),
        probe_(replicas_.size()),
        gradients_(replicas_.size()) {}

  void load(const Live& live, bool) override {
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
    probe_[thread] = first;
    gradients_[thread] = gradients(
        mean_loss(loss_, replica.forward(probes_.inputs.narrow(0, at, 1)), probes_.targets.narrow(0, at, 1)),
        replica.weights.parameters);
  }

  void step(std::size_t thread, const StepRule& rule, const StepState& state, bool tangents,
            const UseStep& use) override {
    Replica& replica = replicas_[thread];
    {
      const at::NoGradGuard no_grad;
      std::vector<at::Tensor>& parameters = replica.weights.parameters;
      for (std::size_t k = 0; k < parameters.size(); ++k) {
        step_from(rule, state, k, live_->weights.parameters[k], gradients_[thread][k], parameters[k]);
      }
    }
    std::vector<double> outputs = predict(replica);
    use(probe_[thread], std::move(outputs), tangents ? first_order(replica) : std::vector<double>());
  }

  std::vector<double> gram(const std::vector<double>& output_errors) override {
    Replica& replica = replicas_[0];
    copy_tensors(live_->weights.parameters, replica.weights.parameters);
    const std::int64_t m = probes_.inputs.size(0);
    const at::Tensor errors = at::tensor(output_errors).view({m, -1});
    std::vector<at::Tensor> rows;
    for (std::int64_t i = 0; i < m; ++i) {
      const at::Tensor z = replica.forward(probes_.inputs.narrow(0, i, 1));
      const auto gradient =
          torch::autograd::grad({z}, replica.weights.parameters, {errors.narrow(0, i, 1).to(z.options())},
                                /*retain_graph=*/false, /*create_graph=*/false, /*allow_unused=*/true);
      std::vector<at::Tensor> parts;
      for (std::size_t k = 0; k < gradient.size(); ++k) {
        const at::Tensor& parameter = replica.weights.parameters[k];
        parts.push_back((gradient[k].defined() ? gradient[k] : at::zeros_like(parameter)).flatten());
      }
      rows.push_back(at::cat(parts));
    }
    const at::Tensor all = at::stack(rows);
    std::vector<double> products;
    append(all.mm(all.t()), products);
    return products;
  }

  std::optional<LastLayer> last_layer() override { return std::nullopt; }

 private:
  static void append(const at::Tensor& tensor, std::vector<double>& to) {
    const at::Tensor flat = tensor.detach().to(at::kCPU, at::kDouble).contiguous();
    to.insert(to.end(), flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel());
  }

  template <typename Use>
  void for_each_batch(Use use) const {
    const auto batch = static_cast<std::int64_t>(kForwardBatch);
    for (std::int64_t start = 0; start < probes_.inputs.size(0); start += batch) {
      use(probes_.inputs.narrow(0, start, std::min(batch, probes_.inputs.size(0) - start)));
    }
  }

  std::vector<double> predict(const Replica& replica) const {
    const at::NoGradGuard no_grad;
    std::vector<double> z;
    for_each_batch([&](const at::Tensor& inputs) { append(replica.forward(inputs), z); });
    return z;
  }

  // J(x) d is the derivative of <J(x)' v, d> by v: two passes backwards.
  std::vector<double> first_order(const Replica& replica) const {
    std::vector<at::Tensor> parameters = replica.weights.parameters, changes;
    for (std::size_t k = 0; k < parameters.size(); ++k) {
      changes.push_back(parameters[k].detach() - live_->weights.parameters[k].detach());
    }
    copy_tensors(live_->weights.parameters, parameters);
    std::vector<double> all;
    for_each_batch([&](const at::Tensor& inputs) {
      const at::Tensor z = replica.forward(inputs);
      const at::Tensor v = at::zeros_like(z).requires_grad_(true);
      const auto back =
          torch::autograd::grad({z}, parameters, {v}, /*retain_graph=*/true, /*create_graph=*/true,
                                /*allow_unused=*/true);
      at::Tensor along = at::zeros({}, z.options());
      for (std::size_t k = 0; k < back.size(); ++k) {
        if (back[k].defined()) along = along + (back[k] * changes[k]).sum();
      }
      append(torch::autograd::grad({along}, {v})[0], all);
    });
    return all;
  }

  const Probes& probes_;
  Loss loss_;
  std::vector<Replica> replicas_;
  std::vector<std::size_t> probe_;                  // of each thread
  std::vector<std::vector<at::Tensor>> gradients_;  // of that probe
  const Live* live_ = nullptr;
};

}  // namespace

std::unique_ptr<MeasuredNet> make_module_net(const Probes& probes, const Truth& truth,
                                             std::vector<Replica> replicas) {
  return std::make_unique<ModuleNet>(probes, truth.loss, std::move(replicas));
}

}  // namespace hooke::engine
