// bench_measure: the naive procedure against the engine, on the same weights and probes, in turns.
// The naive procedure runs in a child process, as a plain LibTorch program would: with malloc as it
// is. The last line is for programs.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "proto/hooke/error.h"
#include "tests/bench/bench_forward.h"
#include "tests/bench/bench_train.h"
#include "tests/bench/measure_options.h"
#include "tests/bench/naive.h"
#include "tests/bench/naive_process.h"
#include "worker/engine/blas_threads.h"
#include "worker/engine/network.h"

namespace {

using namespace hooke;

using Options = bench::MeasureOptions;

template <typename Work>
double seconds(Work work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

const std::vector<engine::Measure> kMeasures = {engine::Measure::kLoss, engine::Measure::kKl,
                                                engine::Measure::kL2, engine::Measure::kL2Logit};

// What both processes measure: noise images, each class around an image of its own; one Adam
// update as published.
struct Setting {
  explicit Setting(const Options& the_options) : options(the_options), device(the_options.device) {
    config.type = options.model;
    const bool small = options.model.rfind("resnet", 0) == 0 || options.model == "vgg";
    shape = small ? models::Shape{{3, 32, 32}, options.classes} : models::Shape{{1, 28, 28}, options.classes};
    update.rule.lr = small ? 1e-4 : 1e-3;
    at::Generator random = at::make_generator<at::CPUGeneratorImpl>(1);
    const std::int64_t count = options.classes * options.per_class;
    const at::Tensor labels = at::arange(count, at::kLong).div(options.per_class, "floor");
    const auto noise = [&](std::int64_t n) {
      return at::randn({n, shape.input[0], shape.input[1], shape.input[2]}, random);
    };
    const at::Tensor centres = noise(options.classes);
    probes = {{static_cast<std::size_t>(options.classes), static_cast<std::size_t>(options.per_class), true},
              (centres.index_select(0, labels) + noise(count)).to(device),
              labels.to(device)};
    live = make();
  }
  std::shared_ptr<models::Net> make() const {
    const auto net = models::make(config, shape, 0, at::kFloat);
    net->to(device);
    return net;
  }

  Options options;
  at::Device device;
  models::Config config;
  models::Shape shape;
  engine::Update update;
  engine::Probes probes;
  std::shared_ptr<models::Net> live;
};

void set_threads(int threads) {
  at::set_num_threads(threads);
  engine::set_blas_threads(threads);
}

// The child: one round for each line that it reads; answers with seconds and all means.
int run_naive(const Options& options) {
  const Setting setting(options);
  set_threads(options.threads);
  std::string line;
  while (std::getline(std::cin, line)) {
    std::vector<std::vector<double>> means;
    const double time = seconds([&] {
      means =
          bench::naive_means([&] { return setting.make(); }, setting.live->parameters(), setting.probes,
                             setting.update.rule, kMeasures, static_cast<std::size_t>(options.naive_probes));
    });
    std::printf("%a", time);
    for (const auto& measure : means) {
      for (const double mean : measure) std::printf(" %a", mean);
    }
    std::printf("\n");
    std::fflush(stdout);
  }
  return 0;
}

// Multiply-adds in a second of LibTorch's matrix product, with as many threads.
double gemm_rate(at::Device device) {
  const std::int64_t n = device.is_cpu() ? 1024 : 4096;
  const at::Tensor a = at::randn({n, n}, device), b = at::randn({n, n}, device);
  double best = 1e9;
  for (int i = 0; i < 4; ++i) best = std::min(best, seconds([&] { at::mm(a, b)[0][0].item<float>(); }));
  return static_cast<double>(n * n * n) / best;
}

// Mean over the pairs whose updated probe is among the first `updated` of its class.
std::vector<float> means_of(const std::vector<double>& pairs, const engine::Grouping& grouping,
                            std::size_t updated) {
  const std::size_t p = grouping.per_class, m = grouping.probes();
  std::vector<float> means;
  for (std::size_t responding = 0; responding < grouping.classes; ++responding) {
    for (std::size_t column = 0; column < grouping.classes; ++column) {
      double sum = 0;
      for (std::size_t i = column * p; i < column * p + updated; ++i) {
        for (std::size_t j = responding * p; j < (responding + 1) * p; ++j) sum += pairs[i * m + j];
      }
      means.push_back(static_cast<float>(sum / static_cast<double>(updated * p)));
    }
  }
  return means;
}

void print_floors(const Setting& setting, double rate, double engine_seconds) {
  const auto layers = setting.live->layers();
  if (!layers) return;
  const engine::Network<float> network(*layers);
  const double m = static_cast<double>(setting.probes.grouping.probes());
  const auto print = [&](const char* what, double products) {
    const double floor = m * m * products / rate;
    std::printf(
        "floor %s: %.1f M multiply-adds for each of %.0f predictions: %.3f s, engine reaches %.0f %%\n", what,
        products / 1e6, m * m, floor, 100 * floor / engine_seconds);
  };
  std::printf("matrix product: %.1f G multiply-adds a second\n", rate / 1e9);
  print("with padding", network.all_products());
  print("without padding", network.products());
}

// Kilobytes of this process, as /proc/self/status names them.
double status_kb(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    double value = 0;
    if (word == name && status >> value) return value;
  }
  return 0;
}

// Peak of this process's memory since it was made, above what it had then.
class PeakMemory {
 public:
  PeakMemory() : before_(status_kb("VmRSS:")) { std::ofstream("/proc/self/clear_refs") << "5"; }
  double megabytes() const { return (status_kb("VmHWM:") - before_) / 1024; }

 private:
  double before_;
};

void print_memory(const Setting& setting, double peak, int threads) {
  const auto layers = setting.live->layers();
  if (!layers) return;
  const engine::Network<float> network(*layers);
  const double mb = 1024.0 * 1024 / sizeof(float), m = static_cast<double>(setting.probes.grouping.probes());
  double weights = 0;
  for (const at::Tensor& parameter : setting.live->parameters())
    weights += static_cast<double>(parameter.numel());
  const double activations = std::min(m, 256.0) * static_cast<double>(network.activations());
  const double probes = m * static_cast<double>(network.inputs());
  const double tables = 2 * m * m * static_cast<double>(kMeasures.size());
  std::printf(
      "memory: %.0f MB at the peak; %d x (weights %.0f MB + activations %.0f MB) + probes %.0f MB = %.0f MB; "
      "tables of the results %.0f MB\n",
      peak, threads, weights / mb, activations / mb, probes / mb,
      (threads * (weights + activations) + probes) / mb, tables / mb);
}

engine::Options engine_options(const Options& options, const Setting& setting) {
  engine::Options result;
  result.updates = {setting.update};
  result.measures = kMeasures;
  result.threads = options.threads;
  result.devices = {setting.device};
  result.batch = options.batch;
  result.keep_pairs = !options.engine;
  return result;
}

// Says on standard error how far the measurement is.
class Ticker {
 public:
  explicit Ticker(const engine::Engine& engine)
      : thread_([this, &engine] {
          std::unique_lock lock(mutex_);
          while (!changed_.wait_for(lock, std::chrono::seconds(5), [this] { return done_; }))
            std::cerr << static_cast<int>(100 * engine.progress()) << " %" << std::endl;
        }) {}
  ~Ticker() {
    {
      const std::lock_guard lock(mutex_);
      done_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;  // guarded by mutex_
  std::thread thread_;
};

int run(const Options& options, char** argv) {
  std::optional<bench::NaiveProcess> naive;
  if (!options.engine) naive.emplace(argv);
  const Setting setting(options);
  set_threads(options.threads);
  const PeakMemory memory;
  engine::Engine engine(engine_options(options, setting), setting.probes, [&] {
    const bool known = setting.live->layers().has_value();
    const auto net = known ? setting.live : setting.make();
    net->eval();
    return engine::Replica{{net->parameters(), net->buffers()},
                           [net](const at::Tensor& inputs) { return net->forward(inputs); },
                           net->layers()};
  });
  const engine::Grouping& grouping = setting.probes.grouping;
  const auto share = static_cast<std::size_t>(options.naive_probes);
  const double scale = static_cast<double>(grouping.per_class) / static_cast<double>(share);
  const std::size_t cells = grouping.classes * grouping.classes;
  double naive_seconds = 0, engine_seconds = 0, rate = 0, difference = 0, peak = 0;
  for (int round = 0; round < options.rounds; ++round) {
    std::vector<engine::Result> results;
    const std::atomic<bool> never = false;
    const double engine_time = seconds([&] {
      const Ticker ticker(engine);
      results =
          engine.measure({{setting.live->parameters(), setting.live->buffers()}, {}, nullptr}, never).value();
    });
    if (round == 0) peak = memory.megabytes();
    engine_seconds += engine_time;
    rate += gemm_rate(setting.device);
    if (!naive) {
      std::printf("round %d: engine %.3f s\n", round + 1, engine_time);
      continue;
    }
    std::vector<double> means;
    const double naive_time = scale * naive->round(means, cells * kMeasures.size());
    for (std::size_t q = 0; q < results.size(); ++q) {
      const std::vector<double> theirs(means.begin() + static_cast<std::ptrdiff_t>(q * cells),
                                       means.begin() + static_cast<std::ptrdiff_t>((q + 1) * cells));
      difference = std::max(
          difference, bench::max_relative_difference(means_of(results[q].ratios(), grouping, share), theirs));
    }
    std::printf("round %d: naive %.3f s (%zu of %zu updates, scaled), engine %.3f s\n", round + 1, naive_time,
                share, grouping.per_class, engine_time);
    std::fflush(stdout);
    naive_seconds += naive_time;
  }
  if (setting.device.is_cpu()) print_memory(setting, peak, options.threads);
  print_floors(setting, rate / options.rounds, engine_seconds / options.rounds);
  if (!naive) return 0;
  std::printf("speedup %.1f naive %.3f s engine %.3f s max_relative_difference %.2e\n",
              naive_seconds / engine_seconds, naive_seconds / options.rounds, engine_seconds / options.rounds,
              difference);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Options options = bench::parse_measure_options(argc, argv);
    if (options.naive) return run_naive(options);
    mallopt(M_MMAP_THRESHOLD, 32 << 20);  // as hooke-trainer
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    if (options.forward) {
      return bench::run_forward(options.model, options.classes * options.per_class, options.rounds);
    }
    if (options.train) {
      return bench::run_train(
          {options.model, options.classes, options.threads, options.rounds, options.steps, options.device});
    }
    return run(options, argv);
  } catch (const Error& error) {
    std::cerr << "bench_measure: " << describe(error) << "\n";
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "bench_measure: " << error.what() << "\n";
    return 1;
  }
}
