#include "proto/hooke/run_config.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <set>
#include <vector>

#include "proto/hooke/config_checks.h"
#include "proto/hooke/data_config.h"
#include "proto/hooke/error.h"
#include "proto/hooke/pairs.h"

namespace hooke {
namespace {

using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// Largest values that make sense; each keeps a typing error from becoming hours of work.
constexpr int kMaxNameBytes = 100;
// A submit stores up to a thousand copies.
constexpr std::size_t kMaxConfigBytes = 64 << 10;
constexpr int kMaxProbesPerClass = 1000;
constexpr int kMaxUpdates = 20;
constexpr int kMaxLayers = 100;
constexpr int kMaxDegree = 100;
constexpr int kMaxEpochs = 1'000'000;
constexpr int kMaxSizeSteps = 1000;

// Measures that look at probabilities of classes.
const std::set<int> kOfProbabilities = {v1::MEASURE_KL,           v1::MEASURE_KL_REVERSE,
                                        v1::MEASURE_L1,           v1::MEASURE_KL_PUBLISHED,
                                        v1::MEASURE_L2_PUBLISHED, v1::MEASURE_COLLAPSE};

// Measures whose S tends to something of the net's own as the rate goes to 0.
const std::set<int> kWithLimit = {v1::MEASURE_LOSS, v1::MEASURE_KL,       v1::MEASURE_KL_REVERSE,
                                  v1::MEASURE_L2,   v1::MEASURE_L2_LOGIT, v1::MEASURE_L1};

std::string upper_prefix(const EnumDescriptor& type) {
  std::string prefix;
  for (const char c : type.name()) {
    if (std::isupper(static_cast<unsigned char>(c)) && !prefix.empty()) prefix += '_';
    prefix += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return prefix + '_';
}

bool is_name(const std::string& name) {
  return !name.empty() && name.size() <= kMaxNameBytes && name[0] != '.' && name[0] != '-' &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_' || c == '.'; });
}

void complete_widths(v1::ModelConfig& model) {
  const bool pooled = model.type() == v1::MODEL_TYPE_CNN || model.type() == v1::MODEL_TYPE_VGG;
  if (model.type() == v1::MODEL_TYPE_MLP && model.hidden().empty()) model.add_hidden(128);
  if (pooled && model.channels().empty()) {
    model.add_channels(16);
    model.add_channels(32);
  }
  check_range("model.hidden", model.hidden_size(), 0, kMaxLayers);
  check_range("model.channels", model.channels_size(), 0, kMaxLayers);
  for (const int width : model.hidden()) check_range("model.hidden", width, 1, kMaxWidth);
  for (const int width : model.channels()) check_range("model.channels", width, 1, kMaxWidth);
}

void complete_model(v1::ModelConfig& model) {
  if (!model.has_type()) throw invalid("model.type", "is required, as in type: cnn");
  check_available("model.type", model.type(),
                  {v1::MODEL_TYPE_LINEAR, v1::MODEL_TYPE_MLP, v1::MODEL_TYPE_CNN, v1::MODEL_TYPE_RESNET18,
                   v1::MODEL_TYPE_RESNET34, v1::MODEL_TYPE_VGG, v1::MODEL_TYPE_RELU_GATE,
                   v1::MODEL_TYPE_HOMOGENEOUS, v1::MODEL_TYPE_RIDGE, v1::MODEL_TYPE_TORCHSCRIPT});
  if (!model.has_bias()) model.set_bias(true);
  complete_widths(model);
  const bool resnet = model.type() == v1::MODEL_TYPE_RESNET18 || model.type() == v1::MODEL_TYPE_RESNET34;
  if (resnet && !model.has_stem()) model.set_stem(v1::STEM_IMAGENET);
  if ((resnet || model.type() == v1::MODEL_TYPE_VGG) && !model.has_norm()) model.set_norm(v1::NORM_NONE);
  if (model.type() == v1::MODEL_TYPE_MLP && !model.has_activation())
    model.set_activation(v1::ACTIVATION_RELU);
  if (model.type() != v1::MODEL_TYPE_MLP && model.activation() == v1::ACTIVATION_IDENTITY)
    throw invalid("model.activation", "'identity' is for type mlp only");
  if (model.type() == v1::MODEL_TYPE_RIDGE && !model.has_features()) model.set_features(10);
  if (model.type() == v1::MODEL_TYPE_HOMOGENEOUS && !model.has_degree()) model.set_degree(2);
  if (model.has_features()) check_range("model.features", model.features(), 1, kMaxWidth);
  if (model.has_degree()) check_range("model.degree", model.degree(), 1, kMaxDegree);
  if (model.type() == v1::MODEL_TYPE_TORCHSCRIPT && model.path().empty())
    throw invalid("model.path", "is required for type 'torchscript'; a TorchScript file");
}

void complete_schedule(v1::TrainingConfig& training) {
  if (!training.has_schedule()) training.set_schedule(v1::SCHEDULE_CONSTANT);
  if (training.schedule() == v1::SCHEDULE_STEP) {
    if (training.milestones().empty())
      throw invalid("training.milestones", "is required for schedule 'step'");
    if (!training.has_gamma()) training.set_gamma(0.1);
    if (!(training.gamma() > 0 && training.gamma() <= 1))
      throw invalid("training.gamma", text(training.gamma()) + " is not allowed; larger than 0, at most 1");
  }
  int last = 0;
  for (const int milestone : training.milestones()) {
    if (milestone <= last) throw invalid("training.milestones", "must be increasing epochs from 1");
    last = milestone;
  }
  if (!training.has_warmup()) training.set_warmup(0);
  check_range("training.warmup", training.warmup(), 0, 1 << 30);
  if (!training.has_clip()) training.set_clip(0);
  check_rate("training.clip", training.clip());
}

// Sets that are known to be regressions before the data are read; the trainer refuses the same things
// for arrays with targets.
bool is_regression(const v1::DataConfig& data) {
  return data.set() == v1::DATA_SET_TEACHER_STUDENT;
}

void complete_loss(v1::TrainingConfig& training, const v1::DataConfig& data) {
  const bool regression = is_regression(data);
  if (!training.has_loss()) training.set_loss(regression ? v1::LOSS_SQUARED : v1::LOSS_CROSS_ENTROPY);
  check_available("training.loss", training.loss(),
                  {v1::LOSS_CROSS_ENTROPY, v1::LOSS_SQUARED, v1::LOSS_BINARY});
  if (regression && training.loss() != v1::LOSS_SQUARED)
    throw invalid("training.loss",
                  "'" + name_of(training.loss()) + "' needs classes, and the set is a regression; squared");
  // Without classes here, the files say how many there are, and the trainer refuses.
  if (training.loss() == v1::LOSS_BINARY && data.classes_size() != 0 && data.classes_size() != 2)
    throw invalid("training.loss",
                  "'binary' needs two classes, and data.classes has " + std::to_string(data.classes_size()));
}

void complete_training(v1::TrainingConfig& training, const v1::DataConfig& data) {
  if (!training.has_optimizer()) training.set_optimizer(v1::OPTIMIZER_ADAM);
  check_available("training.optimizer", training.optimizer(),
                  {v1::OPTIMIZER_SGD, v1::OPTIMIZER_ADAM, v1::OPTIMIZER_ADAMW});
  const bool sgd = training.optimizer() == v1::OPTIMIZER_SGD;
  if (!training.has_lr()) training.set_lr(1e-3);
  check_rate("training.lr", training.lr());
  if (!training.has_momentum()) training.set_momentum(0);
  if (!(training.momentum() >= 0 && training.momentum() < 1))
    throw invalid("training.momentum",
                  text(training.momentum()) + " is not allowed; at least 0, less than 1");
  if (training.momentum() > 0 && !sgd) throw invalid("training.momentum", "belongs to optimizer 'sgd'");
  if (!training.has_nesterov()) training.set_nesterov(false);
  if (training.nesterov() && !(training.momentum() > 0))
    throw invalid("training.nesterov", "needs a momentum larger than 0");
  if (!training.has_weight_decay()) training.set_weight_decay(0);
  check_rate("training.weight_decay", training.weight_decay());
  complete_loss(training, data);
  if (!training.has_batch()) training.set_batch(64);
  check_range("training.batch", training.batch(), 0, 1 << 30);
  if (!training.has_epochs()) training.set_epochs(1);
  check_range("training.epochs", training.epochs(), 1, kMaxEpochs);
  if (!training.has_seed()) training.set_seed(0);
  if (training.seed() < 0)
    throw invalid("training.seed", std::to_string(training.seed()) + " is not allowed; 0 or larger");
  if (!training.has_evaluate_every()) training.set_evaluate_every(0);
  check_range("training.evaluate_every", training.evaluate_every(), 0, 1 << 30);
  complete_schedule(training);
  if (!training.has_dtype()) training.set_dtype(v1::DTYPE_FLOAT32);
  if (!training.has_checkpoint_every()) training.set_checkpoint_every(0);
  check_range("training.checkpoint_every", training.checkpoint_every(), 0, 1 << 30);
}

// A part of a minibatch has other statistics than the whole, and what a TorchScript program does when it is
// trained (dropout, normalisation) is not known.
void complete_data_parallel(v1::TrainingConfig& training, const v1::ModelConfig& model) {
  if (!training.has_data_parallel()) training.set_data_parallel(false);
  if (!training.data_parallel()) return;
  const char* field = "training.data_parallel";
  if (model.norm() == v1::NORM_BATCH)
    throw invalid(field, "true is not allowed with model.norm 'batch'; with 'none', or false");
  if (model.type() == v1::MODEL_TYPE_TORCHSCRIPT)
    throw invalid(field, "true is not allowed with model.type 'torchscript'; with the other types, or false");
}

void complete_updates(v1::ProbesConfig& probes, double training_lr) {
  if (probes.updates().empty()) probes.add_updates();
  check_range("probes.updates", probes.updates_size(), 1, kMaxUpdates);
  std::set<std::string> names;
  for (int i = 0; i < probes.updates_size(); ++i) {
    v1::UpdateConfig& update = *probes.mutable_updates(i);
    const std::string field = "probes.updates." + std::to_string(i);
    if (i > 0 && !update.has_name())
      throw invalid(field + ".name", "is required for all updates but the first");
    if (update.has_name() && !is_name(update.name()))
      throw invalid(field + ".name",
                    "'" + update.name() + "' is not allowed; letters, digits, '-', '_', '.'");
    if (!names.insert(update.name()).second)
      throw invalid(field + ".name", "'" + update.name() + "' stands twice");
    if (!update.has_optimizer()) update.set_optimizer(v1::OPTIMIZER_ADAM);
    check_available(field + ".optimizer", update.optimizer(),
                    {v1::OPTIMIZER_ADAM, v1::OPTIMIZER_SGD, v1::OPTIMIZER_TRAINING});
    if (!update.has_lr()) update.set_lr(training_lr);
    check_rate(field + ".lr", update.lr());
    if (!update.has_weight_decay()) update.set_weight_decay(0);
    check_rate(field + ".weight_decay", update.weight_decay());
  }
}

// That the training is long enough is known to the trainer.
void check_size_steps(const v1::RunConfig& config) {
  const auto& steps = config.probes().size_steps();
  if (steps.empty()) return;
  const std::string field = "probes.size_steps";
  check_range("probes.size_steps", steps.size(), 0, kMaxSizeSteps);
  std::set<std::int64_t> seen;
  for (const std::int64_t step : steps) {
    check_range<std::int64_t>("probes.size_steps", step, 0, 1 << 30);
    if (!seen.insert(step).second) throw invalid(field, std::to_string(step) + " stands twice");
  }
  if (!(config.training().lr() > 0)) throw invalid(field, "needs a training.lr above 0, its largest rate");
  if (std::none_of(config.measures().begin(), config.measures().end(),
                   [](int measure) { return kWithLimit.count(measure) > 0; }))
    throw invalid(field, "needs one of loss, kl, kl_reverse, l2, l2_logit, l1 in measures");
}

// Sets whose classes only the files name are checked by the trainer.
void check_pairs(const v1::ProbesConfig& probes, const v1::DataConfig& data) {
  const int classes = is_regression(data) ? 1 : data.classes_size();
  const int most = static_cast<int>(kMaxPairProbes);
  if (!probes.keep_pairs() || classes == 0 || classes * probes.per_class() <= most) return;
  throw invalid("probes.keep_pairs", "the pairs of " + std::to_string(classes * probes.per_class()) +
                                         " probes (classes times probes.per_class) are too many: with " +
                                         std::to_string(classes) + " classes, per_class may be up to " +
                                         std::to_string(most / classes));
}

void complete_probes(v1::ProbesConfig& probes, double training_lr) {
  if (!probes.has_per_class()) probes.set_per_class(20);
  check_range("probes.per_class", probes.per_class(), 1, kMaxProbesPerClass);
  if (!probes.has_every()) probes.set_every(10);
  check_range("probes.every", probes.every(), 0, 1 << 30);
  if (!probes.has_self_pairs()) probes.set_self_pairs(true);
  if (!probes.has_keep_pairs()) probes.set_keep_pairs(false);
  complete_updates(probes, training_lr);
}

// He and Su's kernel divides by what one plain SGD step moves the only output's error.
void check_kernel(const v1::RunConfig& config, const std::string& field, bool regression) {
  if (!regression && config.training().loss() != v1::LOSS_BINARY)
    throw invalid(field,
                  "'kernel' is for nets with one output: a regression, or two classes with "
                  "training.loss 'binary'");
  for (const v1::UpdateConfig& update : config.probes().updates())
    if (update.optimizer() != v1::OPTIMIZER_SGD || update.weight_decay() != 0)
      throw invalid(field, "'kernel' needs probes.updates of optimizer 'sgd' without weight_decay");
}

void complete_measures(v1::RunConfig& config, bool regression) {
  using Measures = std::vector<v1::Measure>;
  const Measures of_classes = {v1::MEASURE_KL, v1::MEASURE_L2, v1::MEASURE_L2_LOGIT, v1::MEASURE_LOSS};
  const Measures of_values = {v1::MEASURE_L2, v1::MEASURE_LOSS};
  if (config.measures().empty())
    for (const auto measure : regression ? of_values : of_classes) config.add_measures(measure);
  const bool binary = config.training().loss() == v1::LOSS_BINARY;
  std::set<int> seen;
  for (int i = 0; i < config.measures_size(); ++i) {
    const std::string field = "measures." + std::to_string(i);
    check_available(
        field, config.measures(i),
        {v1::MEASURE_LOSS, v1::MEASURE_KL, v1::MEASURE_KL_REVERSE, v1::MEASURE_L2, v1::MEASURE_L2_LOGIT,
         v1::MEASURE_L1, v1::MEASURE_KL_PUBLISHED, v1::MEASURE_L2_PUBLISHED, v1::MEASURE_KERNEL,
         v1::MEASURE_TRACIN, v1::MEASURE_STIFFNESS, v1::MEASURE_STIFFNESS_SIGN, v1::MEASURE_COHERENCE,
         v1::MEASURE_CONFUSION, v1::MEASURE_NOISE_SCALE, v1::MEASURE_GRAM_LAMBDA_MAX, v1::MEASURE_NTK,
         v1::MEASURE_LINEARITY_GAP, v1::MEASURE_COLLAPSE});
    if (config.measures(i) == v1::MEASURE_KERNEL) check_kernel(config, field, regression);
    if (binary && config.measures(i) == v1::MEASURE_COLLAPSE)
      throw invalid(field, "'collapse' needs one output for each class, and loss 'binary' has one output");
    if (regression && kOfProbabilities.count(config.measures(i)) > 0)
      throw invalid(field, "'" + name_of(config.measures(i)) +
                               "' needs classes, and the set is a regression; l2, l2_logit, loss");
    if (!seen.insert(config.measures(i)).second)
      throw invalid(field, "'" + name_of(config.measures(i)) + "' stands twice");
  }
}

nlohmann::ordered_json scalar_json(const Message& message, const FieldDescriptor& field, int index) {
  const Reflection& get = *message.GetReflection();
  const bool many = index >= 0;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return many ? get.GetRepeatedInt32(message, &field, index) : get.GetInt32(message, &field);
    case FieldDescriptor::CPPTYPE_INT64:
      return many ? get.GetRepeatedInt64(message, &field, index) : get.GetInt64(message, &field);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return many ? get.GetRepeatedDouble(message, &field, index) : get.GetDouble(message, &field);
    case FieldDescriptor::CPPTYPE_BOOL:
      return many ? get.GetRepeatedBool(message, &field, index) : get.GetBool(message, &field);
    case FieldDescriptor::CPPTYPE_STRING:
      return many ? get.GetRepeatedString(message, &field, index) : get.GetString(message, &field);
    case FieldDescriptor::CPPTYPE_ENUM:
      return short_name(*(many ? get.GetRepeatedEnum(message, &field, index) : get.GetEnum(message, &field)));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return to_json(many ? get.GetRepeatedMessage(message, &field, index) : get.GetMessage(message, &field));
    default:
      throw Error(Code::kInternal,
                  "field " + field.full_name() + " has a type that configurations do not use");
  }
}

// Refuses numbers that no value of their enumeration has, which proto3 keeps. `path` leads to `message`.
void check_enums(const Message& message, const std::string& path) {
  const Reflection& get = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  get.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const bool many = field->is_repeated();
    for (int i = 0; i < (many ? get.FieldSize(message, field) : 1); ++i) {
      const std::string name = path + field->name() + (many ? "." + std::to_string(i) : "");
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        check_enums(many ? get.GetRepeatedMessage(message, field, i) : get.GetMessage(message, field),
                    name + ".");
      } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
        const int number =
            many ? get.GetRepeatedEnumValue(message, field, i) : get.GetEnumValue(message, field);
        if (!field->enum_type()->FindValueByNumber(number))
          throw invalid(
              name, std::to_string(number) + " is not allowed; one of " + allowed_names(*field->enum_type()));
      }
    }
  }
}

}  // namespace

std::string short_name(const google::protobuf::EnumValueDescriptor& value) {
  std::string name = value.name();
  const std::string prefix = upper_prefix(*value.type());
  if (name.rfind(prefix, 0) == 0) name.erase(0, prefix.size());
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

std::string allowed_names(const EnumDescriptor& enumeration) {
  std::string names;
  for (int i = 0; i < enumeration.value_count(); ++i)
    if (const auto& value = *enumeration.value(i); value.number() != 0)
      names += (names.empty() ? "" : ", ") + short_name(value);
  return names;
}

nlohmann::ordered_json to_json(const Message& message) {
  auto json = nlohmann::ordered_json::object();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor& field = *message.GetDescriptor()->field(i);
    const Reflection& get = *message.GetReflection();
    if (field.is_repeated()) {
      const int size = get.FieldSize(message, &field);
      if (size == 0) continue;
      auto& list = json[field.name()] = nlohmann::ordered_json::array();
      for (int k = 0; k < size; ++k) list.push_back(scalar_json(message, field, k));
    } else if (get.HasField(message, &field)) {
      json[field.name()] = scalar_json(message, field, -1);
    }
  }
  return json;
}

std::string canonical_json(const v1::RunConfig& config) {
  return to_json(config).dump();
}

v1::RunConfig complete(v1::RunConfig config) {
  if (config.ByteSizeLong() > kMaxConfigBytes)
    throw invalid("config", "has " + std::to_string(config.ByteSizeLong()) + " bytes; at most " +
                                std::to_string(kMaxConfigBytes));
  check_enums(config, "");
  complete_data(*config.mutable_data());
  complete_model(*config.mutable_model());
  const bool regression = is_regression(config.data());
  complete_training(*config.mutable_training(), config.data());
  complete_data_parallel(*config.mutable_training(), config.model());
  complete_probes(*config.mutable_probes(), config.training().lr());
  check_pairs(config.probes(), config.data());
  complete_measures(config, regression);
  check_size_steps(config);
  if (!config.has_name())
    config.set_name(name_of(config.data().set()) + "-" + name_of(config.model().type()));
  check_name("name", config.name());
  return config;
}

void check_name(const std::string& field, const std::string& name) {
  if (is_name(name)) return;
  const bool is_short = name.size() <= kMaxNameBytes;
  throw invalid(field, (is_short ? "'" + name + "'" : "a name of " + std::to_string(name.size()) + " bytes") +
                           " is not allowed; up to " + std::to_string(kMaxNameBytes) +
                           " letters, digits, '-', '_' and '.', not beginning with '-' or '.'");
}

}  // namespace hooke
