// bench_measure: the naive procedure against the engine, on the same weights and probes, one after
// the other in turns. The last line is for programs.
#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <malloc.h>

#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>

#include "proto/hooke/error.h"
#include "tests/bench/naive.h"
#include "worker/engine/blas_threads.h"

namespace {

using namespace hooke;

struct Options {
  std::string model = "cnn";
  int classes = 3;
  int per_class = 20;
  int threads = 2;
  int rounds = 3;
};

constexpr const char* kUsage =
    "bench_measure [--model cnn|mlp|linear] [--classes K] [--per-class P] [--threads T] [--rounds R]\n";

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--help") {
      std::cout << kUsage;
      std::exit(0);
    }
    if (i + 1 == argc) throw invalid(option, std::string("needs a value; ") + kUsage);
    const std::string value = argv[++i];
    if (option == "--model") {
      options.model = value;
    } else if (option == "--classes") {
      options.classes = std::stoi(value);
    } else if (option == "--per-class") {
      options.per_class = std::stoi(value);
    } else if (option == "--threads") {
      options.threads = std::stoi(value);
    } else if (option == "--rounds") {
      options.rounds = std::stoi(value);
    } else {
      throw invalid(option, std::string("there is no such option; ") + kUsage);
    }
  }
  return options;
}

template <typename Work>
double seconds(Work work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Noise images, 28x28, each class around an image of its own.
engine::Probes make_probes(const Options& options) {
  at::Generator random = at::make_generator<at::CPUGeneratorImpl>(1);
  const std::int64_t probes = options.classes * options.per_class;
  const at::Tensor labels = at::arange(probes, at::kLong).div(options.per_class, "floor");
  const at::Tensor centres = at::randn({options.classes, 1, 28, 28}, random);
  const at::Tensor inputs = centres.index_select(0, labels) + at::randn({probes, 1, 28, 28}, random);
  return {{static_cast<std::size_t>(options.classes), static_cast<std::size_t>(options.per_class), true},
          inputs,
          labels};
}

int run(const Options& options) {
  models::Config config;
  config.type = options.model;
  const models::Shape shape{{1, 28, 28}, options.classes};
  const auto make_net = [&] { return models::make(config, shape, 0, at::kFloat); };
  const engine::Probes probes = make_probes(options);
  const auto live = make_net();

  engine::Options engine_options;
  engine_options.updates = {engine::Update{}};
  engine_options.measures = {engine::Measure::kLoss, engine::Measure::kKl, engine::Measure::kL2,
                             engine::Measure::kL2Logit};
  engine_options.threads = options.threads;
  engine::Engine engine(engine_options, probes, [&] {
    const auto net = make_net();
    net->eval();
    return engine::Replica{{net->parameters(), net->buffers()},
                           [net](const at::Tensor& inputs) { return net->forward(inputs); }};
  });

  at::set_num_threads(options.threads);
  engine::set_blas_threads(options.threads);
  double naive_seconds = 0, engine_seconds = 0, difference = 0;
  for (int round = 0; round < options.rounds; ++round) {
    std::vector<std::vector<double>> naive;
    std::vector<engine::Result> results;
    const double naive_time = seconds([&] {
      naive = bench::naive_means(make_net, live->parameters(), probes, engine_options.updates[0].rule,
                                 engine_options.measures);
    });
    const std::atomic<bool> never = false;
    const double engine_time = seconds([&] {
      results = engine.measure({{live->parameters(), live->buffers()}, {}, nullptr}, never).value();
    });
    for (std::size_t q = 0; q < results.size(); ++q) {
      difference = std::max(difference, bench::max_relative_difference(results[q].matrix.mean, naive[q]));
    }
    std::printf("round %d: naive %.3f s, engine %.3f s\n", round + 1, naive_time, engine_time);
    naive_seconds += naive_time;
    engine_seconds += engine_time;
  }
  std::printf("speedup %.1f naive %.3f s engine %.3f s max_relative_difference %.2e\n",
              naive_seconds / engine_seconds, naive_seconds / options.rounds, engine_seconds / options.rounds,
              difference);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  mallopt(M_MMAP_THRESHOLD, 32 << 20);  // as hooke-trainer
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  try {
    return run(parse(argc, argv));
  } catch (const Error& error) {
    std::cerr << "bench_measure: " << describe(error) << "\n";
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "bench_measure: " << error.what() << "\n";
    return 1;
  }
}
