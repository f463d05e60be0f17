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
#include "worker/engine/to_doubles.h"
#include "worker/engine/without_update.h"

namespace hooke::engine {
namespace {

Truth make_truth(const Options& options, const Probes& probes) {
  Truth truth{options.loss, options.task, {}, {}};
  if (options.loss != Loss::kSquared) {
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
  if (loss == Loss::kBinary) {
    return at::binary_cross_entropy_with_logits(outputs.squeeze(1), targets.to(outputs.scalar_type()));
  }
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
  check_kernel();
  truth_ = make_truth(options_, probes_);
  threads_ = std::clamp<std::size_t>(static_cast<std::size_t>(std::max(options_.threads, 1)), 1,
                                     probes_.grouping.probes());
  make_net(make_replica);
}

void Engine::make_net(const std::function<Replica()>& make_replica) {
  std::vector<Replica> replicas = {make_replica()};
  if (has_layered_net(replicas[0]) && options_.batch == 0 && options_.devices.size() < 2) {
    net_ = make_layered_net(probes_, truth_, threads_, replicas[0]);
    return;
  }
  if (replicas[0].layers) {
    if (options_.devices.empty()) options_.devices = {probes_.inputs.device()};
    threads_ = options_.devices.size();
    net_ = make_batched_net(probes_, truth_, *replicas[0].layers, options_.devices,
                            static_cast<std::size_t>(options_.batch));
    return;
  }
  while (replicas.size() < threads_) replicas.push_back(make_replica());
  net_ = make_module_net(probes_, truth_, std::move(replicas));
}

Engine::~Engine() = default;

// kKernel divides by what one plain SGD step moves the only output's error.
void Engine::check_kernel() const {
  if (std::count(options_.measures.begin(), options_.measures.end(), Measure::kKernel) == 0) return;
  const bool one_output =
      options_.loss == Loss::kBinary || (options_.loss == Loss::kSquared && probes_.targets.size(1) == 1);
  if (!one_output) throw invalid("measures", "'kernel' is for nets with one output: loss binary, or squared");
  for (const Update& update : options_.updates) {
    const StepRule& rule = update.rule;
    if (update.training || rule.kind != StepRule::Kind::kSgd || rule.weight_decay != 0 || rule.nesterov) {
      throw invalid("measures", "'kernel' needs updates of optimizer sgd without weight decay");
    }
  }
}

void Engine::work(const Plan& plan, const Live& live, std::size_t thread, const Predictions& before,
                  std::atomic<std::size_t>& next, const std::atomic<bool>& stop, Tables& tables) {
  const std::size_t m = probes_.grouping.probes(), together = net_->together();
  for (std::size_t first = together * next++; first < m && !stop; first = together * next++) {
    const std::size_t count = std::min(together, m - first);
    net_->differentiate(thread, first, count);
    for (std::size_t u = 0; u < plan.updates.size() && !stop; ++u) {
      measure_update(plan, live, thread, before, u, stop, tables);
    }
  }
}

// The tables' rows of the probes that this thread has in hand.
void Engine::measure_update(const Plan& plan, const Live& live, std::size_t thread, const Predictions& before,
                            std::size_t u, const std::atomic<bool>& stop, Tables& tables) {
  const Update& update = plan.updates[u];
  const std::size_t m = probes_.grouping.probes(), measures = plan.measures.size();
  StepRule rule = update.training ? live.rule : update.rule;
  if (update.training && update.training_lr) rule.lr = *update.training_lr;
  const bool limit = plan.limit && u + 1 == plan.updates.size();
  const bool gap = std::count(plan.measures.begin(), plan.measures.end(), Measure::kLinearityGap) > 0;
  net_->step(thread, rule, update.training ? *live.state : StepState{}, gap || limit,
             [&](std::size_t probe, std::vector<double> z, const std::vector<double>& tangents) {
               const Predictions after = predictions(options_.loss, std::move(z), before.outputs);
               for (std::size_t q = 0; q < measures; ++q) {
                 if (!depends_on_update(plan.measures[q])) continue;
                 fill_row(plan.measures[q], rule, before, after, tangents, probe,
                          tables.above[u * measures + q].data() + probe * m,
                          tables.below[u * measures + q][probe]);
                 if (!limit) continue;
                 const std::size_t table = plan.updates.size() * measures + q;
                 double* above = tables.above[table].data() + probe * m;
                 for (std::size_t j = 0; j < m; ++j)
                   above[j] = moved_to_first_order(plan.measures[q], truth_, before, tangents, j);
                 tables.below[table][probe] = above[probe];
               }
               ++updates_done_;
               return !stop;
             });
}

// d of one updated probe: above the line at each responding one, [probes], and below it.
void Engine::fill_row(Measure measure, const StepRule& rule, const Predictions& before,
                      const Predictions& after, const std::vector<double>& tangents, std::size_t probe,
                      double* above, double& below) const {
  const std::size_t m = probes_.grouping.probes();
  const bool gap = measure == Measure::kLinearityGap;
  const Measure distance = gap ? Measure::kL2Logit : measure;
  for (std::size_t j = 0; j < m; ++j) above[j] = moved(distance, truth_, before, after, j);
  below = moved_at_updated(distance, truth_, before, after, probe);
  if (measure == Measure::kKernel) {
    std::vector<double> error(1);
    loss_gradient(truth_, std::span(before.z).subspan(probe, 1), probe, error);
    below = -rule.lr * error[0];
  }
  if (!gap) return;
  const auto predicted = [&](std::size_t j) {
    return moved_to_first_order(Measure::kL2Logit, truth_, before, tangents, j);
  };
  const double self = predicted(probe);
  // A pair that either ratio leaves out is left out here.
  const bool usable = below != 0 && std::isfinite(below) && self != 0 && std::isfinite(self);
  for (std::size_t j = 0; j < m; ++j) above[j] = above[j] / below - predicted(j) / self;
  below = usable ? 1 : 0;
}

std::optional<Engine::Tables> Engine::fill_tables(const Plan& plan, const Live& live,
                                                  const std::atomic<bool>& stop,
                                                  std::vector<Result>* without_update) {
  const auto any = [&](auto what) { return std::any_of(plan.measures.begin(), plan.measures.end(), what); };
  for (const Update& update : plan.updates) {
    if (update.training && !live.state)
      throw Error(Code::kInternal, "no optimiser state for update training");
  }
  const std::size_t m = probes_.grouping.probes();
  updates_done_ = 0;
  updates_due_ = plan.updates.size() * m;
  Tables tables((plan.updates.size() + (plan.limit ? 1 : 0)) * plan.measures.size(), m);
  const SingleThreadedKernels single_threaded;
  Predictions before;
  run_threads(1, [&](std::size_t) {
    const bool traced =
        plan.limit || any([](Measure q) { return !depends_on_update(q) || q == Measure::kLinearityGap; });
    net_->load(live, traced);
    std::vector<double> z = net_->outputs_before();
    const std::size_t outputs = z.size() / m;
    before = predictions(options_.loss, std::move(z), outputs);
    if (without_update)
      *without_update =
          measure_without_update(*net_, probes_.grouping, truth_, before, plan.measures, plan.keep_pairs);
  });
  std::atomic<std::size_t> next = 0;
  if (any(depends_on_update)) {
    run_threads(threads_, [&](std::size_t t) { work(plan, live, t, before, next, stop, tables); });
  }
  if (stop) return std::nullopt;
  return tables;
}

std::optional<std::vector<Result>> Engine::run(const Plan& plan, const Live& live,
                                               const std::atomic<bool>& stop) {
  std::vector<Result> without_update;
  auto tables = fill_tables(plan, live, stop, &without_update);
  if (!tables) return std::nullopt;
  const std::size_t measures = plan.measures.size();
  std::vector<Result> results;
  for (std::size_t u = 0; u < plan.updates.size(); ++u) {
    for (std::size_t q = 0; q < measures; ++q) {
      if (!depends_on_update(plan.measures[q])) continue;
      std::vector<double>& above = tables->above[u * measures + q];
      std::vector<double>& below = tables->below[u * measures + q];
      if (plan.measures[q] == Measure::kKernel) {
        Pairs pairs = kernel_similarity(above, below);
        above = std::move(pairs.above);
        below = std::move(pairs.below);
      }
      Result result{u, plan.measures[q], reduce(probes_.grouping, above, below), {}, {}};
      if (plan.keep_pairs) result.pairs = {std::move(above), std::move(below)};
      results.push_back(std::move(result));
    }
  }
  std::move(without_update.begin(), without_update.end(), std::back_inserter(results));
  return results;
}

double Engine::progress() const {
  const std::size_t due = updates_due_;
  return due == 0 ? 0 : static_cast<double>(updates_done_) / static_cast<double>(due);
}

std::optional<std::vector<Result>> Engine::measure(const Live& live, const std::atomic<bool>& stop) {
  return run({options_.updates, options_.measures, options_.keep_pairs}, live, stop);
}

std::optional<std::vector<SizeScan>> Engine::elasticity_vs_update_size(const Live& live,
                                                                       const std::vector<double>& rates,
                                                                       const std::atomic<bool>& stop) {
  Plan plan;
  plan.limit = true;
  std::copy_if(options_.measures.begin(), options_.measures.end(), std::back_inserter(plan.measures),
               has_limit);
  for (const double rate : rates) {
    plan.updates.push_back(options_.updates[0]);
    plan.updates.back().rule.lr = rate;
    plan.updates.back().training_lr = rate;
  }
  const auto tables = fill_tables(plan, live, stop, nullptr);
  if (!tables) return std::nullopt;
  const auto matrix = [&](std::size_t table) {
    return reduce(probes_.grouping, tables->above[table], tables->below[table]);
  };
  std::vector<SizeScan> scans;
  for (std::size_t q = 0; q < plan.measures.size(); ++q) {
    SizeScan& scan = scans.emplace_back();
    scan.measure = plan.measures[q];
    for (std::size_t u = 0; u < rates.size(); ++u) {
      scan.elasticity.push_back(matrix(u * plan.measures.size() + q));
    }
    scan.limit = matrix(rates.size() * plan.measures.size() + q);
  }
  return scans;
}

}  // namespace hooke::engine
