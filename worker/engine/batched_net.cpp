// A net of layers with the weights of many updates side by side: every layer is one batched matrix
// product, on any device. Several devices share the probes, a thread for each.
//
// A value is [updates][channels][probes][height][width]; one that does not depend on the weights has
// 1 for the updates. Weights are those that matter, [updates][outputs][depth].
#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>

#include "worker/engine/layer_plan.h"
#include "worker/engine/measured_net.h"
#include "worker/engine/to_doubles.h"

namespace hooke::engine {
namespace {

// Bytes that the updates of one device may take beside its probes.
constexpr double kDeviceBytes = 2e9;

using Tensors = std::vector<at::Tensor>;

std::int64_t number(std::size_t value) {
  return static_cast<std::int64_t>(value);
}

// One of the net's parameters that an update changes: a layer's weights or its bias.
struct Part {
  std::size_t layer = 0;
  bool bias = false;
  int parameter = 0;
};

class BatchedNet : public MeasuredNet {
 public:
  BatchedNet(const Probes& probes, const Truth& truth, const Layers& layers,
             const std::vector<at::Device>& devices, std::size_t batch)
      : truth_(truth), plans_(plan_layers(layers)), m_(number(probes.grouping.probes())) {
    for (std::size_t l = 0; l < plans_.size(); ++l) {
      const Layer& layer = plans_[l].layer;
      if (!plans_[l].has_weights()) continue;
      parts_.push_back({l, false, layer.weight});
      if (layer.bias != Layer::kNone) parts_.push_back({l, true, layer.bias});
    }
    last_use_.assign(plans_.size() + 1, 0);
    for (const LayerPlan& plan : plans_) {
      last_use_[plan.in] = plan.out;
      if (plan.layer.add != Layer::kNone) last_use_[static_cast<std::size_t>(plan.layer.add)] = plan.out;
    }
    const at::Tensor inputs = probes.inputs.detach().reshape(
        {m_, number(layers.channels), number(layers.height), number(layers.width)});
    for (const at::Device& device : devices) {
      On on;
      on.inputs = inputs.transpose(0, 1).unsqueeze(0).to(device);
      for (const LayerPlan& plan : plans_) {
        const std::vector<std::int64_t> source(plan.source.begin(), plan.source.end());
        on.sources.push_back(at::tensor(source, at::kLong).to(device));
      }
      on_.push_back(std::move(on));
    }
    batch_ = batch > 0 ? batch : width(static_cast<double>(inputs.element_size()));
    batch_ = std::min(batch_, static_cast<std::size_t>(m_));
  }

  void load(const Live& live, bool) override {
    for (On& on : on_) {
      on.live = pack(live.weights.parameters, on);
      on.state = {};
      if (!live.state || live.state->steps == 0) continue;
      on.state.steps = live.state->steps;
      on.state.first = pack(live.state->first, on);
      on.state.second = pack(live.state->second, on);
    }
  }

  std::vector<double> outputs_before() override {
    const at::NoGradGuard no_grad;
    return to_doubles(predict(on_[0], on_[0].live));
  }

  std::size_t together() const override { return batch_; }

  void differentiate(std::size_t thread, std::size_t first, std::size_t count) override {
    On& on = on_[thread];
    on.first = number(first);
    on.count = number(count);
    on.gradients = gradients_of(on, on.first, on.count, [&](const at::Tensor& z) {
      const std::vector<double> outputs = to_doubles(z);
      std::vector<double> errors(outputs.size());
      const std::size_t n = outputs.size() / count;
      for (std::size_t i = 0; i < count; ++i) {
        loss_gradient(truth_, std::span(outputs).subspan(i * n, n), first + i,
                      std::span(errors).subspan(i * n, n));
      }
      return errors;
    });
  }

  void step(std::size_t thread, const StepRule& rule, const StepState& state, bool tangents,
            const UseStep& use) override {
    On& on = on_[thread];
    Tensors stepped;
    {
      const at::NoGradGuard no_grad;
      const StepState wide = state.steps == 0 ? StepState{} : widened(on.state, on.count);
      for (std::size_t k = 0; k < parts_.size(); ++k) {
        at::Tensor result = at::empty_like(on.gradients[k]);
        step_from(rule, wide, k, on.live[k], on.gradients[k], result);
        stepped.push_back(result);
      }
    }
    std::vector<double> moved, after;
    {
      const at::NoGradGuard no_grad;
      after = to_doubles(predict(on, stepped));
    }
    if (tangents) moved = to_doubles(first_order(on, stepped));
    const std::size_t size = after.size() / static_cast<std::size_t>(on.count);
    const auto row = [&](const std::vector<double>& all, std::size_t i) -> std::vector<double> {
      if (all.empty()) return {};
      const auto begin = all.begin() + static_cast<std::ptrdiff_t>(i * size);
      return {begin, begin + static_cast<std::ptrdiff_t>(size)};
    };
    for (std::size_t i = 0; i < static_cast<std::size_t>(on.count); ++i) {
      if (!use(static_cast<std::size_t>(on.first) + i, row(after, i), row(moved, i))) return;
    }
  }

  // Blocks of gradients against each other; a block is made again for each that comes before it.
  std::vector<double> gram(const std::vector<double>& output_errors) override {
    const On& on = on_[0];
    const std::int64_t n = number(output_errors.size()) / m_;
    double bytes = 0;
    for (const at::Tensor& part : on.live) bytes += static_cast<double>(part.numel() * part.element_size());
    const std::int64_t block =
        std::clamp<std::int64_t>(static_cast<std::int64_t>(kDeviceBytes / bytes), number(batch_), m_);
    const auto rows = [&](std::int64_t begin) {
      Tensors all;
      const std::int64_t end = std::min(begin + block, m_);
      for (std::int64_t first = begin; first < end; first += number(batch_)) {
        const std::int64_t count = std::min(number(batch_), end - first);
        const Tensors gradients = gradients_of(on, first, count, [&](const at::Tensor&) {
          const auto from = output_errors.begin() + first * n;
          return std::vector<double>(from, from + count * n);
        });
        Tensors flat;
        for (const at::Tensor& gradient : gradients) flat.push_back(gradient.flatten(1));
        all.push_back(at::cat(flat, 1));
      }
      return at::cat(all);
    };
    const at::Tensor products = at::zeros({m_, m_}, at::kDouble);
    for (std::int64_t i = 0; i < m_; i += block) {
      const at::Tensor mine = rows(i);
      for (std::int64_t j = i; j < m_; j += block) {
        const at::Tensor other = j == i ? mine : rows(j), both = mine.mm(other.t()).to(at::kCPU, at::kDouble);
        products.narrow(0, i, mine.size(0)).narrow(1, j, other.size(0)).copy_(both);
        products.narrow(0, j, other.size(0)).narrow(1, i, mine.size(0)).copy_(both.t());
      }
    }
    return to_doubles(products);
  }

  std::optional<LastLayer> last_layer() override {
    if (plans_.back().in == 0) return std::nullopt;
    const at::NoGradGuard no_grad;
    at::Tensor seen;
    run(on_[0].live, on_[0].inputs, &seen);
    const auto last =
        std::find_if(parts_.rbegin(), parts_.rend(), [](const Part& part) { return !part.bias; });
    const auto index = static_cast<std::size_t>(parts_.rend() - last) - 1;
    return LastLayer{to_doubles(seen[0].t()), to_doubles(on_[0].live[index][0])};
  }

 private:
  // What stands on one device.
  struct On {
    at::Tensor inputs;  // of all probes
    Tensors sources;    // of each layer: which numbers of the net's parameter matter
    Tensors live;       // of each part, with 1 for the updates
    StepState state;    // the training's, likewise
    std::int64_t first = 0, count = 0;
    Tensors gradients;  // of the probes in hand
  };

  // As many updates as fit, from the largest layer's columns, input and output.
  std::size_t width(double element_bytes) const {
    const double rows = static_cast<double>(std::min<std::int64_t>(m_, number(kForwardBatch)));
    double weights = 0, widest = 0;
    for (const LayerPlan& plan : plans_) {
      weights += static_cast<double>(plan.depth() * plan.made.channels);
      const std::size_t numbers =
          plan.depth() * plan.made.positions() + plan.seen.size() + 2 * plan.made.size();
      widest = std::max(widest, rows * static_cast<double>(numbers));
    }
    constexpr double kCopies = 4;  // weights, gradients, new weights, and what the step needs
    const double bytes = element_bytes * (kCopies * weights + widest);
    return static_cast<std::size_t>(std::clamp(kDeviceBytes / bytes, 1.0, 64.0));
  }

  // [1][outputs][depth] or, of a bias, [1][outputs][1]; undefined where the net's tensor is.
  Tensors pack(const Tensors& parameters, const On& on) const {
    Tensors packed;
    for (const Part& part : parts_) {
      const auto index = static_cast<std::size_t>(part.parameter);
      const at::Tensor all = index < parameters.size() ? parameters[index] : at::Tensor();
      if (!all.defined()) {
        packed.emplace_back();
        continue;
      }
      const at::Tensor here = all.detach().to(on.inputs.device());
      packed.push_back(part.bias ? here.view({1, -1, 1})
                                 : here.flatten(1).index_select(1, on.sources[part.layer]).unsqueeze(0));
    }
    return packed;
  }

  // A state of shared tensors as one of tensors for each update.
  static StepState widened(const StepState& state, std::int64_t updates) {
    StepState wide = state;
    for (Tensors* tensors : {&wide.first, &wide.second}) {
      for (at::Tensor& tensor : *tensors) {
        if (tensor.defined()) tensor = tensor.expand({updates, -1, -1});
      }
    }
    return wide;
  }

  // The live weights once for each update, as leaves of a graph.
  static Tensors leaves(const On& on, std::int64_t updates) {
    Tensors all;
    for (const at::Tensor& part : on.live) {
      all.push_back(part.expand({updates, -1, -1}).clone().requires_grad_(true));
    }
    return all;
  }

  // What each position sees: [updates][depth][probes * positions].
  static at::Tensor columns(const LayerPlan& plan, const at::Tensor& in) {
    if (plan.layer.kind == Layer::Kind::kDense) {
      return in.permute({0, 3, 4, 1, 2}).reshape({in.size(0), number(plan.depth()), in.size(2)});
    }
    const std::int64_t padding = number(plan.layer.padding), stride = number(plan.layer.stride);
    const std::int64_t height = (number(plan.made.height) - 1) * stride + 1,
                       width = (number(plan.made.width) - 1) * stride + 1;
    const at::Tensor padded =
        padding == 0 ? in : at::constant_pad_nd(in, {padding, padding, padding, padding}, 0);
    Tensors seen;
    for (std::size_t ky = 0; ky < plan.kernel_height; ++ky) {
      const std::int64_t y = number(plan.top + ky);
      for (std::size_t kx = 0; kx < plan.kernel_width; ++kx) {
        const std::int64_t x = number(plan.left + kx);
        seen.push_back(padded.slice(3, y, y + height, stride).slice(4, x, x + width, stride));
      }
    }
    return at::stack(seen, 1).reshape({in.size(0), number(plan.depth()), -1});
  }

  at::Tensor multiply(const LayerPlan& plan, const at::Tensor& weights, const at::Tensor* bias,
                      const at::Tensor& seen, std::int64_t rows) const {
    const std::int64_t updates = weights.size(0);
    at::Tensor out;
    if (seen.size(0) == updates) {
      out = bias ? at::baddbmm(*bias, weights, seen) : at::bmm(weights, seen);
    } else {
      out = weights.flatten(0, 1).mm(seen[0]).view({updates, weights.size(1), -1});
      if (bias) out = out + *bias;
    }
    return out.view(
        {updates, number(plan.made.channels), rows, number(plan.made.height), number(plan.made.width)});
  }

  // Outputs [updates][probes][outputs]. `last_seen`: columns of the last layer.
  at::Tensor run(const Tensors& weights, const at::Tensor& inputs, at::Tensor* last_seen = nullptr) const {
    Tensors values(plans_.size() + 1);
    values[0] = inputs;
    std::size_t part = 0;
    for (const LayerPlan& plan : plans_) {
      const at::Tensor& in = values[plan.in];
      at::Tensor& out = values[plan.out];
      const std::int64_t rows = in.size(2);
      if (plan.has_weights()) {
        const at::Tensor& matrix = weights[part++];
        const at::Tensor* bias = plan.layer.bias == Layer::kNone ? nullptr : &weights[part++];
        const at::Tensor seen = columns(plan, in);
        if (last_seen && &plan == &plans_.back()) *last_seen = seen;
        out = multiply(plan, matrix, bias, seen, rows);
      } else if (plan.layer.kind == Layer::Kind::kMean) {
        out = in.mean({3, 4}, /*keepdim=*/true);
      } else {
        const std::int64_t kernel = number(plan.layer.kernel), stride = number(plan.layer.stride),
                           padding = number(plan.layer.padding);
        out = at::max_pool2d(in.flatten(0, 1), {kernel, kernel}, {stride, stride}, {padding, padding});
        out = out.view({in.size(0), in.size(1), rows, out.size(2), out.size(3)});
      }
      if (plan.layer.add != Layer::kNone) out = out + values[static_cast<std::size_t>(plan.layer.add)];
      if (plan.layer.relu) out = out.relu();
      for (std::size_t v = 0; v < plan.out; ++v) {
        if (last_use_[v] == plan.out) values[v].reset();
      }
    }
    return values.back().flatten(2).transpose(1, 2);
  }

  // All probes: [updates][probes][outputs].
  at::Tensor predict(const On& on, const Tensors& weights) const {
    Tensors all;
    for_each_batch(on, [&](const at::Tensor& inputs) { all.push_back(run(weights, inputs)); });
    return at::cat(all, 1);
  }

  template <typename Use>
  void for_each_batch(const On& on, Use use) const {
    for (std::int64_t start = 0; start < m_; start += number(kForwardBatch)) {
      use(on.inputs.narrow(2, start, std::min(number(kForwardBatch), m_ - start)));
    }
  }

  // Of each part, [count][outputs][depth], from the errors [count][outputs] at the outputs z.
  template <typename ErrorsOf>
  Tensors gradients_of(const On& on, std::int64_t first, std::int64_t count, ErrorsOf errors_of) const {
    const Tensors weights = leaves(on, count);
    const at::Tensor inputs = on.inputs.narrow(2, first, count).transpose(0, 2);
    const at::Tensor z = run(weights, inputs).squeeze(1);
    const at::Tensor errors = at::tensor(errors_of(z), at::kDouble).view(z.sizes()).to(z.options());
    return torch::autograd::grad({z}, weights, {errors});
  }

  // J(x) d is the derivative of <J(x)' v, d> by v: two passes backwards.
  at::Tensor first_order(const On& on, const Tensors& stepped) const {
    const Tensors weights = leaves(on, on.count);
    Tensors all;
    for_each_batch(on, [&](const at::Tensor& inputs) {
      const at::Tensor z = run(weights, inputs);
      const at::Tensor v = at::zeros_like(z).requires_grad_(true);
      const auto back =
          torch::autograd::grad({z}, weights, {v}, /*retain_graph=*/true, /*create_graph=*/true);
      at::Tensor along = at::zeros({}, z.options());
      for (std::size_t k = 0; k < back.size(); ++k)
        along = along + (back[k] * (stepped[k] - on.live[k])).sum();
      all.push_back(torch::autograd::grad({along}, {v})[0]);
    });
    return at::cat(all, 1);
  }

  const Truth& truth_;
  const std::vector<LayerPlan> plans_;
  const std::int64_t m_;  // probes
  std::vector<Part> parts_;
  std::vector<std::size_t> last_use_;  // of each value: the last one that is made from it
  std::size_t batch_ = 1;
  std::vector<On> on_;
};

}  // namespace

std::unique_ptr<MeasuredNet> make_batched_net(const Probes& probes, const Truth& truth, const Layers& layers,
                                              const std::vector<at::Device>& devices, std::size_t batch) {
  return std::make_unique<BatchedNet>(probes, truth, layers, devices, batch);
}

}  // namespace hooke::engine
