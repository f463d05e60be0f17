#include "worker/training/loop.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/version.h>

#include <algorithm>

#include "proto/hooke/error.h"
#include "worker/engine/blas_threads.h"
#include "worker/training/random.h"
#include "worker/training/schedule.h"

namespace hooke::training {
namespace {

constexpr std::int64_t kEvaluationBatch = 256;

at::Device parse_device(const std::string& name) {
  try {
    const at::Device device(name);
    if (!device.is_cuda() || at::hasCUDA()) return device;
  } catch (const c10::Error&) {
  }
  throw Error(Code::kFailedPrecondition, "LibTorch has no device '" + name + "' here", "device");
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
  split.targets = split.labels;
  if (config.training.loss == engine::Loss::kSquared) {
    split.targets = at::one_hot(split.labels, static_cast<std::int64_t>(data.class_names.size())).to(dtype);
  }
  return split;
}

std::vector<std::int64_t> count_per_class(const data::Examples& examples, std::size_t classes) {
  std::vector<std::int64_t> counts(classes, 0);
  for (const std::int64_t label : examples.labels) ++counts[static_cast<std::size_t>(label)];
  return counts;
}

double count_correct(const at::Tensor& outputs, const at::Tensor& labels) {
  return outputs.argmax(1).eq(labels).sum().item<double>();
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

}  // namespace

Loop::Loop(const Config& config, const RunOptions& options) : config_(config), options_(options) {
  const at::Device device = parse_device(options.device);
  set_up_process(options);
  const TrainingConfig& training = config_.training;
  const data::DataSet data =
      data::load(config_.data, options.data_roots, stream_seed(training.seed, Stream::kData));
  if (data.regression) throw Error(Code::kUnimplemented, "regression cannot be trained yet", "data.set");
  const std::size_t classes = data.class_names.size();
  shape_ = {data.shape, static_cast<std::int64_t>(classes)};
  net_ = models::make(config_.model, shape_, stream_seed(training.seed, Stream::kWeights),
                      training.float64 ? at::kDouble : at::kFloat);
  net_->to(device);
  weights_ = weights_of(*net_);
  train_ = to_device(data.train, data, config_, device);
  test_ = to_device(data.test, data, config_, device);

  const auto examples = static_cast<std::int64_t>(data.train.count());
  batch_ = training.batch == 0 ? examples : training.batch;
  if (batch_ > examples) {
    throw invalid("training.batch", std::to_string(batch_) + " is more than the " + std::to_string(examples) +
                                        " training examples");
  }
  steps_per_epoch_ = examples / batch_;
  facts_.libtorch_version = TORCH_VERSION;
  facts_.device = device.str();
  facts_.measuring_threads = options.measuring_threads;
  facts_.training_threads = options.training_threads;
  facts_.data_path = data.path;
  facts_.data_checksums = data.checksums;
  facts_.class_names = data.class_names;
  facts_.train_examples = count_per_class(data.train, classes);
  facts_.test_examples = count_per_class(data.test, classes);
  for (const at::Tensor& parameter : weights_.parameters) facts_.parameters += parameter.numel();
  facts_.seed = training.seed;
  facts_.total_steps = steps_per_epoch_ * training.epochs;
  if (config_.probes.every > 0) choose_probes(data);
}

// Draws the probes of each class and builds the engine on them.
void Loop::choose_probes(const data::DataSet& data) {
  const std::int64_t wanted = config_.probes.per_class;
  std::vector<std::int64_t> positions;
  for (std::size_t c = 0; c < data.class_names.size(); ++c) {
    std::vector<std::int64_t> members;
    for (std::size_t i = 0; i < data.train.count(); ++i) {
      if (data.train.labels[i] == static_cast<std::int64_t>(c))
        members.push_back(static_cast<std::int64_t>(i));
    }
    if (static_cast<std::int64_t>(members.size()) < wanted) {
      throw invalid("probes.per_class", std::to_string(wanted) + " are asked for, but class " +
                                            data.class_names[c] + " has " + std::to_string(members.size()) +
                                            " training examples");
    }
    const auto seed = stream_seed(config_.training.seed, Stream::kProbes, static_cast<std::int64_t>(c));
    const std::vector<std::int64_t> order = permutation(members.size(), seed);
    facts_.probes.emplace_back();
    for (std::size_t p = 0; p < static_cast<std::size_t>(wanted); ++p) {
      const std::int64_t position = members[static_cast<std::size_t>(order[p])];
      positions.push_back(position);
      facts_.probes.back().push_back(data.train.file_index[static_cast<std::size_t>(position)]);
    }
  }
  make_engine(positions);
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

std::vector<engine::Update> Loop::make_updates() const {
  std::vector<engine::Update> updates;
  for (const UpdateConfig& config : config_.probes.updates) {
    engine::Update update;
    update.name = config.name;
    update.rule.kind =
        config.optimizer == Optimizer::kSgd ? engine::StepRule::Kind::kSgd : engine::StepRule::Kind::kAdam;
    update.rule.lr = config.lr.value_or(config_.training.lr);
    update.rule.weight_decay = config.weight_decay;
    if (config.optimizer == Optimizer::kTraining) {
      update.training = true;
      // The default rate is the training's, which a schedule may change; another one is meant.
      if (config.lr && *config.lr != config_.training.lr) update.training_lr = *config.lr;
      if (config.weight_decay != 0 && config.weight_decay != config_.training.weight_decay) {
        throw invalid("probes.updates", "optimizer training has the training's weight decay; leave it out");
      }
    }
    updates.push_back(update);
  }
  return updates;
}

void Loop::make_engine(const std::vector<std::int64_t>& positions) {
  updates_ = make_updates();
  engine::Options options;
  options.loss = config_.training.loss;
  options.updates = updates_;
  options.measures = config_.measures;
  options.threads = options_.measuring_threads;
  const at::Tensor index = at::tensor(positions).to(train_.labels.device());
  engine::Probes probes{{facts_.class_names.size(), static_cast<std::size_t>(config_.probes.per_class),
                         config_.probes.self_pairs},
                        train_.inputs.index_select(0, index),
                        train_.targets.index_select(0, index)};
  engine_.emplace(std::move(options), std::move(probes), [&] {
    const std::shared_ptr<models::Net> net = net_->copy();
    net->eval();
    return engine::Replica{weights_of(*net),
                           [net](const at::Tensor& inputs) { return net->forward(inputs); }};
  });
}

std::string Loop::key(engine::Measure measure, const engine::Update& update) const {
  return "elasticity/" + std::string(engine::name(measure)) + (update.name.empty() ? "" : "@" + update.name);
}

std::vector<MatrixSeries> Loop::series() const {
  const engine::Grouping grouping{facts_.class_names.size(),
                                  static_cast<std::size_t>(config_.probes.per_class),
                                  config_.probes.self_pairs};
  std::vector<MatrixSeries> all;
  for (const engine::Update& update : updates_) {
    std::string text;
    if (update.training) {
      text =
          engine::describe(rule(update.training_lr.value_or(config_.training.lr))) + ", the training's state";
    } else {
      text = engine::describe(update.rule) + ", fresh state";
    }
    for (const engine::Measure measure : config_.measures) {
      all.push_back({key(measure, update), facts_.class_names, engine::eligible_pairs(grouping), text});
    }
  }
  return all;
}

Loop::Score Loop::train_step(std::int64_t step) {
  const std::int64_t in_epoch = step % steps_per_epoch_;
  if (in_epoch == 0) {
    const auto seed = stream_seed(config_.training.seed, Stream::kOrder, step / steps_per_epoch_);
    order_ = at::tensor(permutation(static_cast<std::size_t>(train_.labels.size(0)), seed))
                 .to(train_.labels.device());
  }
  const at::Tensor index = order_.narrow(0, in_epoch * batch_, batch_);
  net_->train();
  const at::Tensor outputs = net_->forward(train_.inputs.index_select(0, index));
  const at::Tensor loss =
      engine::mean_loss(config_.training.loss, outputs, train_.targets.index_select(0, index));
  std::vector<at::Tensor> gradients = engine::gradients(loss, weights_.parameters);

  const at::NoGradGuard no_grad;
  const Score score{loss.item<double>(), count_correct(outputs, train_.labels.index_select(0, index)) /
                                             static_cast<double>(batch_)};
  if (config_.training.clip > 0) clip(gradients, config_.training.clip);
  const double lr = learning_rate(config_.training, step, steps_per_epoch_, facts_.total_steps);
  engine::step_in_place(rule(lr), state_, weights_.parameters, gradients);
  return score;
}

Loop::Score Loop::evaluate() const {
  const at::NoGradGuard no_grad;
  net_->eval();
  const std::int64_t examples = test_.labels.size(0);
  Score score;
  for (std::int64_t start = 0; start < examples; start += kEvaluationBatch) {
    const std::int64_t count = std::min(kEvaluationBatch, examples - start);
    const at::Tensor outputs = net_->forward(test_.inputs.narrow(0, start, count));
    const at::Tensor loss =
        engine::mean_loss(config_.training.loss, outputs, test_.targets.narrow(0, start, count));
    score.loss += loss.item<double>() * static_cast<double>(count);
    score.accuracy += count_correct(outputs, test_.labels.narrow(0, start, count));
  }
  return {score.loss / static_cast<double>(examples), score.accuracy / static_cast<double>(examples)};
}

bool Loop::is_evaluated(std::int64_t step) const {
  const std::int64_t every =
      config_.training.evaluate_every > 0 ? config_.training.evaluate_every : steps_per_epoch_;
  return (step + 1) % every == 0 || step + 1 == facts_.total_steps;
}

bool Loop::measure(std::int64_t step, Recorder& recorder, const std::atomic<bool>& stop) {
  const double lr = learning_rate(config_.training, step, steps_per_epoch_, facts_.total_steps);
  const auto results = engine_->measure({weights_, rule(lr), &state_}, stop);
  if (!results) return false;
  for (const engine::Result& result : *results) {
    recorder.matrix(step, key(result.measure, updates_[result.update]), result.matrix);
  }
  return true;
}

Outcome Loop::run(Recorder& recorder, const std::atomic<bool>& stop) {
  recorder.start(facts_, series());
  for (std::int64_t step = 0; step < facts_.total_steps; ++step) {
    if (stop) return Outcome::kStopped;
    const Score score = train_step(step);
    std::vector<std::pair<std::string, double>> values = {{"train/loss", score.loss},
                                                          {"train/accuracy", score.accuracy}};
    const bool evaluated = is_evaluated(step);
    if (evaluated) {
      const Score test = evaluate();
      values.emplace_back("test/loss", test.loss);
      values.emplace_back("test/accuracy", test.accuracy);
    }
    recorder.scalars(step, values);
    const bool measured = engine_ && step % config_.probes.every == 0;
    if (measured && !measure(step, recorder, stop)) return Outcome::kStopped;
    if (evaluated) recorder.barrier(step);
  }
  return Outcome::kFinished;
}

Outcome train(const Config& config, const RunOptions& options, Recorder& recorder,
              const std::atomic<bool>& stop) {
  Loop loop(config, options);
  return loop.run(recorder, stop);
}

}  // namespace hooke::training
