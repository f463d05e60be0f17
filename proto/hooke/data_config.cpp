#include "proto/hooke/data_config.h"

#include <set>
#include <vector>

#include "proto/hooke/config_checks.h"
#include "proto/hooke/text.h"

namespace hooke {
namespace {

// Largest values that make sense.
constexpr int kMaxClasses = 1000;
constexpr std::size_t kMaxClassNameBytes = 128;
constexpr int kMaxPoints = 1'000'000;  // of generated data
constexpr int kMaxDimension = 100'000;

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
  for (int i = 0; i < data.class_names_size(); ++i) {
    const std::string& name = data.class_names(i);
    if (name.empty() || name.size() > kMaxClassNameBytes || !is_printable(name) ||
        name.find_first_of(",[]@") != std::string::npos)
      throw invalid("data.class_names." + std::to_string(i),
                    "'" + name.substr(0, kMaxClassNameBytes) + "' is not allowed; up to " +
                        std::to_string(kMaxClassNameBytes) +
                        " bytes of text without , [ ] @ and control characters");
  }
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

}  // namespace

void complete_data(v1::DataConfig& data) {
  if (!data.has_set()) throw invalid("data.set", "is required, as in set: fashion_mnist");
  check_available("data.set", data.set(),
                  {v1::DATA_SET_FASHION_MNIST, v1::DATA_SET_MNIST, v1::DATA_SET_IDX, v1::DATA_SET_CIFAR10,
                   v1::DATA_SET_CIFAR100, v1::DATA_SET_SVHN, v1::DATA_SET_GAUSSIANS,
                   v1::DATA_SET_TEACHER_STUDENT, v1::DATA_SET_MANIFOLD, v1::DATA_SET_ARRAY});
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
  check_available("data.augment", data.augment(),
                  {v1::AUGMENT_NONE, v1::AUGMENT_ONCE, v1::AUGMENT_EVERY_EPOCH});
  complete_normalisation(data, set);
}

}  // namespace hooke
