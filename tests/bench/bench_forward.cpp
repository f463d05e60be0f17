#include "tests/bench/bench_forward.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <vector>

#include "proto/hooke/error.h"
#include "worker/engine/blas_threads.h"
#include "worker/engine/network.h"
#include "worker/models/net.h"

namespace hooke::bench {
namespace {

void print(const char* way, int rounds, const std::function<void()>& predict) {
  double best = 1e9;
  try {
    for (int round = 0; round < rounds; ++round) {
      const auto start = std::chrono::steady_clock::now();
      predict();
      const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
      best = std::min(best, time.count());
    }
  } catch (const c10::Error& error) {
    const std::string why = error.what_without_backtrace();
    std::printf("%-34s cannot: %s\n", way, why.substr(0, why.find(". ")).c_str());
    return;
  }
  std::printf("%-34s %8.2f ms\n", way, best);
}

}  // namespace

int run_forward(const std::string& model, int probes, int rounds) {
  at::set_num_threads(1);
  engine::set_blas_threads(1);
  const at::NoGradGuard no_grad;
  models::Config config;
  config.type = model;
  const bool coloured = model.rfind("resnet", 0) == 0 || model == "vgg";
  const models::Shape shape = coloured ? models::Shape{{3, 32, 32}, 3} : models::Shape{{1, 28, 28}, 3};
  const auto net = models::make(config, shape, 0, at::kFloat);
  net->eval();
  const auto layers = net->layers();
  if (!layers) throw invalid("--model", model + " is not known by its layers");
  const at::Tensor inputs = at::randn({probes, shape.input[0], shape.input[1], shape.input[2]});

  const engine::Network<float> network(*layers);
  std::vector<const float*> parameters;
  for (const at::Tensor& parameter : net->parameters()) parameters.push_back(parameter.data_ptr<float>());
  const engine::Packed<float> weights = network.pack(parameters);
  const at::Tensor by_position = inputs.permute({0, 2, 3, 1}).contiguous();
  engine::Trace<float> trace;
  print("engine's loops", rounds, [&] {
    network.predict(weights, by_position.data_ptr<float>(), static_cast<std::size_t>(probes), trace);
  });
  print("LibTorch", rounds, [&] { net->forward(inputs); });
  print("LibTorch, oneDNN's blocked layouts", rounds, [&] { net->forward(inputs.to_mkldnn()); });
  for (const at::Tensor& parameter : net->parameters()) {
    if (parameter.dim() == 4) parameter.set_data(parameter.contiguous(at::MemoryFormat::ChannelsLast));
  }
  const at::Tensor channels_last = inputs.contiguous(at::MemoryFormat::ChannelsLast);
  print("LibTorch, channels last", rounds, [&] { net->forward(channels_last); });
  return 0;
}

}  // namespace hooke::bench
