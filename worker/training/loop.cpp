#include "worker/training/loop.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/version.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <sstream>

#include "proto/hooke/error.h"
#include "worker/data/augment.h"
#include "worker/data/files.h"
#include "worker/engine/blas_threads.h"
#include "worker/training/random.h"
#include "worker/training/schedule.h"
#include "worker/training/stored_tensors.h"

namespace hooke::training {
namespace {

constexpr std::int64_t kEvaluationBatch = 256;
// A checkpoint by time waits until this many times what the last one took has passed.
constexpr int kCheckpointShare = 100;
// What these look at is made for probabilities of classes.
constexpr engine::Measure kClassificationMeasures[] = {
    engine::Measure::kKl,          engine::Measure::kKlReverse,   engine::Measure::kL1,
    engine::Measure::kKlPublished, engine::Measure::kL2Published, engine::Measure::kCollapse};

at::Device parse_device(const std::string& name) {
  try {
    const at::Device device(name);
    if (!device.is_cuda() || at::hasCUDA()) return device;
  } catch (const c10::Error&) {
  }
  throw Error(Code::kFailedPrecondition, "LibTorch has no device '" + name + "' here", "device");
}

// At least one, from names with commas between them.
std::vector<at::Device> parse_devices(const std::string& names) {
  std::vector<at::Device> devices;
  std::istringstream rest(names);
  for (std::string name; std::getline(rest, name, ',');) devices.push_back(parse_device(name));
  if (devices.empty()) devices.push_back(parse_device(names));
  return devices;
}

// The numbers of threads, and kernels whose results can be had again. No TF32: the measured
// differences are small.
void set_up_process(const RunOptions& options) {
  at::set_num_threads(options.training_threads);
  engine::set_blas_threads(options.training_threads);
  at::globalContext().setAllowTF32CuBLAS(false);
  at::globalContext().setAllowTF32CuDNN(false);
  at::globalContext().setDeterministicCuDNN(true);
}

Split to_device(const data::Examples& examples, const data::DataSet& data, const Config& config,
                at::Device device) {
  const auto count = static_cast<std::int64_t>(examples.count());
  const at::ScalarType dtype = config.training.float64 ? at::kDouble : at::kFloat;
  std::vector<std::int64_t> sizes = data.shape;
  sizes.insert(sizes.begin(), count);
  Split split;
  split.inputs = at::tensor(examples.inputs).view(sizes).to(device, dtype);
  split.labels = at::tensor(examples.labels).to(device);
  if (data.regression) {
    split.targets = at::tensor(examples.targets).view({count, data.outputs}).to(device, dtype);
  } else if (config.training.loss == engine::Loss::kSquared) {
    split.targets = at::one_hot(split.labels, data.outputs).to(dtype);
  } else {
    split.targets = split.labels;
  }
  return split;
}

std::vector<std::int64_t> count_per_class(const data::Examples& examples, std::size_t classes) {
  std::vector<std::int64_t> counts(classes, 0);
  for (const std::int64_t label : examples.labels) ++counts[static_cast<std::size_t>(label)];
  return counts;
}

// Scales gradients together so that their joint norm is at most `limit`.
void clip(std::vector<at::Tensor>& gradients, double limit) {
  double squares = 0;
  for (const at::Tensor& gradient : gradients) {
    if (gradient.defined()) squares += gradient.square().sum().item<double>();
  }
  const double norm = std::sqrt(squares);
  if (!(norm > limit)) return;
  for (at::Tensor& gradient : gradients) {
    if (gradient.defined()) gradient.mul_(limit / norm);
  }
}

engine::Weights weights_of(const models::Net& net) {
  return {net.parameters(), net.buffers()};
}

// Parameters and buffers under the names that a checkpoint gives them.
std::vector<std::pair<std::string, at::Tensor>> named_weights(const models::Net& net) {
  std::vector<std::pair<std::string, at::Tensor>> all;
  for (const auto& item : net.named_parameters()) all.emplace_back("weights." + item.key(), item.value());
  for (const auto& item : net.named_buffers()) all.emplace_back("buffers." + item.key(), item.value());
  return all;
}

std::string first_name(std::size_t parameter) {
  return "first." + std::to_string(parameter);
}

std::string second_name(std::size_t parameter) {
  return "second." + std::to_string(parameter);
}

models::Options model_options(const RunOptions& options) {
  models::Options result;
  if (options.allow_torchscript) {
    result.find_torchscript = [roots = options.data_roots](const std::string& path) {
      return data::find_below(roots, path);
    };
  }
  return result;
}

}  // namespace

Loop::Loop(const Config& config, const RunOptions& options, const State* resume)
    : config_(config), options_(options) {
  devices_ = parse_devices(options.device);
  const at::Device device = devices_.front();
  set_up_process(options);
  const TrainingConfig& training = config_.training;
  data_ = data::load(config_.data, options.data_roots, stream_seed(training.seed, Stream::kData));
  if (data_.regression) refuse_for_regression();
  const bool binary = training.loss == engine::Loss::kBinary;
  if (binary) refuse_for_binary();
  net_ = models::make(config_.model, {data_.shape, binary ? 1 : data_.outputs},
                      stream_seed(training.seed, Stream::kWeights),
                      training.float64 ? at::kDouble : at::kFloat, model_options(options));
  net_->to(device);
  weights_ = weights_of(*net_);
  train_ = to_device(data_.train, data_, config_, device);
  test_ = to_device(data_.test, data_, config_, device);

  const auto examples = static_cast<std::int64_t>(data_.train.count());
  batch_ = training.batch == 0 ? examples : training.batch;
  if (batch_ > examples) {
    throw invalid("training.batch", std::to_string(batch_) + " is more than the " + std::to_string(examples) +
                                        " training examples");
  }
  steps_per_epoch_ = examples / batch_;
  note_facts();
  refuse_size_steps();
  if (config_.probes.every > 0 || !config_.probes.size_steps.empty()) choose_probes();
  if (resume) restore(*resume);
  if (training.data_parallel && devices_.size() > 1)
    replicas_.emplace(*net_, devices_, options.training_threads);
  // What is on the device need not stay here, but for what every epoch crops anew.
  data_.test.inputs = {};
  if (config_.data.augment != data::Augment::kEveryEpoch) data_.train.inputs = {};
}

void Loop::refuse_for_regression() const {
  if (config_.training.loss != engine::Loss::kSquared) {
    throw invalid("training.loss", "the data are a regression, whose loss is squared");
  }
  for (const engine::Measure measure : config_.measures) {
    if (std::count(std::begin(kClassificationMeasures), std::end(kClassificationMeasures), measure) > 0) {
      throw invalid("measures", "'" + std::string(engine::name(measure)) +
                                    "' needs classes, and the data are a regression; there are l2, "
                                    "l2_logit, loss");
    }
  }
}

void Loop::refuse_for_binary() const {
  if (data_.class_names.size() != 2) {
    throw invalid("training.loss", "'binary' needs two classes, and the data have " +
                                       std::to_string(data_.class_names.size()));
  }
  if (std::count(config_.measures.begin(), config_.measures.end(), engine::Measure::kCollapse) > 0) {
    throw invalid("measures", "'collapse' needs one output for each class, and loss 'binary' has one output");
  }
}

void Loop::note_facts() {
  const std::size_t classes = data_.class_names.size();
  facts_.libtorch_version = TORCH_VERSION;
  for (const at::Device& device : devices_)
    facts_.device += (facts_.device.empty() ? "" : ",") + device.str();
  facts_.measuring_threads = options_.measuring_threads;
  facts_.training_threads = options_.training_threads;
  facts_.data_path = data_.path;
  facts_.data_checksums = data_.checksums;
  facts_.class_names = data_.class_names;
  facts_.train_examples = count_per_class(data_.train, classes);
  facts_.test_examples = count_per_class(data_.test, classes);
  for (const at::Tensor& parameter : weights_.parameters) facts_.parameters += parameter.numel();
  facts_.seed = config_.training.seed;
  facts_.total_steps = steps_per_epoch_ * config_.training.epochs;
}

engine::StepRule Loop::rule(double lr) const {
  using Kind = engine::StepRule::Kind;
  const TrainingConfig& training = config_.training;
  engine::StepRule rule;
  rule.kind = training.optimizer == Optimizer::kSgd     ? Kind::kSgd
              : training.optimizer == Optimizer::kAdamW ? Kind::kAdamW
                                                        : Kind::kAdam;
  rule.lr = lr;
  rule.momentum = training.momentum;
  rule.nesterov = training.nesterov;
  rule.weight_decay = training.weight_decay;
  return rule;
}

at::Tensor Loop::batch_inputs(std::int64_t epoch, std::span<const std::int64_t> positions,
                              const at::Tensor& index) const {
  if (config_.data.augment != data::Augment::kEveryEpoch) return train_.inputs.index_select(0, index);
  const auto seed = stream_seed(config_.training.seed, Stream::kAugment, epoch);
  std::vector<std::int64_t> sizes = data_.shape;
  sizes.insert(sizes.begin(), batch_);
  return at::tensor(data::augment(data_, positions, seed)).view(sizes).to(train_.inputs.options());
}

void Loop::train_step(std::int64_t step, Values& values) {
  const std::int64_t epoch = step / steps_per_epoch_, in_epoch = step % steps_per_epoch_;
  if (in_epoch == 0 || order_.empty()) {
    order_ = permutation(data_.train.count(), stream_seed(config_.training.seed, Stream::kOrder, epoch));
  }
  const auto positions = std::span(order_).subspan(static_cast<std::size_t>(in_epoch * batch_),
                                                   static_cast<std::size_t>(batch_));
  const at::Tensor index =
      at::tensor(at::ArrayRef<std::int64_t>(positions.data(), positions.size())).to(train_.labels.device());
  const Minibatch minibatch{batch_inputs(epoch, positions, index), train_.targets.index_select(0, index),
                            data_.regression ? at::Tensor() : train_.labels.index_select(0, index)};
  const engine::Loss loss = config_.training.loss;
  Pass pass = replicas_ ? replicas_->forward_and_backward(*net_, weights_.parameters, loss, minibatch)
                        : forward_and_backward(*net_, weights_.parameters, loss, minibatch);

  const at::NoGradGuard no_grad;
  values.emplace_back("train/loss", pass.loss);
  if (!data_.regression) values.emplace_back("train/accuracy", pass.correct / static_cast<double>(batch_));
  if (config_.training.clip > 0) clip(pass.gradients, config_.training.clip);
  const double lr = learning_rate(config_.training, step, steps_per_epoch_, facts_.total_steps);
  engine::step_in_place(rule(lr), state_, weights_.parameters, pass.gradients);
}

void Loop::evaluate(Values& values) const {
  const at::NoGradGuard no_grad;
  net_->eval();
  const std::int64_t examples = test_.labels.size(0);
  double loss = 0, correct = 0;
  for (std::int64_t start = 0; start < examples; start += kEvaluationBatch) {
    const std::int64_t count = std::min(kEvaluationBatch, examples - start);
    const at::Tensor outputs = net_->forward(test_.inputs.narrow(0, start, count));
    const at::Tensor targets = test_.targets.narrow(0, start, count);
    loss += engine::mean_loss(config_.training.loss, outputs, targets).item<double>() *
            static_cast<double>(count);
    if (!data_.regression) {
      correct += count_correct(config_.training.loss, outputs, test_.labels.narrow(0, start, count));
    }
  }
  values.emplace_back("test/loss", loss / static_cast<double>(examples));
  if (!data_.regression) values.emplace_back("test/accuracy", correct / static_cast<double>(examples));
}

bool Loop::is_evaluated(std::int64_t step) const {
  const std::int64_t every =
      config_.training.evaluate_every > 0 ? config_.training.evaluate_every : steps_per_epoch_;
  return (step + 1) % every == 0 || step + 1 == facts_.total_steps;
}

bool Loop::is_checkpointed(std::int64_t step) const {
  const std::int64_t every = config_.training.checkpoint_every;
  return (every > 0 && (step + 1) % every == 0) || step + 1 == facts_.total_steps;
}

bool Loop::is_time_for_checkpoint() const {
  if (options_.checkpoint_seconds <= 0) return false;
  const auto passed = std::chrono::steady_clock::now() - secured_;
  return passed >= std::chrono::seconds(options_.checkpoint_seconds) &&
         passed >= kCheckpointShare * securing_time_;
}

// Completes one step and records it as a whole. False when it was stopped in the measurement.
bool Loop::advance(Recorder& recorder, const std::atomic<bool>& stop) {
  const std::int64_t step = completed_ + 1;
  if (unrecorded_.empty()) {
    train_step(step, unrecorded_);
    if (is_evaluated(step)) evaluate(unrecorded_);
  }
  std::optional<Measured> measured = Measured{};
  if (engine_) measured = measure(step, recorder, stop);
  if (!measured) return false;
  record(step, *measured, recorder);
  completed_ = step;
  unrecorded_.clear();
  return true;
}

// A barrier and a checkpoint of the last completed step, unless this or an earlier training left
// them already.
void Loop::secure(Recorder& recorder) {
  const auto begun = std::chrono::steady_clock::now();
  if (completed_ > barrier_) recorder.barrier(completed_);
  if (completed_ > checkpoint_) recorder.checkpoint(state());
  barrier_ = checkpoint_ = completed_;
  secured_ = std::chrono::steady_clock::now();
  securing_time_ = secured_ - begun;
}

Outcome Loop::run(Recorder& recorder, const std::atomic<bool>& stop) {
  recorder.start(facts_, series());
  secured_ = std::chrono::steady_clock::now();
  while (completed_ + 1 < facts_.total_steps) {
    if (stop || !advance(recorder, stop)) {
      secure(recorder);
      return Outcome::kStopped;
    }
    if (is_checkpointed(completed_) || is_time_for_checkpoint()) {
      secure(recorder);
    } else if (is_evaluated(completed_)) {
      recorder.barrier(completed_);
      barrier_ = completed_;
    }
  }
  return Outcome::kFinished;
}

State Loop::state() const {
  State state;
  state.step = completed_;
  state.optimizer_steps = state_.steps;
  state.unrecorded = unrecorded_;
  state.data_checksums = facts_.data_checksums;
  state.probes = facts_.probes;
  for (const auto& [name, tensor] : named_weights(*net_)) state.tensors.push_back(store(name, tensor));
  for (std::size_t i = 0; i < state_.first.size(); ++i) {
    if (state_.first[i].defined()) state.tensors.push_back(store(first_name(i), state_.first[i]));
    if (state_.second[i].defined()) state.tensors.push_back(store(second_name(i), state_.second[i]));
  }
  return state;
}

void Loop::restore(const State& state) {
  const auto refuse = [](const std::string& what) {
    throw Error(Code::kFailedPrecondition, "the checkpoint cannot be resumed: " + what, "--resume");
  };
  if (state.data_checksums != facts_.data_checksums) refuse("the data files have changed since");
  if (state.probes != facts_.probes) refuse("its probes are others than this configuration's");
  // The last step's may be resumed: whoever wrote it may have died before it could say that it was done.
  if (state.step >= facts_.total_steps) {
    refuse("it is of step " + std::to_string(state.step) + ", and the last one is " +
           std::to_string(facts_.total_steps - 1));
  }
  std::map<std::string, const StoredTensor*> tensors;
  for (const StoredTensor& tensor : state.tensors) tensors[tensor.name] = &tensor;
  for (const auto& [name, tensor] : named_weights(*net_)) {
    if (!tensors.contains(name)) refuse("it has no " + name);
    load_into(*tensors[name], tensor);
  }
  const at::Device device = train_.inputs.device();
  state_.steps = state.optimizer_steps;
  state_.first.resize(state_.steps > 0 ? weights_.parameters.size() : 0);
  state_.second.resize(state_.first.size());
  for (std::size_t i = 0; i < state_.first.size(); ++i) {
    if (const auto* first = tensors[first_name(i)]) state_.first[i] = load(*first, device);
    if (const auto* second = tensors[second_name(i)]) state_.second[i] = load(*second, device);
  }
  completed_ = barrier_ = checkpoint_ = state.step;
  unrecorded_ = state.unrecorded;
  facts_.resume_step = state.step;
}

Outcome train(const Config& config, const RunOptions& options, std::optional<State> resume,
              Recorder& recorder, const std::atomic<bool>& stop) {
  Loop loop(config, options, resume ? &*resume : nullptr);
  resume.reset();
  return loop.run(recorder, stop);
}

}  // namespace hooke::training
