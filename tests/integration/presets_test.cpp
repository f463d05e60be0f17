// Presets through the real programs: with generated files of the true format, and without any.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <random>

#include "tests/integration/harness.h"

namespace hooke::harness {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// CIFAR-10's binary files: in each, `records` images of each of the ten classes, which differ in
// brightness, noise on top.
void write_cifar10(const std::filesystem::path& folder, int records) {
  std::filesystem::create_directories(folder);
  std::mt19937 random(1);
  for (const char* name : {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
                           "data_batch_5.bin", "test_batch.bin"}) {
    std::ofstream file(folder / name, std::ios::binary);
    for (int i = 0; i < 10 * records; ++i) {
      const int label = i % 10;
      file.put(static_cast<char>(label));
      for (int at = 0; at < 3072; ++at) {
        file.put(static_cast<char>(20 * label + static_cast<int>(random() % 60)));
      }
    }
  }
}

class Presets : public testing::Test {
 protected:
  void SetUp() override {
    house_.start_server();
    house_.start_worker("one");
  }
  House house_;
};

// The preset with everything but its length and its number of images: ResNet-18, both updates, and
// all measures that apply.
TEST_F(Presets, CifarTenIsTrainedMeasuredAndAnswersOverSeeds) {
  write_cifar10(house_.folder() / "data/generated", 1);
  const auto runs = csv(house_.answer(
      {"submit",
       "--preset",
       "dan2021-cifar10",
       "--seeds",
       "2",
       "-q",
       "--set",
       "data.path=generated",
       "--set",
       "data.train_per_class=5",
       "--set",
       "data.test_per_class=1",
       "--set",
       "training.batch=5",
       "--set",
       "training.epochs=1",
       "--set",
       "probes.per_class=2",
       "--set",
       "probes.every=2",
       "--set",
       "measures=[loss,kl,l2,l2_logit,l1,kl_reverse,kl_published,l2_published,tracin,stiffness,"
       "stiffness_sign,coherence,confusion,noise_scale,gram_lambda_max,ntk,linearity_gap,collapse]"}));
  ASSERT_EQ(runs.size(), 2u);
  ASSERT_EQ(house_.hooke({"wait", runs[0][0], runs[1][0]}).exit_code, 0);
  for (const char* measure :
       {"loss", "kl", "l2", "l2_logit", "l1", "kl_reverse", "kl_published", "l2_published", "tracin",
        "stiffness", "stiffness_sign", "ntk", "linearity_gap"}) {
    const auto rows = csv(house_.answer({"influence", "dan2021-cifar10", "--measure", measure, "-o", "csv"}));
    ASSERT_EQ(rows.size(), 10u) << measure;
    EXPECT_THAT(rows[1], testing::Contains("plane")) << measure;
    EXPECT_EQ(rows[2][0] == "plane" && rows[2][1] == "car", true) << "row: responding, column: updated";
    for (std::size_t i = 1; i < rows.size(); ++i)
      EXPECT_TRUE(std::isfinite(std::stod(rows[i][2]))) << measure;
  }
  const std::string small = house_.answer({"influence", "dan2021-cifar10", "--update", "small", "-o", "csv"});
  EXPECT_EQ(csv(small).size(), 10u);
  EXPECT_NE(small, house_.answer({"influence", "dan2021-cifar10", "-o", "csv"}));
  const std::string series = house_.answer({"series", "list", runs[0][0], "-o", "csv"});
  for (const char* key : {"train/accuracy", "test/accuracy", "gradients/coherence",
                          "gradients/confusion_cosine", "gradients/noise_scale", "gradients/gram_lambda_max",
                          "collapse/nc1", "collapse/nc4", "elasticity/kl@small"}) {
    EXPECT_THAT(series, HasSubstr(key));
  }
}

TEST_F(Presets, WithoutItsDataARunFailsAtOnceAndSaysWhereTheyAreToBeHad) {
  for (const auto& [preset, folder, origin] :
       {std::tuple{"dan2021-cifar10", "cifar-10-batches-bin", "cifar-10-binary.tar.gz"},
        std::tuple{"dan2021-cifar100", "cifar-100-binary", "cifar-100-binary.tar.gz"},
        std::tuple{"dan2021-svhn", "svhn", "http://ufldl.stanford.edu/housenumbers/"}}) {
    const std::string run = csv(house_.answer({"submit", "--preset", preset, "-q"})).at(0).at(0);
    EXPECT_EQ(house_.hooke({"wait", run}).exit_code, 3);
    const std::string shown = house_.answer({"runs", "show", run});
    EXPECT_THAT(shown, HasSubstr("data.path"));
    EXPECT_THAT(shown, HasSubstr(folder));
    EXPECT_THAT(shown, HasSubstr((house_.folder() / "data").string())) << "where it was looked for";
    EXPECT_THAT(shown, HasSubstr(origin));
  }
}

}  // namespace
}  // namespace hooke::harness
