#include "tests/bench/bench_train.h"

#include <ATen/ATen.h>
#include <torch/optim/adam.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "proto/hooke/error.h"
#include "worker/models/net.h"
#include "worker/trainer/fan_out.h"
#include "worker/trainer/progress.h"
#include "worker/trainer/spool_recorder.h"
#include "worker/training/loop.h"

namespace hooke::bench {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int kBatch = 64;
constexpr int kExamples = 640;
constexpr int kWarmUp = 5;  // steps before the clock starts

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "bench_train.XXXXXX").string();
    if (!mkdtemp(name.data())) throw Error(Code::kUnavailable, "cannot make a folder like " + name);
    path = name;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  fs::path path;
};

// NumPy's format, version 1.0.
template <typename T>
void write_npy(const fs::path& path, const char* type, const at::Tensor& tensor) {
  std::ostringstream header;
  header << "{'descr': '" << type << "', 'fortran_order': False, 'shape': (";
  for (const std::int64_t size : tensor.sizes()) header << size << ", ";
  header << "), }";
  std::string text = header.str();
  text.resize((10 + text.size()) / 64 * 64 + 64 - 10 - 1, ' ');
  text += '\n';
  std::ofstream out(path, std::ios::binary);
  const auto length = static_cast<std::uint16_t>(text.size());
  out.write("\x93NUMPY\x01\x00", 8).write(reinterpret_cast<const char*>(&length), 2) << text;
  const at::Tensor flat = tensor.contiguous();
  out.write(reinterpret_cast<const char*>(flat.data_ptr<T>()), flat.numel() * flat.element_size());
  if (!out.flush()) throw Error(Code::kUnavailable, "cannot write " + path.string());
}

// Notes when the first timed step and the last one were complete, and the losses.
struct Watch : training::Recorder {
  explicit Watch(std::int64_t the_last) : last(the_last) {}
  void start(const training::Facts&, const std::vector<training::MatrixSeries>&) override {}
  void scalars(std::int64_t step, const std::vector<std::pair<std::string, double>>& values) override {
    losses.push_back(values.front().second);
    if (step == kWarmUp - 1) begin = Clock::now();
    if (step == last) end = Clock::now();
  }
  void matrix(std::int64_t, const std::string&, const engine::Matrix&) override {}
  void pairs(std::int64_t, const std::string&, const engine::Pairs&) override {}
  void barrier(std::int64_t) override {}
  void checkpoint(const training::State&) override {}
  void measuring(std::int64_t, double) override {}

  std::int64_t last;
  Clock::time_point begin, end;
  std::vector<double> losses;
};

struct Setting {
  explicit Setting(const TrainOptions& the_options) : options(the_options) {
    const bool coloured = options.model.rfind("resnet", 0) == 0 || options.model == "vgg";
    shape =
        coloured ? models::Shape{{3, 32, 32}, options.classes} : models::Shape{{1, 28, 28}, options.classes};
    labels = at::arange(kExamples, at::kLong).remainder(options.classes);
    inputs = at::randn({kExamples, shape.input[0], shape.input[1], shape.input[2]});
    write_npy<float>(folder.path / "train_inputs.npy", "<f4", inputs);
    write_npy<std::int64_t>(folder.path / "train_labels.npy", "<i8", labels);
    write_npy<float>(folder.path / "test_inputs.npy", "<f4", inputs.narrow(0, 0, options.classes));
    write_npy<std::int64_t>(folder.path / "test_labels.npy", "<i8", labels.narrow(0, 0, options.classes));
    const int steps_per_epoch = kExamples / kBatch;
    epochs = (kWarmUp + options.steps + steps_per_epoch - 1) / steps_per_epoch;
    std::ostringstream json;
    json << R"({"name":"bench","data":{"set":"array","path":")" << folder.path.string()
         << R"("},"model":{"type":")" << options.model
         << R"("},"training":{"optimizer":"adam","lr":1e-4,"batch":)" << kBatch << R"(,"evaluate_every":)"
         << epochs * steps_per_epoch << R"(,"epochs":)" << epochs
         << R"(,"data_parallel":true},"probes":{"every":0}})";
    config = json.str();
  }

  std::int64_t last_step() const { return std::int64_t{epochs} * (kExamples / kBatch) - 1; }
  double timed_steps() const { return static_cast<double>(last_step() + 1 - kWarmUp); }

  TrainOptions options;
  Folder folder;
  models::Shape shape;
  at::Tensor inputs, labels;
  int epochs = 1;
  std::string config;
};

struct Timed {
  double step_s = 0;
  std::vector<double> losses;
};

// With the recorders of hooke-trainer. The last step evaluates; it is not timed.
Timed hooke_training(const Setting& setting, const std::string& device, const std::string& name) {
  training::RunOptions options;
  options.device = device;
  options.training_threads = options.measuring_threads = setting.options.threads;
  options.data_roots = {setting.folder.path};
  training::Loop loop(training::parse_config(setting.config), options);
  const fs::path out = setting.folder.path / name;
  fs::create_directories(out);
  std::ostringstream log;
  trainer::SpoolRecorder spool(out, setting.config, log);
  trainer::Progress progress(log);
  Watch watch(setting.last_step() - 1);
  trainer::FanOut all({&spool, &progress, &watch});
  const std::atomic<bool> never = false;
  loop.run(all, never);
  const double seconds = std::chrono::duration<double>(watch.end - watch.begin).count();
  return {seconds / (setting.timed_steps() - 1), watch.losses};
}

double bare_seconds(const Setting& setting) {
  models::Config config;
  config.type = setting.options.model;
  const at::Device device(setting.options.device);
  const auto net = models::make(config, setting.shape, 0, at::kFloat);
  net->to(device);
  const at::Tensor inputs = setting.inputs.to(device), labels = setting.labels.to(device);
  torch::optim::Adam optimizer(net->parameters(), torch::optim::AdamOptions(1e-4));
  Clock::time_point begin, end;
  at::Tensor order;
  for (std::int64_t step = 0; step < setting.last_step(); ++step) {
    const std::int64_t in_epoch = step % (kExamples / kBatch);
    if (in_epoch == 0) order = at::randperm(kExamples, at::kLong).to(device);
    const at::Tensor index = order.narrow(0, in_epoch * kBatch, kBatch);
    optimizer.zero_grad();
    const at::Tensor loss =
        at::cross_entropy_loss(net->forward(inputs.index_select(0, index)), labels.index_select(0, index));
    loss.backward();
    optimizer.step();
    if (step == kWarmUp - 1 || step == setting.last_step() - 1) {
      loss.item<float>();  // waits for a GPU
      (step == kWarmUp - 1 ? begin : end) = Clock::now();
    }
  }
  return std::chrono::duration<double>(end - begin).count() / (setting.timed_steps() - 1);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

// The first device alone against all of them.
int run_data_parallel(const TrainOptions& options) {
  const Setting setting(options);
  const std::string first = options.device.substr(0, options.device.find(','));
  std::vector<double> one, split, ratio;
  double difference = 0;
  for (int round = 0; round < options.rounds; ++round) {
    const Timed alone = hooke_training(setting, first, "one" + std::to_string(round));
    const Timed together = hooke_training(setting, options.device, "split" + std::to_string(round));
    one.push_back(alone.step_s);
    split.push_back(together.step_s);
    ratio.push_back(alone.step_s / together.step_s);
    for (std::size_t i = 0; i < alone.losses.size(); ++i)
      difference =
          std::max(difference, std::abs(alone.losses[i] - together.losses[i]) / std::abs(alone.losses[i]));
    std::printf("round %d: one device %.5f s, all %.5f s a step\n", round + 1, one.back(), split.back());
    std::fflush(stdout);
  }
  std::printf("data_parallel speedup %.2f one %.5f s all %.5f s max_relative_difference_of_loss %.2g\n",
              median(ratio), median(one), median(split), difference);
  return 0;
}

}  // namespace

int run_train(const TrainOptions& options) {
  if (options.device.find(',') != std::string::npos) return run_data_parallel(options);
  const Setting setting(options);
  std::vector<double> bare, hooke, ratio;
  for (int round = 0; round < options.rounds; ++round) {
    // Also sets the number of threads, for both.
    hooke.push_back(hooke_training(setting, options.device, "out" + std::to_string(round)).step_s);
    bare.push_back(bare_seconds(setting));
    ratio.push_back(hooke.back() / bare.back());
    std::printf("round %d: bare %.5f s, hooke %.5f s a step\n", round + 1, bare.back(), hooke.back());
    std::fflush(stdout);
  }
  std::printf("train overhead %.1f %% bare %.5f s hooke %.5f s\n", 100 * (median(ratio) - 1), median(bare),
              median(hooke));
  return 0;
}

}  // namespace hooke::bench
