#include "worker/data/synthetic.h"

#include <algorithm>
#include <cmath>

#include "proto/hooke/error.h"

namespace hooke::data {
namespace {

enum Purpose : std::uint32_t { kTrain = 1, kTest, kTeacher, kTrainNoise, kTestNoise };

RawSplit gaussian_points(const Config& config, std::int64_t per_class, std::mt19937_64 random) {
  RawSplit split;
  for (std::size_t c = 0; c < config.gaussian_means.size(); ++c) {
    std::normal_distribution<double> normal(config.gaussian_means[c], config.gaussian_deviations[c]);
    for (std::int64_t n = 0; n < per_class; ++n) {
      for (int k = 0; k < config.dimension; ++k) split.values.push_back(static_cast<float>(normal(random)));
      split.labels.push_back(static_cast<int>(c));
    }
  }
  return split;
}

struct Teacher {
  std::vector<double> hidden;  // [units][dimension]
  std::vector<double> output;  // [units]
};

Teacher draw_teacher(const Config& config, std::mt19937_64 random) {
  const auto units = static_cast<std::size_t>(config.teacher_units);
  std::normal_distribution<double> normal(0, 1 / std::sqrt(static_cast<double>(config.dimension)));
  Teacher teacher;
  for (std::size_t i = 0; i < units * static_cast<std::size_t>(config.dimension); ++i) {
    teacher.hidden.push_back(normal(random));
  }
  for (std::size_t j = 0; j < units; ++j) {
    teacher.output.push_back((random() & 1 ? 1 : -1) / std::sqrt(static_cast<double>(units)));
  }
  return teacher;
}

double answer(const Teacher& teacher, const float* x, std::size_t dimension) {
  double y = 0;
  for (std::size_t j = 0; j < teacher.output.size(); ++j) {
    double activation = 0;
    for (std::size_t k = 0; k < dimension; ++k) activation += teacher.hidden[j * dimension + k] * x[k];
    y += teacher.output[j] * std::max(0.0, activation);
  }
  return y;
}

RawSplit teacher_points(const Config& config, std::int64_t count, const Teacher& teacher,
                        std::mt19937_64 random, std::mt19937_64 noise) {
  const auto dimension = static_cast<std::size_t>(config.dimension);
  std::normal_distribution<double> normal, disturbance;
  RawSplit split;
  for (std::int64_t n = 0; n < count; ++n) {
    for (std::size_t k = 0; k < dimension; ++k) split.values.push_back(static_cast<float>(normal(random)));
    const double y = answer(teacher, split.values.data() + split.values.size() - dimension, dimension);
    split.targets.push_back(static_cast<float>(y + config.noise * disturbance(noise)));
    split.labels.push_back(0);
  }
  return split;
}

void check_sizes(const Config& config) {
  if (config.dimension < 1) throw invalid("data.dimension", "must be at least 1");
  if (config.points < 1) throw invalid("data.points", "must be at least 1");
}

}  // namespace

std::mt19937_64 generator(std::int64_t seed, std::uint32_t purpose) {
  const auto bits = static_cast<std::uint64_t>(seed);
  std::seed_seq sequence{static_cast<std::uint32_t>(bits), static_cast<std::uint32_t>(bits >> 32), purpose};
  return std::mt19937_64(sequence);
}

std::int64_t generated_count(const Config& config, std::int64_t per_class) {
  return per_class < 0 ? config.points : per_class;
}

Raw make_gaussians(const Config& config, std::int64_t seed) {
  check_sizes(config);
  if (config.gaussian_means.size() < 2) {
    throw invalid("data.gaussian_means", "at least two classes are needed");
  }
  if (config.gaussian_deviations.size() != config.gaussian_means.size()) {
    throw invalid("data.gaussian_deviations", "must have one value for each of gaussian_means");
  }
  for (const double deviation : config.gaussian_deviations) {
    if (!(deviation > 0)) throw invalid("data.gaussian_deviations", "must be above 0");
  }
  Raw raw;
  raw.shape = {config.dimension};
  raw.train =
      gaussian_points(config, generated_count(config, config.train_per_class), generator(seed, kTrain));
  raw.test = gaussian_points(config, generated_count(config, config.test_per_class), generator(seed, kTest));
  return raw;
}

Raw make_teacher_student(const Config& config, std::int64_t seed) {
  check_sizes(config);
  if (config.teacher_units < 1) throw invalid("data.teacher_units", "must be at least 1");
  if (!(config.noise >= 0) || std::isinf(config.noise)) {
    throw invalid("data.noise", "must be finite and at least 0");
  }
  const Teacher teacher = draw_teacher(config, generator(seed, kTeacher));
  Raw raw;
  raw.shape = {config.dimension};
  raw.outputs = 1;
  raw.train = teacher_points(config, generated_count(config, config.train_per_class), teacher,
                             generator(seed, kTrain), generator(seed, kTrainNoise));
  raw.test = teacher_points(config, generated_count(config, config.test_per_class), teacher,
                            generator(seed, kTest), generator(seed, kTestNoise));
  return raw;
}

}  // namespace hooke::data
