// A net measured through its layers. The only place where tensors become plain numbers for it.
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "worker/engine/measured_net.h"
#include "worker/engine/network.h"

namespace hooke::engine {
namespace {

using Kind = StepRule::Kind;

// Probes whose gradients are computed together: a tile's rows.
constexpr std::size_t kTogether = 6;

template <typename T>
Coefficients<T> coefficients_of(const StepRule& rule, const StepState& state) {
  const bool fresh = state.steps == 0, sgd = rule.kind == Kind::kSgd;
  const auto number = [](double value) { return static_cast<T>(value); };
  Coefficients<T> c;
  c.lr = number(rule.lr);
  if (rule.kind == Kind::kAdamW) {
    c.kept = number(1 - rule.lr * rule.weight_decay);
  } else {
    c.decay = number(rule.weight_decay);
  }
  c.momentum = number(rule.momentum);
  c.nesterov = rule.nesterov;
  c.epsilon = number(rule.epsilon);
  if (sgd) {
    c.rule = fresh || rule.momentum == 0 ? Rule::kSgd : Rule::kMomentum;
    if (rule.nesterov) c.fresh = number(1 + rule.momentum);
    return c;
  }
  c.rule = fresh ? Rule::kFreshAdam : Rule::kAdam;
  const auto t = static_cast<double>(state.steps + 1);
  c.beta1 = number(rule.beta1);
  c.beta2 = number(rule.beta2);
  c.scale1 = number(1 - std::pow(rule.beta1, t));
  c.root_scale2 = number(std::sqrt(1 - std::pow(rule.beta2, t)));
  return c;
}

template <typename T>
class LayeredNet : public MeasuredNet {
 public:
  LayeredNet(const Probes& probes, const Truth& truth, std::size_t threads, const Layers& layers)
      : truth_(truth), network_(layers), probes_(probes.grouping.probes()), scratch_(threads) {
    const auto size = [](std::size_t value) { return static_cast<std::int64_t>(value); };
    const at::Tensor inputs =
        probes.inputs.detach()
            .reshape({size(probes_), size(layers.channels), size(layers.height), size(layers.width)})
            .permute({0, 2, 3, 1})
            .contiguous();
    inputs_.assign(inputs.data_ptr<T>(), inputs.data_ptr<T>() + inputs.numel());
    together_ = std::clamp<std::size_t>(probes_ / (4 * threads), 1, kTogether);
  }

  void load(const Live& live, bool traced) override {
    weights_ = pack(live.weights.parameters);
    transposed_ = network_.transpose(*weights_);
    if (traced) network_.trace_values(*weights_, inputs_.data(), probes_, all_);
    last_weight_ = live.weights.parameters[network_.last_weight()].detach();
    first_.reset();
    second_.reset();
    if (!live.state || live.state->steps == 0) return;
    const auto complete = [&](const std::vector<at::Tensor>& tensors) {
      return tensors.size() == live.weights.parameters.size() &&
             std::all_of(tensors.begin(), tensors.end(), [](const at::Tensor& t) { return t.defined(); });
    };
    if (complete(live.state->first)) first_ = pack(live.state->first);
    if (complete(live.state->second)) second_ = pack(live.state->second);
  }

  std::vector<double> outputs_before() override { return predict(*weights_, scratch_[0]); }

  std::size_t together() const override { return together_; }

  void differentiate(std::size_t thread, std::size_t first, std::size_t count) override {
    Scratch& scratch = scratch_[thread];
    scratch.first = first;
    const std::size_t outputs = network_.outputs();
    const T* z = network_.trace_values(*weights_, inputs_of(first), count, scratch.traced);
    std::vector<double> row(outputs), gradient(outputs);
    std::vector<T> errors(count * outputs);
    for (std::size_t r = 0; r < count; ++r) {
      std::copy(z + r * outputs, z + (r + 1) * outputs, row.begin());
      loss_gradient(truth_, row, first + r, gradient);
      for (std::size_t k = 0; k < outputs; ++k) errors[r * outputs + k] = static_cast<T>(gradient[k]);
    }
    network_.trace_errors(*transposed_, errors.data(), scratch.traced);
  }

  void step(std::size_t thread, const StepRule& rule, const StepState& state, bool tangents,
            const UseStep& use) override {
    Scratch& scratch = scratch_[thread];
    scratch.stepped.grow(weights_->size());
    for (std::size_t row = 0; row < scratch.traced.rows; ++row) {
      network_.step(coefficients_of<T>(rule, state), *weights_, first_ ? &*first_ : nullptr,
                    second_ ? &*second_ : nullptr, inputs_of(scratch.first), row, scratch.traced,
                    scratch.stepped);
      std::vector<double> outputs = predict(scratch.stepped, scratch);
      if (!use(scratch.first + row, std::move(outputs),
               tangents ? first_order(scratch) : std::vector<double>()))
        return;
    }
  }

  std::vector<double> gram(const std::vector<double>& output_errors) override {
    const std::vector<T> errors(output_errors.begin(), output_errors.end());
    network_.trace_errors(*transposed_, errors.data(), all_);
    const auto m = static_cast<std::int64_t>(probes_);
    at::Tensor sum = at::zeros({m, m}, at::kDouble);
    const auto factors = network_.factors();
    for (std::size_t layer = 0; layer < factors.size(); ++layer) sum += layer_gram(layer, factors[layer]);
    return {sum.data_ptr<double>(), sum.data_ptr<double>() + sum.numel()};
  }

  std::optional<LastLayer> last_layer() override {
    const std::size_t n = network_.features();
    if (n == 0) return std::nullopt;
    LastLayer last;
    for (std::size_t i = 0; i < probes_; ++i) {
      const T* features = network_.features(i, all_);
      last.features.insert(last.features.end(), features, features + n);
    }
    const std::vector<std::int64_t> source(network_.last_source().begin(), network_.last_source().end());
    const at::Tensor weights =
        last_weight_.flatten(1).index_select(1, at::tensor(source, at::kLong)).to(at::kDouble).contiguous();
    last.weights.assign(weights.data_ptr<double>(), weights.data_ptr<double>() + weights.numel());
    return last;
  }

 private:
  struct Scratch {
    std::size_t first = 0;  // the traced probes begin here
    Trace<T> traced;        // of the probes in hand
    Trace<T> predicted;     // of all
    Packed<T> stepped;
    Buffer<T> change, tangents;
  };

  // What one layer contributes to gram(). A gradient is a product of two thin matrices, so its
  // inner products come from theirs where the layer has few positions, else from itself.
  at::Tensor layer_gram(std::size_t layer, const typename Network<T>::Factors& size) const {
    const auto m = static_cast<std::int64_t>(probes_), positions = static_cast<std::int64_t>(size.positions);
    const auto depth = static_cast<std::int64_t>(size.depth),
               outputs = static_cast<std::int64_t>(size.outputs);
    const auto type = c10::CppTypeToScalarType<T>::value;
    const at::Tensor seen = at::empty({m, positions, depth}, type),
                     error = at::empty({m, positions, outputs}, type);
    for (std::size_t i = 0; i < probes_; ++i) {
      network_.copy_factors(layer, inputs_.data(), i, all_,
                            seen.data_ptr<T>() + i * size.positions * size.depth,
                            error.data_ptr<T>() + i * size.positions * size.outputs);
    }
    at::Tensor products;
    if (positions * positions * (depth + outputs) < depth * outputs) {
      const at::Tensor rows = seen.view({-1, depth}), errors = error.view({-1, outputs});
      products = (rows.mm(rows.t()) * errors.mm(errors.t())).view({m, positions, m, positions}).sum({1, 3});
    } else {
      const at::Tensor gradients = seen.transpose(1, 2).bmm(error).view({m, -1});
      products = gradients.mm(gradients.t());
    }
    if (size.has_bias) {
      const at::Tensor bias = error.sum(1);
      products = products + bias.mm(bias.t());
    }
    return products.to(at::kDouble);
  }

  // What the step that was taken last moves at all outputs.
  std::vector<double> first_order(Scratch& scratch) const {
    scratch.change.grow(weights_->size());
    for (std::size_t k = 0; k < weights_->size(); ++k) {
      scratch.change.data()[k] = scratch.stepped.data()[k] - weights_->data()[k];
    }
    const T* z = network_.tangents(*weights_, scratch.change, inputs_.data(), all_, scratch.tangents);
    return {z, z + probes_ * network_.outputs()};
  }

  const T* inputs_of(std::size_t probe) const { return inputs_.data() + probe * network_.inputs(); }

  Packed<T> pack(const std::vector<at::Tensor>& tensors) const {
    std::vector<at::Tensor> contiguous;
    std::vector<const T*> pointers;
    for (const at::Tensor& tensor : tensors) {
      contiguous.push_back(tensor.detach().contiguous());
      pointers.push_back(contiguous.back().data_ptr<T>());
    }
    return network_.pack(pointers);
  }

  std::vector<double> predict(const Packed<T>& weights, Scratch& scratch) const {
    std::vector<double> z;
    for (std::size_t first = 0; first < probes_; first += kForwardBatch) {
      const std::size_t count = std::min(kForwardBatch, probes_ - first);
      const T* outputs = network_.predict(weights, inputs_of(first), count, scratch.predicted);
      z.insert(z.end(), outputs, outputs + count * network_.outputs());
    }
    return z;
  }

  const Truth& truth_;
  Network<T> network_;
  std::size_t probes_, together_ = 1;
  std::vector<T> inputs_;  // [probes][height][width][channels]
  std::vector<Scratch> scratch_;
  // Of the measurement: live weights and the training's optimiser state.
  std::optional<Packed<T>> weights_, transposed_, first_, second_;
  Trace<T> all_;            // of all probes, where load() was told so
  at::Tensor last_weight_;  // of the last layer
};

}  // namespace

bool has_layered_net(const Replica& replica) {
  if (!replica.layers || replica.weights.parameters.empty()) return false;
  const at::Tensor& first = replica.weights.parameters[0];
  return first.is_cpu() && (first.scalar_type() == at::kFloat || first.scalar_type() == at::kDouble);
}

std::unique_ptr<MeasuredNet> make_layered_net(const Probes& probes, const Truth& truth, std::size_t threads,
                                              const Replica& replica) {
  if (replica.weights.parameters[0].scalar_type() == at::kDouble) {
    return std::make_unique<LayeredNet<double>>(probes, truth, threads, *replica.layers);
  }
  return std::make_unique<LayeredNet<float>>(probes, truth, threads, *replica.layers);
}

}  // namespace hooke::engine
