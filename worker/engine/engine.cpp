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
#include "worker/engine/measured_net.h"

namespace hooke::engine {
namespace {

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
  threads_ = std::clamp<std::size_t>(static_cast<std::size_t>(std::max(options_.threads, 1)), 1,
                                     probes_.grouping.probes());
  net_ = make_measured_net(probes_, truth_, threads_, make_replica);
}

Engine::~Engine() = default;

void Engine::work(const Live& live, std::size_t thread, const Predictions& before,
                  std::atomic<std::size_t>& next, const std::atomic<bool>& stop, Tables& tables) const {
  const std::size_t m = probes_.grouping.probes(), together = net_->together();
  for (std::size_t first = together * next++; first < m && !stop; first = together * next++) {
    const std::size_t count = std::min(together, m - first);
    net_->differentiate(thread, first, count);
    for (std::size_t i = first; i < first + count && !stop; ++i) {
      measure_probe(live, thread, before, i, tables);
    }
  }
}

void Engine::measure_probe(const Live& live, std::size_t thread, const Predictions& before, std::size_t probe,
                           Tables& tables) const {
  const std::size_t m = probes_.grouping.probes(), measures = options_.measures.size();
  const StepState fresh;
  for (std::size_t u = 0; u < options_.updates.size(); ++u) {
    const Update& update = options_.updates[u];
    StepRule rule = update.training ? live.rule : update.rule;
    if (update.training && update.training_lr) rule.lr = *update.training_lr;
    const Predictions after = predictions(
        net_->outputs_after(thread, probe, rule, update.training ? *live.state : fresh), before.outputs);
    for (std::size_t q = 0; q < measures; ++q) {
      const Measure measure = options_.measures[q];
      std::vector<double>& above = tables.above[u * measures + q];
      for (std::size_t j = 0; j < m; ++j) above[probe * m + j] = moved(measure, truth_, before, after, j);
      tables.below[u * measures + q][probe] = moved_at_updated(measure, truth_, before, after, probe);
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
      net_->load(live);
      std::vector<double> z = net_->outputs_before();
      const std::size_t outputs = z.size() / m;
      before = predictions(std::move(z), outputs);
    });
    std::atomic<std::size_t> next = 0;
    run_threads(threads_, [&](std::size_t t) { work(live, t, before, next, stop, tables); });
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
