#include "proto/hooke/run_config.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <set>

#include "proto/hooke/error.h"

namespace hooke {
namespace {

using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// Largest values that make sense; each keeps a typing error from becoming hours of work.
constexpr int kMaxNameBytes = 100;
constexpr int kMaxClasses = 1000;
constexpr int kMaxProbesPerClass = 1000;
constexpr int kMaxUpdates = 20;
constexpr int kMaxLayers = 100;
constexpr int kMaxWidth = 1 << 20;
constexpr int kMaxDegree = 100;
constexpr int kMaxEpochs = 1'000'000;
constexpr int kMaxPoints = 1'000'000;  // of generated data
constexpr int kMaxDimension = 100'000;

std::string upper_prefix(const EnumDescriptor& type) {
  std::string prefix;
  for (const char c : type.name()) {
    if (std::isupper(static_cast<unsigned char>(c)) && !prefix.empty()) prefix += '_';
    prefix += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return prefix + '_';
}

template <class Enum>
std::string name_of(Enum value) {
  return short_name(*google::protobuf::GetEnumDescriptor<Enum>()->FindValueByNumber(value));
}

std::string text(double value) {
  return nlohmann::json(value).dump();
}

// Checks "value is at least low (and at most high)" for one field.
template <class T>
void check_range(const char* field, T value, T low, T high) {
  if (value >= low && value <= high) return;
  throw invalid(field,
                (std::is_floating_point_v<T> ? text(static_cast<double>(value)) : std::to_string(value)) +
                    " is not allowed; from " +
                    (std::is_floating_point_v<T> ? text(static_cast<double>(low)) : std::to_string(low)) +
                    " to " +
                    (std::is_floating_point_v<T> ? text(static_cast<double>(high)) : std::to_string(high)));
}

void check_rate(const std::string& field, double value) {
  if (!(value >= 0) || std::isinf(value))
    throw invalid(field, text(value) + " is not allowed; a finite number, 0 or larger");
}

// Refuses a value that the contract has but this version cannot run.
template <class Enum>
void check_available(const std::string& field, Enum value, std::initializer_list<Enum> available) {
  if (std::find(available.begin(), available.end(), value) != available.end()) return;
  std::string names;
  for (const Enum one : available) names += (names.empty() ? "" : ", ") + name_of(one);
  throw Error(Code::kUnimplemented,
              "'" + name_of(value) + "' is not available in this version; available: " + names, field);
}

template <class T>
void refuse_unless(const char* field, T value, T only) {
  if (value != only)
    throw Error(Code::kUnimplemented, "is not available in this version; leave it out", field);
}

bool is_name(const std::string& name) {
  return !name.empty() && name.size() <= kMaxNameBytes && name[0] != '.' && name[0] != '-' &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_' || c == '.'; });
}

struct SetFacts {
  const char* path;                     // default folder below a data root
  int labels;                           // number of labels, 0 when the files say
  std::vector<double> mean, deviation;  // one for each channel, or one for all
};

// Channels of the images behind these are the size of `mean`.
SetFacts facts(const v1::DataConfig& data) {
  const std::vector<double> mean = {0.4914, 0.4822, 0.4465}, deviation = {0.2023, 0.1994, 0.2010};
  switch (data.set()) {
    case v1::DATA_SET_FASHION_MNIST:
      return {"fashion-mnist", 10, {0.2860}, {0.3530}};
    case v1::DATA_SET_MNIST:
      return {"mnist", 10, {0.1307}, {0.3081}};
    case v1::DATA_SET_CIFAR10:
      return {"cifar-10-batches-bin", 10, mean, deviation};
    case v1::DATA_SET_CIFAR100:
      return {"cifar-100-binary", 100, mean, deviation};
    case v1::DATA_SET_SVHN:
      return {"svhn", 10, {0.4377, 0.4438, 0.4728}, {0.1980, 0.2010, 0.1970}};
    case v1::DATA_SET_GAUSSIANS:
      return {nullptr, data.gaussian_means_size(), {0}, {1}};
    case v1::DATA_SET_MANIFOLD:
      return {nullptr, 2, {0}, {1}};
    default:
      return {nullptr, 0, {0}, {1}};
  }
}

bool is_generated(v1::DataSet set) {
  return set == v1::DATA_SET_GAUSSIANS || set == v1::DATA_SET_TEACHER_STUDENT || set == v1::DATA_SET_MANIFOLD;
}

void complete_classes(v1::DataConfig& data, const SetFacts& set) {
  if (data.classes().empty())
    for (int label = 0; label < set.labels; ++label) data.add_classes(label);
  check_range("data.classes", data.classes_size(), 0, kMaxClasses);
  std::set<int> seen;
  for (int i = 0; i < data.classes_size(); ++i) {
    const int label = data.classes(i);
    const std::string field = "data.classes." + std::to_string(i);
    if (!seen.insert(label).second) throw invalid(field, "label " + std::to_string(label) + " stands twice");
    if (label < 0 || (set.labels > 0 && label >= set.labels))
      throw invalid(field, "the data set has no label " + std::to_string(label) + "; it has 0 to " +
                               (set.labels > 0 ? std::to_string(set.labels - 1) : std::string("255")));
  }
  if (!data.class_names().empty() && data.class_names_size() != data.classes_size())
    throw invalid("data.class_names", std::to_string(data.class_names_size()) + " names for " +
                                          std::to_string(data.classes_size()) + " classes; one for each");
  for (int i = 0; i < data.class_names_size(); ++i)
    if (data.class_names(i).empty() || data.class_names(i).find_first_of(",[]@\n") != std::string::npos)
      throw invalid("data.class_names." + std::to_string(i),
                    "'" + data.class_names(i) + "' is not allowed; some text without , [ ] @");
}

// Refuses a field that is given but means nothing to this set.
void check_belongs(const v1::DataConfig& data, const char* field, bool given,
                   std::initializer_list<v1::DataSet> sets) {
  if (!given || std::find(sets.begin(), sets.end(), data.set()) != sets.end()) return;
  std::string names;
  for (const v1::DataSet set : sets) names += (names.empty() ? "" : ", ") + name_of(set);
  throw invalid(field, "belongs to " + names + ", not to set '" + name_of(data.set()) + "'; leave it out");
}

void check_fields_of_set(const v1::DataConfig& data) {
  constexpr auto kGaussians = v1::DATA_SET_GAUSSIANS, kTeacher = v1::DATA_SET_TEACHER_STUDENT,
                 kManifold = v1::DATA_SET_MANIFOLD;
  check_belongs(data, "data.dimension", data.has_dimension(), {kGaussians, kTeacher});
  check_belongs(data, "data.points", data.has_points(), {kGaussians, kTeacher, kManifold});
  check_belongs(data, "data.gaussian_means", data.gaussian_means_size() > 0, {kGaussians});
  check_belongs(data, "data.gaussian_deviations", data.gaussian_deviations_size() > 0, {kGaussians});
  check_belongs(data, "data.teacher_units", data.has_teacher_units(), {kTeacher});
  check_belongs(data, "data.noise", data.has_noise(), {kTeacher});
  check_belongs(data, "data.manifold", data.has_manifold(), {kManifold});
  const std::string set = name_of(data.set());
  if (is_generated(data.set()) && data.has_path())
    throw invalid("data.path", "set '" + set + "' is generated; leave it out");
  if (is_generated(data.set()) && data.has_augment() && data.augment() != v1::AUGMENT_NONE)
    throw invalid("data.augment", "only images are cropped and flipped; leave it out for set '" + set + "'");
  if (data.set() == kTeacher && (data.classes_size() > 0 || data.class_names_size() > 0))
    throw invalid("data.classes", "set '" + set + "' is a regression and has no classes; leave it out");
}

void complete_gaussians(v1::DataConfig& data) {
  if (data.gaussian_means().empty())
    for (const double mean : {9.0, 1.0}) data.add_gaussian_means(mean);
  if (data.gaussian_deviations().empty() && data.gaussian_means_size() == 2)
    for (const double deviation : {1.0, 2.0}) data.add_gaussian_deviations(deviation);
  check_range("data.gaussian_means", data.gaussian_means_size(), 2, kMaxClasses);
  for (const double mean : data.gaussian_means())
    if (!std::isfinite(mean))
      throw invalid("data.gaussian_means", text(mean) + " is not allowed; a finite number");
  if (data.gaussian_deviations_size() != data.gaussian_means_size())
    throw invalid("data.gaussian_deviations",
                  std::to_string(data.gaussian_deviations_size()) + " values for " +
                      std::to_string(data.gaussian_means_size()) + " classes; one for each");
  for (const double deviation : data.gaussian_deviations())
    if (!std::isfinite(deviation) || deviation <= 0)
      throw invalid("data.gaussian_deviations",
                    text(deviation) + " is not allowed; a finite number larger than 0");
}

void complete_generated(v1::DataConfig& data) {
  if (!data.has_points()) data.set_points(1000);
  check_range("data.points", data.points(), 1, kMaxPoints);
  if (data.set() == v1::DATA_SET_MANIFOLD) {
    if (!data.has_manifold()) throw invalid("data.manifold", "is required, as in manifold: two_circles");
    return;
  }
  if (!data.has_dimension()) data.set_dimension(100);
  check_range("data.dimension", data.dimension(), 1, kMaxDimension);
  if (data.set() == v1::DATA_SET_GAUSSIANS) return complete_gaussians(data);
  if (!data.has_teacher_units()) data.set_teacher_units(8);
  check_range("data.teacher_units", data.teacher_units(), 1, kMaxWidth);
  if (!data.has_noise()) data.set_noise(0);
  check_rate("data.noise", data.noise());
}

void complete_normalisation(v1::DataConfig& data, const SetFacts& set) {
  if (data.mean().empty())
    for (const double mean : set.mean) data.add_mean(mean);
  if (data.deviation().empty())
    for (const double deviation : set.deviation) data.add_deviation(deviation);
  for (const double mean : data.mean())
    if (!std::isfinite(mean)) throw invalid("data.mean", text(mean) + " is not allowed; a finite number");
  for (const double deviation : data.deviation())
    if (!std::isfinite(deviation) || deviation <= 0)
      throw invalid("data.deviation", text(deviation) + " is not allowed; a finite number larger than 0");
}

void complete_data(v1::DataConfig& data) {
  if (!data.has_set()) throw invalid("data.set", "is required, as in set: fashion_mnist");
  check_available("data.set", data.set(),
                  {v1::DATA_SET_FASHION_MNIST, v1::DATA_SET_MNIST, v1::DATA_SET_IDX, v1::DATA_SET_CIFAR10,
                   v1::DATA_SET_CIFAR100, v1::DATA_SET_SVHN, v1::DATA_SET_GAUSSIANS, v1::DATA_SET_MANIFOLD,
                   v1::DATA_SET_ARRAY});
  check_fields_of_set(data);
  if (is_generated(data.set())) complete_generated(data);
  const SetFacts set = facts(data);
  if (!data.has_path() && !is_generated(data.set())) {
    if (!set.path) throw invalid("data.path", "is required for set '" + name_of(data.set()) + "'");
    data.set_path(set.path);
  }
  if (data.has_path() && data.path().empty()) throw invalid("data.path", "is empty; a folder");
  complete_classes(data, set);
  if (data.has_train_per_class()) check_range("data.train_per_class", data.train_per_class(), 1, 1 << 30);
  if (data.has_test_per_class()) check_range("data.test_per_class", data.test_per_class(), 1, 1 << 30);
  if (!data.has_augment()) data.set_augment(v1::AUGMENT_NONE);
  check_available("data.augment", data.augment(), {v1::AUGMENT_NONE, v1::AUGMENT_ONCE});
  complete_normalisation(data, set);
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

void complete_training(v1::TrainingConfig& training) {
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
  if (!training.has_loss()) training.set_loss(v1::LOSS_CROSS_ENTROPY);
  check_available("training.loss", training.loss(), {v1::LOSS_CROSS_ENTROPY, v1::LOSS_SQUARED});
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
  refuse_unless("training.checkpoint_every", training.checkpoint_every(), 0);
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

void complete_probes(v1::ProbesConfig& probes, double training_lr) {
  if (!probes.has_per_class()) probes.set_per_class(20);
  check_range("probes.per_class", probes.per_class(), 1, kMaxProbesPerClass);
  if (!probes.has_every()) probes.set_every(10);
  check_range("probes.every", probes.every(), 0, 1 << 30);
  if (!probes.has_self_pairs()) probes.set_self_pairs(true);
  if (!probes.has_keep_pairs()) probes.set_keep_pairs(false);
  refuse_unless("probes.keep_pairs", probes.keep_pairs(), false);
  refuse_unless("probes.size_steps", probes.size_steps_size(), 0);
  complete_updates(probes, training_lr);
}

void complete_measures(v1::RunConfig& config) {
  if (config.measures().empty())
    for (const auto measure : {v1::MEASURE_KL, v1::MEASURE_L2, v1::MEASURE_L2_LOGIT, v1::MEASURE_LOSS})
      config.add_measures(measure);
  std::set<int> seen;
  for (int i = 0; i < config.measures_size(); ++i) {
    const std::string field = "measures." + std::to_string(i);
    check_available(
        field, config.measures(i),
        {v1::MEASURE_LOSS, v1::MEASURE_KL, v1::MEASURE_KL_REVERSE, v1::MEASURE_L2, v1::MEASURE_L2_LOGIT,
         v1::MEASURE_L1, v1::MEASURE_KL_PUBLISHED, v1::MEASURE_L2_PUBLISHED});
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

}  // namespace

std::string short_name(const google::protobuf::EnumValueDescriptor& value) {
  std::string name = value.name();
  const std::string prefix = upper_prefix(*value.type());
  if (name.rfind(prefix, 0) == 0) name.erase(0, prefix.size());
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
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
  complete_data(*config.mutable_data());
  complete_model(*config.mutable_model());
  complete_training(*config.mutable_training());
  complete_probes(*config.mutable_probes(), config.training().lr());
  complete_measures(config);
  if (!config.has_name())
    config.set_name(name_of(config.data().set()) + "-" + name_of(config.model().type()));
  if (!is_name(config.name()))
    throw invalid("name", "'" + config.name() + "' is not allowed; up to " + std::to_string(kMaxNameBytes) +
                              " letters, digits, '-', '_' and '.', not beginning with '-' or '.'");
  return config;
}

}  // namespace hooke
