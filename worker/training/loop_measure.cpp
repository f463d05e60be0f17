// What the loop measures: probes, engine, series, and the measurements of a step.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <future>

#include "proto/hooke/error.h"
#include "proto/hooke/pairs.h"
#include "worker/training/loop.h"
#include "worker/training/random.h"
#include "worker/training/schedule.h"
#include "worker/training/sizes.h"

namespace hooke::training {
namespace {

// Key of the pairs behind "elasticity/kl": "elasticity/kl.pairs".
constexpr const char* kPairsSuffix = ".pairs";
// How often a recorder hears that a measurement goes on.
constexpr auto kMeasuringPeriod = std::chrono::seconds(1);

}  // namespace

void Loop::refuse_size_steps() const {
  const auto& steps = config_.probes.size_steps;
  if (steps.empty()) return;
  const auto refuse = [](const std::string& why) { throw invalid("probes.size_steps", why); };
  if (std::none_of(config_.measures.begin(), config_.measures.end(), engine::has_limit)) {
    refuse("needs one of loss, kl, kl_reverse, l2, l2_logit, l1 in measures");
  }
  if (!(config_.training.lr > 0)) refuse("needs a training.lr above 0");
  const std::int64_t largest = *std::max_element(steps.begin(), steps.end());
  if (largest >= facts_.total_steps) {
    refuse(std::to_string(largest) + " is beyond the training's last step, " +
           std::to_string(facts_.total_steps - 1));
  }
}

void Loop::refuse_too_many_pairs() const {
  const std::size_t probes = grouping().probes();
  if (!config_.probes.keep_pairs || probes <= kMaxPairProbes) return;
  throw invalid("probes.keep_pairs", "the pairs of " + std::to_string(probes) + " probes (" +
                                         std::to_string(facts_.class_names.size()) +
                                         " classes times probes.per_class) are too many; of at most " +
                                         std::to_string(kMaxPairProbes) + " they can be kept");
}

// Draws the probes of each class and builds the engine on them.
void Loop::choose_probes() {
  refuse_too_many_pairs();
  const std::int64_t wanted = config_.probes.per_class;
  std::vector<std::int64_t> positions;
  for (std::size_t c = 0; c < data_.class_names.size(); ++c) {
    std::vector<std::int64_t> members;
    for (std::size_t i = 0; i < data_.train.count(); ++i) {
      if (data_.train.labels[i] == static_cast<std::int64_t>(c))
        members.push_back(static_cast<std::int64_t>(i));
    }
    if (static_cast<std::int64_t>(members.size()) < wanted) {
      throw invalid("probes.per_class", std::to_string(wanted) + " are asked for, but class " +
                                            data_.class_names[c] + " has " + std::to_string(members.size()) +
                                            " training examples");
    }
    const auto seed = stream_seed(config_.training.seed, Stream::kProbes, static_cast<std::int64_t>(c));
    const std::vector<std::int64_t> order = permutation(members.size(), seed);
    facts_.probes.emplace_back();
    for (std::size_t p = 0; p < static_cast<std::size_t>(wanted); ++p) {
      const std::int64_t position = members[static_cast<std::size_t>(order[p])];
      positions.push_back(position);
      facts_.probes.back().push_back(data_.train.file_index[static_cast<std::size_t>(position)]);
    }
  }
  updates_ = make_updates();
  references_.emplace(Beginning{config_, data_, *net_, train_.inputs, train_.targets,
                                batch_ == train_.labels.size(0), updates_, grouping(), positions});
  make_engine(positions);
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
  engine::Options options;
  options.loss = config_.training.loss;
  options.task = data_.regression ? engine::Task::kRegression : engine::Task::kClassification;
  options.updates = updates_;
  options.measures = config_.measures;
  options.keep_pairs = config_.probes.keep_pairs || references_->needs_pairs();
  options.threads = options_.measuring_threads;
  options.devices = devices_;
  options.batch = options_.update_batch;
  const at::Tensor index = at::tensor(positions).to(train_.labels.device());
  engine::Probes probes{grouping(), train_.inputs.index_select(0, index),
                        train_.targets.index_select(0, index)};
  engine_.emplace(std::move(options), std::move(probes), [&] {
    if (auto layers = net_->layers()) return engine::Replica{weights_, {}, std::move(layers)};
    const std::shared_ptr<models::Net> net = net_->copy();
    net->eval();
    return engine::Replica{{net->parameters(), net->buffers()},
                           [net](const at::Tensor& inputs) { return net->forward(inputs); }};
  });
}

std::string Loop::key(engine::Measure measure, const engine::Update& update) const {
  const bool named = engine::depends_on_update(measure) && !update.name.empty();
  return "elasticity/" + std::string(engine::name(measure)) + (named ? "@" + update.name : "");
}

std::vector<MatrixSeries> Loop::series() const {
  std::vector<MatrixSeries> all;
  for (const engine::Update& update : updates_) {
    for (const engine::Measure measure : config_.measures) {
      if (!engine::depends_on_update(measure)) continue;
      all.push_back({key(measure, update), facts_.class_names, engine::eligible_pairs(grouping()),
                     description(update)});
    }
  }
  for (const engine::Measure measure : config_.measures) {
    if (engine::depends_on_update(measure) || !engine::is_matrix(measure)) continue;
    const engine::Grouping pairs = engine::grouping_of(measure, grouping());
    all.push_back({key(measure, {}), facts_.class_names, engine::eligible_pairs(pairs), "no update"});
  }
  std::vector<MatrixSeries> tables;
  if (config_.probes.keep_pairs) tables = all;
  for (MatrixSeries& table : tables) {
    table.key += kPairsSuffix;
    table.per_class = grouping().per_class;
  }
  if (data_.regression) return tables;
  all.insert(all.end(), tables.begin(), tables.end());
  if (!config_.probes.size_steps.empty()) add_size_series(all);
  if (references_) {
    for (const MatrixSeries& curve : references_->series()) all.push_back(curve);
  }
  return all;
}

void Loop::add_size_series(std::vector<MatrixSeries>& all) const {
  const engine::Update& first = updates_.front();
  const auto add = [&](const std::string& series_key, const std::string& description) {
    all.push_back({series_key, facts_.class_names, engine::eligible_pairs(grouping()), description});
  };
  for (const engine::Measure measure : config_.measures) {
    if (!engine::has_limit(measure)) continue;
    for (const double rate : size_rates(config_.training.lr)) {
      engine::Update update = first;
      update.rule.lr = rate;
      update.training_lr = rate;
      add(size_key(measure, rate), description(update));
    }
    add(size_limit_key(measure), description(first) + "; its limit for small rates");
  }
}

// "Adam, lr 0.001, fresh state": for captions.
std::string Loop::description(const engine::Update& update) const {
  if (!update.training) return engine::describe(update.rule) + ", fresh state";
  return engine::describe(rule(update.training_lr.value_or(config_.training.lr))) + ", the training's state";
}

engine::Grouping Loop::grouping() const {
  return {facts_.class_names.size(), static_cast<std::size_t>(config_.probes.per_class),
          config_.probes.self_pairs};
}

// Measures in a thread of its own, so that the recorder hears that it goes on.
template <typename Work>
auto Loop::watched(std::int64_t step, Recorder& recorder, Work work) {
  const double lr = learning_rate(config_.training, step, steps_per_epoch_, facts_.total_steps);
  auto results = std::async(std::launch::async, [&] {
    at::set_num_threads(options_.training_threads);
    return work(engine::Live{weights_, rule(lr), &state_});
  });
  while (results.wait_for(kMeasuringPeriod) == std::future_status::timeout) {
    recorder.measuring(step, engine_->progress());
  }
  return results.get();
}

std::optional<Loop::Measured> Loop::measure(std::int64_t step, Recorder& recorder,
                                            const std::atomic<bool>& stop) {
  Measured measured;
  if (config_.probes.every > 0 && step % config_.probes.every == 0) {
    auto results =
        watched(step, recorder, [&](const engine::Live& live) { return engine_->measure(live, stop); });
    if (!results) return std::nullopt;
    measured.results = std::move(*results);
  }
  const auto& size_steps = config_.probes.size_steps;
  if (std::count(size_steps.begin(), size_steps.end(), step) > 0) {
    auto scans = watched(step, recorder, [&](const engine::Live& live) {
      return engine_->elasticity_vs_update_size(live, size_rates(config_.training.lr), stop);
    });
    if (!scans) return std::nullopt;
    measured.scans = std::move(*scans);
  }
  return measured;
}

// Key and matrix of every update size of the scans, the limit last.
std::vector<std::pair<std::string, const engine::Matrix*>> Loop::size_matrices(
    const std::vector<engine::SizeScan>& scans) const {
  const std::vector<double> rates = size_rates(config_.training.lr);
  std::vector<std::pair<std::string, const engine::Matrix*>> all;
  for (const engine::SizeScan& scan : scans) {
    for (std::size_t r = 0; r < rates.size(); ++r) {
      all.emplace_back(size_key(scan.measure, rates[r]), &scan.elasticity[r]);
    }
    all.emplace_back(size_limit_key(scan.measure), &scan.limit);
  }
  return all;
}

// The step's values and what was measured after it.
void Loop::record(std::int64_t step, const Measured& measured, Recorder& recorder) {
  const auto sizes = size_matrices(measured.scans);
  for (const engine::Result& result : measured.results) {
    unrecorded_.insert(unrecorded_.end(), result.scalars.begin(), result.scalars.end());
    if (data_.regression && engine::is_matrix(result.measure)) {
      unrecorded_.emplace_back(key(result), result.matrix.mean[0]);
    }
  }
  if (data_.regression) {
    for (const auto& [size, matrix] : sizes) unrecorded_.emplace_back(size, matrix->mean[0]);
  }
  if (!measured.results.empty()) {
    const Values known = references_->scalars(measured.results);
    unrecorded_.insert(unrecorded_.end(), known.begin(), known.end());
  }
  recorder.scalars(step, unrecorded_);
  for (const engine::Result& result : measured.results) {
    if (!engine::is_matrix(result.measure)) continue;
    if (!data_.regression) recorder.matrix(step, key(result), result.matrix);
    if (config_.probes.keep_pairs) recorder.pairs(step, key(result) + kPairsSuffix, result.pairs);
  }
  if (data_.regression) return;
  for (const auto& [size, matrix] : sizes) recorder.matrix(step, size, *matrix);
  if (!measured.results.empty()) references_->record_exact(step, recorder);
}

}  // namespace hooke::training
