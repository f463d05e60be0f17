#include "worker/system/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <map>

namespace hooke::system {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;

const Sampler::Clock::time_point kBegin{};

std::map<std::string, double> sample(Sampler& sampler, milliseconds after) {
  const Values values = sampler.sample(kBegin + after);
  return {values.begin(), values.end()};
}

double cpu_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

TEST(Sampler, SamplesAtTheFirstStepThenSoonThenSeldom) {
  Sampler sampler(1, Gpus("cpu"), kBegin);
  std::vector<long> at;
  for (milliseconds step(100); step < milliseconds(50'000); step += milliseconds(100))
    if (!sample(sampler, step).empty()) at.push_back(step.count());
  EXPECT_THAT(at, ElementsAre(100, 1100, 3100, 7100, 15'100, 25'100, 35'100, 45'100));
}

TEST(Sampler, StepsThatLastLongAreSampledOnceEach) {
  Sampler sampler(1, Gpus("cpu"), kBegin);
  for (int step = 1; step < 5; ++step) {
    EXPECT_FALSE(sample(sampler, step * milliseconds(60'000)).empty());
    EXPECT_TRUE(sample(sampler, step * milliseconds(60'000)).empty());
  }
}

TEST(Sampler, CpuUtilizationIsTheShareOfItsThreads) {
  const double before = cpu_seconds();
  Sampler sampler(4, Gpus("cpu"), kBegin);
  const double begin = cpu_seconds();
  while (cpu_seconds() - begin < 0.2) {
  }
  const double worked = cpu_seconds() - begin;
  const double percent = sample(sampler, milliseconds(1000)).at("system/cpu.utilization");
  // clock() counts microseconds.
  EXPECT_GE(percent, 100 * (worked - 1e-5) / 4);
  EXPECT_LE(percent, 100 * (cpu_seconds() - before + 1e-5) / 4);
}

TEST(Sampler, MemoryIsThatOfTheProcessAndOfTheMachine) {
  constexpr std::size_t kBytes = 64 << 20;
  Sampler sampler(1, Gpus("cpu"), kBegin);
  const auto before = sample(sampler, milliseconds(1));
  const std::vector<char> touched(kBytes, 1);
  const auto after = sample(sampler, milliseconds(60'000));
  EXPECT_GE(after.at("system/memory.rss") - before.at("system/memory.rss"), 0.9 * kBytes);
  EXPECT_LT(after.at("system/memory.rss"), 10.0 * kBytes);
  EXPECT_GE(after.at("system/memory.used"), 0.9 * kBytes);
  EXPECT_EQ(touched[kBytes / 2], 1);
}

}  // namespace
}  // namespace hooke::system
