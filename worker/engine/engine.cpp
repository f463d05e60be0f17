#include "worker/engine/engine.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <exception>
#include <mutex>
#include <thread>

#include "proto/hooke/error.h"
#include "worker/engine/blas_threads.h"

namespace hooke::engine {
namespace {

// Largest number of examples in one forward pass; bounds memory, and is the same for any number
// of threads so that the bits are.
constexpr std::int64_t kForwardBatch = 256;

void copy_weights(const Weights& from, Weights& to) {
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < from.parameters.size(); ++i) to.parameters[i].copy_(from.parameters[i]);
  for (std::size_t i = 0; i < from.buffers.size(); ++i) to.buffers[i].copy_(from.buffers[i]);
}

std::vector<double> to_doubles(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.detach().to(at::kCPU, at::kDouble).contiguous();
  const double* data = flat.data_ptr<double>();
  return {data, data + flat.numel()};
}

Truth make_truth(const Options& options, const Probes& probes) {
  Truth truth{options.loss, options.task, {}, {}};
  if (options.loss == Loss::kCrossEntropy) {
    const at::Tensor labels = probes.targets.to(at::kCPU, at::kLong).contiguous();
    truth.label.assign(labels.data_ptr<std::int64_t>(), labels.data_ptr<std::int64_t>() + labels.numel());
  } else {
    truth.target = to_doubles(probes.targets);
  }
  return truth;
}

// Each measuring thread runs its kernels alone: intra-op threads would fight with the others.
// Restores the caller's number at the end of the scope.
class SingleThreadedKernels {
 public:
  SingleThreadedKernels() : intra_op_(at::get_num_threads()), blas_(1) {}
  ~SingleThreadedKernels() { at::set_num_threads(intra_op_); }

 private:
  int intra_op_;
  BlasThreads blas_;
};

// Runs work(t) in `count` threads and rethrows the first exception.
void run_threads(std::size_t count, const std::function<void(std::size_t)>& work) {
  std::mutex mutex;
  std::exception_ptr failure;  // guarded by mutex
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < count; ++t) {
    threads.emplace_back([&, t] {
      try {
        at::set_num_threads(1);
        work(t);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace

// d of every pair: one table for each update and measure.
struct Engine::Tables {
  Tables(std::size_t count, std::size_t probes)
      : above(count, std::vector<double>(probes * probes)), below(count, std::vector<double>(probes)) {}

  std::vector<std::vector<double>> above;  // [update * measures + measure][updated][responding]
  std::vector<std::vector<double>> below;  // [update * measures + measure][updated]
};

at::Tensor mean_loss(Loss loss, const at::Tensor& outputs, const at::Tensor& targets) {
  if (loss == Loss::kCrossEntropy) return at::cross_entropy_loss(outputs, targets);
  return (outputs - targets).square().sum(1).mean() * 0.5;
}

std::vector<at::Tensor> gradients(const at::Tensor& scalar, const std::vector<at::Tensor>& parameters) {
  return torch::autograd::grad({scalar}, parameters, {}, /*retain_graph=*/false, /*create_graph=*/false,
                               /*allow_unused=*/true);
}

Engine::Engine(Options options, Probes probes, const std::function<Replica()>& make_replica)
    : options_(std::move(options)), probes_(std::move(probes)) {
  const auto m = static_cast<std::int64_t>(probes_.grouping.probes());
  if (m == 0 || probes_.inputs.size(0) != m || probes_.targets.size(0) != m) {
    throw invalid("probes", "as many inputs and targets as classes times probes per class are needed");
  }
  if (options_.updates.empty()) throw invalid("probes.updates", "at least one update is needed");
  if (options_.measures.empty()) throw invalid("measures", "at least one measure is needed");
  truth_ = make_truth(options_, probes_);
  const std::int64_t threads = std::clamp<std::int64_t>(options_.threads, 1, m);
  for (std::int64_t t = 0; t < threads; ++t) replicas_.push_back(make_replica());
}

Predictions Engine::predict(const Replica& replica) const {
  const at::NoGradGuard no_grad;
  std::vector<double> z;
  std::int64_t outputs = 0;
  for (std::int64_t start = 0; start < probes_.inputs.size(0); start += kForwardBatch) {
    const std::int64_t count = std::min(kForwardBatch, probes_.inputs.size(0) - start);
    const at::Tensor batch = replica.forward(probes_.inputs.narrow(0, start, count));
    outputs = batch.size(1);
    const std::vector<double> values = to_doubles(batch);
    z.insert(z.end(), values.begin(), values.end());
  }
  return predictions(std::move(z), static_cast<std::size_t>(outputs));
}

void Engine::work(const Live& live, Replica& replica, const Predictions& before,
                  std::atomic<std::size_t>& next, const std::atomic<bool>& stop, Tables& tables) const {
  const std::size_t m = probes_.grouping.probes(), measures = options_.measures.size();
  const StepState fresh;
  std::vector<at::Tensor>& parameters = replica.weights.parameters;
  copy_weights(live.weights, replica.weights);
  for (std::size_t i = next++; i < m && !stop; i = next++) {
    const auto at = static_cast<std::int64_t>(i);
    {
      const at::NoGradGuard no_grad;
      for (std::size_t k = 0; k < parameters.size(); ++k) parameters[k].copy_(live.weights.parameters[k]);
    }
    // The gradient is that of the live weights, so one serves every update.
    const std::vector<at::Tensor> gradient =
        gradients(mean_loss(options_.loss, replica.forward(probes_.inputs.narrow(0, at, 1)),
                            probes_.targets.narrow(0, at, 1)),
                  parameters);
    for (std::size_t u = 0; u < options_.updates.size() && !stop; ++u) {
      const Update& update = options_.updates[u];
      StepRule rule = update.training ? live.rule : update.rule;
      if (update.training && update.training_lr) rule.lr = *update.training_lr;
      {
        const at::NoGradGuard no_grad;
        for (std::size_t k = 0; k < parameters.size(); ++k) {
          step_from(rule, update.training ? *live.state : fresh, k, live.weights.parameters[k], gradient[k],
                    parameters[k]);
        }
      }
      const Predictions after = predict(replica);
      for (std::size_t q = 0; q < measures; ++q) {
        const Measure measure = options_.measures[q];
        std::vector<double>& above = tables.above[u * measures + q];
        for (std::size_t j = 0; j < m; ++j) above[i * m + j] = moved(measure, truth_, before, after, j);
        tables.below[u * measures + q][i] = moved_at_updated(measure, truth_, before, after, i);
      }
    }
  }
}

std::optional<std::vector<Result>> Engine::measure(const Live& live, const std::atomic<bool>& stop) {
  for (const Update& update : options_.updates) {
    if (update.training && !live.state)
      throw Error(Code::kInternal, "no optimiser state for update training");
  }
  const std::size_t m = probes_.grouping.probes(), measures = options_.measures.size();
  Tables tables(options_.updates.size() * measures, m);
  {
    const SingleThreadedKernels single_threaded;
    Predictions before;
    run_threads(1, [&](std::size_t) {
      copy_weights(live.weights, replicas_[0].weights);
      before = predict(replicas_[0]);
    });
    std::atomic<std::size_t> next = 0;
    run_threads(replicas_.size(),
                [&](std::size_t t) { work(live, replicas_[t], before, next, stop, tables); });
  }
  if (stop) return std::nullopt;
  std::vector<Result> results;
  for (std::size_t u = 0; u < options_.updates.size(); ++u) {
    for (std::size_t q = 0; q < measures; ++q) {
      const std::vector<double>& above = tables.above[u * measures + q];
      const std::vector<double>& below = tables.below[u * measures + q];
      results.push_back({u, options_.measures[q], reduce(probes_.grouping, above, below), {}});
      if (options_.keep_pairs) results.back().pairs = ratios(above, below);
    }
  }
  return results;
}

}  // namespace hooke::engine
