#include "worker/training/config.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "worker/training/json_section.h"

namespace hooke::training {
namespace {

using engine::Loss;
using engine::Measure;

// A value with its name in configurations.
template <typename T>
struct Named {
  const char* name;
  T value;
};

template <typename T, std::size_t n>
T read_name(Section& section, const char* key, T otherwise, const Named<T> (&names)[n]) {
  const std::string text = section.string(key, "");
  if (text.empty()) return otherwise;
  std::string available;
  for (const Named<T>& entry : names) {
    if (text == entry.name) return entry.value;
    available += std::string(available.empty() ? "" : ", ") + entry.name;
  }
  throw invalid(section.path(key), "'" + text + "' is not known; there are " + available);
}

constexpr Named<Optimizer> kTrainingOptimizers[] = {
    {"sgd", Optimizer::kSgd}, {"adam", Optimizer::kAdam}, {"adamw", Optimizer::kAdamW}};
constexpr Named<Optimizer> kUpdateOptimizers[] = {
    {"sgd", Optimizer::kSgd}, {"adam", Optimizer::kAdam}, {"training", Optimizer::kTraining}};
constexpr Named<Loss> kLosses[] = {
    {"cross_entropy", Loss::kCrossEntropy}, {"squared", Loss::kSquared}, {"binary", Loss::kBinary}};
constexpr Named<Schedule> kSchedules[] = {
    {"constant", Schedule::kConstant}, {"step", Schedule::kStep}, {"cosine", Schedule::kCosine}};
constexpr Named<models::Stem> kStems[] = {{"imagenet", models::Stem::kImagenet},
                                          {"cifar", models::Stem::kCifar}};
constexpr Named<models::Norm> kNorms[] = {{"none", models::Norm::kNone}, {"batch", models::Norm::kBatch}};
constexpr Named<models::Activation> kActivations[] = {{"relu", models::Activation::kRelu},
                                                      {"identity", models::Activation::kIdentity}};
constexpr Named<bool> kDtypes[] = {{"float32", false}, {"float64", true}};
constexpr Named<data::Augment> kAugments[] = {{"none", data::Augment::kNone},
                                              {"once", data::Augment::kOnce},
                                              {"every_epoch", data::Augment::kEveryEpoch}};

void refuse_unless(bool allowed, const std::string& field, const std::string& what) {
  if (!allowed) throw invalid(field, what);
}

data::Config read_data(Section section) {
  data::Config config;
  config.set = section.string("set", "");
  refuse_unless(!config.set.empty(), "data.set", "required");
  config.path = section.string("path", "");
  config.classes = section.integers("classes");
  config.train_per_class = section.integer("train_per_class", -1, 1);
  config.test_per_class = section.integer("test_per_class", -1, 1);
  config.class_names = section.strings("class_names");
  config.mean = section.numbers("mean");
  config.deviation = section.numbers("deviation");
  config.dimension = static_cast<int>(section.integer("dimension", config.dimension, 1));
  config.points = static_cast<int>(section.integer("points", config.points, 1));
  if (const auto means = section.numbers("gaussian_means"); !means.empty()) config.gaussian_means = means;
  if (const auto spread = section.numbers("gaussian_deviations"); !spread.empty()) {
    config.gaussian_deviations = spread;
  }
  config.augment = read_name(section, "augment", config.augment, kAugments);
  config.teacher_units = static_cast<int>(section.integer("teacher_units", config.teacher_units, 1));
  config.noise = section.number("noise", config.noise, 0);
  config.manifold = section.string("manifold", "");
  section.refuse_unknown();
  return config;
}

models::Config read_model(Section section) {
  models::Config config;
  config.type = section.string("type", "");
  refuse_unless(!config.type.empty(), "model.type", "required");
  if (const auto hidden = section.integers("hidden"); !hidden.empty()) config.hidden = hidden;
  if (const auto channels = section.integers("channels"); !channels.empty()) config.channels = channels;
  config.bias = section.boolean("bias", true);
  config.stem = read_name(section, "stem", config.stem, kStems);
  config.norm = read_name(section, "norm", config.norm, kNorms);
  config.path = section.string("path", "");
  if (section.has("features")) config.features = static_cast<int>(section.integer("features", 1, 1));
  config.degree = static_cast<int>(section.integer("degree", config.degree, 1));
  config.activation = read_name(section, "activation", config.activation, kActivations);
  section.refuse_unknown();
  return config;
}

void check_training(const TrainingConfig& config) {
  refuse_unless(config.momentum >= 0 && config.momentum < 1, "training.momentum", "must be in [0, 1)");
  refuse_unless(config.momentum == 0 || config.optimizer == Optimizer::kSgd, "training.momentum",
                "is for optimizer sgd only");
  refuse_unless(!config.nesterov || config.momentum > 0, "training.nesterov", "needs a momentum above 0");
  refuse_unless(config.gamma > 0 && config.gamma <= 1, "training.gamma", "must be in (0, 1]");
  refuse_unless(std::is_sorted(config.milestones.begin(), config.milestones.end()), "training.milestones",
                "must increase");
}

TrainingConfig read_training(Section section, Loss default_loss) {
  TrainingConfig config;
  config.loss = default_loss;
  config.optimizer = read_name(section, "optimizer", config.optimizer, kTrainingOptimizers);
  config.lr = section.number("lr", config.lr, 0);
  config.momentum = section.number("momentum", 0, 0);
  config.nesterov = section.boolean("nesterov", false);
  config.weight_decay = section.number("weight_decay", 0, 0);
  config.loss = read_name(section, "loss", config.loss, kLosses);
  config.batch = section.integer("batch", config.batch, 0);
  config.epochs = section.integer("epochs", config.epochs, 0);
  config.seed = section.integer("seed", 0, std::numeric_limits<std::int64_t>::min());
  config.evaluate_every = section.integer("evaluate_every", 0, 0);
  config.schedule = read_name(section, "schedule", config.schedule, kSchedules);
  config.milestones = section.integers("milestones");
  config.gamma = section.number("gamma", config.gamma, 0);
  config.warmup = section.integer("warmup", 0, 0);
  config.clip = section.number("clip", 0, 0);
  config.float64 = read_name(section, "dtype", false, kDtypes);
  config.checkpoint_every = section.integer("checkpoint_every", 0, 0);
  config.data_parallel = section.boolean("data_parallel", false);
  section.refuse_unknown();
  check_training(config);
  return config;
}

// A part of a minibatch has other statistics than the whole; a TorchScript program may look at them, too.
void check_data_parallel(const Config& config) {
  if (!config.training.data_parallel) return;
  refuse_unless(config.model.norm == models::Norm::kNone, "training.data_parallel",
                "true is not allowed with model.norm 'batch'; with 'none', or false");
  refuse_unless(config.model.type != "torchscript", "training.data_parallel",
                "true is not allowed with model.type 'torchscript'; with the other types, or false");
}

UpdateConfig read_update(Section section) {
  UpdateConfig config;
  config.name = section.string("name", "");
  config.optimizer = read_name(section, "optimizer", config.optimizer, kUpdateOptimizers);
  if (section.has("lr")) config.lr = section.number("lr", 0, 0);
  config.weight_decay = section.number("weight_decay", 0, 0);
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  refuse_unless(std::all_of(config.name.begin(), config.name.end(), allowed), section.path("name"),
                "may have letters, digits, '-', '_' and '.' only");
  section.refuse_unknown();
  return config;
}

std::vector<UpdateConfig> read_updates(Section& probes) {
  std::vector<UpdateConfig> updates;
  std::set<std::string> names;
  for (Section& section : probes.sections("updates")) {
    const std::string field = section.path("name");
    updates.push_back(read_update(std::move(section)));
    refuse_unless(updates.size() == 1 || !updates.back().name.empty(), field,
                  "required: only the first update needs no name");
    refuse_unless(names.insert(updates.back().name).second, field,
                  "'" + updates.back().name + "' is the name of two updates");
  }
  if (updates.empty()) updates.emplace_back();
  return updates;
}

ProbesConfig read_probes(Section section) {
  ProbesConfig config;
  config.per_class = section.integer("per_class", config.per_class, 1);
  config.every = section.integer("every", config.every, 0);
  config.self_pairs = section.boolean("self_pairs", true);
  config.keep_pairs = section.boolean("keep_pairs", false);
  config.updates = read_updates(section);
  config.size_steps = section.integers("size_steps");
  for (const int step : config.size_steps) {
    refuse_unless(step >= 0, "probes.size_steps", std::to_string(step) + " is below 0");
  }
  section.refuse_unknown();
  return config;
}

std::vector<Measure> read_measures(Section& root) {
  std::vector<Measure> measures;
  std::string available;
  for (const Measure measure : engine::kAllMeasures) {
    available += (available.empty() ? "" : ", ") + std::string(engine::name(measure));
  }
  for (const std::string& text : root.strings("measures")) {
    const auto found = std::find_if(std::begin(engine::kAllMeasures), std::end(engine::kAllMeasures),
                                    [&](Measure measure) { return engine::name(measure) == text; });
    if (found == std::end(engine::kAllMeasures)) {
      throw Error(Code::kUnimplemented, "'" + text + "' is not available; there are " + available,
                  "measures");
    }
    refuse_unless(std::find(measures.begin(), measures.end(), *found) == measures.end(), "measures",
                  "'" + text + "' is named twice");
    measures.push_back(*found);
  }
  return measures;
}

}  // namespace

Config parse_config(std::string_view json) {
  Section root = Section::parse(json);
  Config config;
  config.name = root.string("name", "");
  config.data = read_data(root.section("data"));
  config.model = read_model(root.section("model"));
  // Whether the user's own arrays are a regression is known only when they have been read.
  const bool regression = config.data.set == "teacher_student";
  config.training =
      read_training(root.section("training"), regression ? Loss::kSquared : Loss::kCrossEntropy);
  check_data_parallel(config);
  config.probes = read_probes(root.section("probes"));
  if (regression) config.measures = {Measure::kL2, Measure::kLoss};
  if (auto measures = read_measures(root); !measures.empty()) config.measures = std::move(measures);
  root.refuse_unknown();
  return config;
}

}  // namespace hooke::training
