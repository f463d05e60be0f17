// CIFAR's binary files, small ones of the same format.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/worker/data_files.h"

namespace hooke::data {
namespace {

namespace fs = std::filesystem;
using hooke::tests::write_file;
using ::testing::ElementsAre;

// One record: label bytes, then 3072 bytes that depend on `start`.
std::string record(const std::string& labels, int start) {
  std::string bytes = labels;
  for (int at = 0; at < 3072; ++at) bytes += static_cast<char>((start + at * 7) % 256);
  return bytes;
}

class Cifar : public hooke::tests::DataFiles {
 protected:
  Cifar() {
    fs::create_directories(ten());
    for (int batch = 1; batch <= 5; ++batch) {
      write_file(ten() / ("data_batch_" + std::to_string(batch) + ".bin"),
                 record({static_cast<char>(batch)}, batch) + record({0}, 10 * batch));
    }
    write_file(ten() / "test_batch.bin", record({0}, 1) + record({9}, 2) + record({5}, 3));
    fs::create_directories(hundred());
    write_file(hundred() / "train.bin", record({3, 48}, 1) + record({4, 99}, 2));
    write_file(hundred() / "test.bin", record({4, 99}, 3) + record({3, 48}, 4));
  }

  fs::path ten() const { return root_.path() / "cifar-10-batches-bin"; }
  fs::path hundred() const { return root_.path() / "cifar-100-binary"; }
};

TEST_F(Cifar, TenIsReadFromFiveFilesInOrderAndNormalisedByChannel) {
  Config config = set("cifar10");
  config.classes = {5, 0};
  const DataSet data = read(config);
  EXPECT_THAT(data.shape, ElementsAre(3, 32, 32));
  EXPECT_THAT(data.class_names, ElementsAre("dog", "plane"));
  EXPECT_THAT(data.train.file_index, ElementsAre(1, 3, 5, 7, 8, 9));
  EXPECT_THAT(data.train.labels, ElementsAre(1, 1, 1, 1, 0, 1));
  EXPECT_THAT(data.test.labels, ElementsAre(1, 0));
  EXPECT_EQ(data.outputs, 2);
  EXPECT_FALSE(data.regression);
  const float* image = data.train.inputs.data();  // the second record of the first file
  EXPECT_FLOAT_EQ(image[0], static_cast<float>((10 / 255.0 - 0.4914) / 0.2023));
  EXPECT_FLOAT_EQ(image[1024], static_cast<float>(((10 + 1024 * 7) % 256 / 255.0 - 0.4822) / 0.1994));
  EXPECT_FLOAT_EQ(image[3071], static_cast<float>(((10 + 3071 * 7) % 256 / 255.0 - 0.4465) / 0.2010));
  EXPECT_EQ(data.checksums.size(), 6u);
}

TEST_F(Cifar, HundredHasItsFineLabels) {
  const DataSet data = read(set("cifar100"));
  EXPECT_THAT(data.class_names, ElementsAre("motorcycle", "worm"));
  EXPECT_THAT(data.train.labels, ElementsAre(0, 1));
  EXPECT_THAT(data.test.labels, ElementsAre(1, 0));
}

TEST_F(Cifar, NormalisationTakesOneValueForAllChannelsOrOneForEach) {
  Config config = set("cifar100");
  config.mean = {0};
  config.deviation = {1};
  EXPECT_FLOAT_EQ(read(config).train.inputs[1024], static_cast<float>((1 + 1024 * 7) % 256 / 255.0));
  config.mean = {0, 0};
  expect_error(config, Code::kInvalidArgument, "data.mean", "2 values, but the inputs have 3 channels");
}

TEST_F(Cifar, TruncatedIsRefusedWithFileAndOffset) {
  fs::resize_file(ten() / "data_batch_3.bin", 3073 + 17);
  expect_error(set("cifar10"), Code::kDataLoss, "data.path",
               "data_batch_3.bin: truncated: 3090 bytes are no multiple of a record's 3073; the last record "
               "begins at offset 3073");
  fs::resize_file(ten() / "data_batch_3.bin", 0);
  expect_error(set("cifar10"), Code::kDataLoss, "data.path", "truncated: 0 bytes");
}

TEST_F(Cifar, LabelsOutOfRangeAreRefusedWithTheirOffset) {
  write_file(ten() / "test_batch.bin", record({0}, 1) + record({10}, 2));
  expect_error(set("cifar10"), Code::kDataLoss, "data.path",
               "test_batch.bin: label 10 at offset 3073; labels are 0 to 9");
  write_file(hundred() / "train.bin", record({3, 100}, 1));
  expect_error(set("cifar100"), Code::kDataLoss, "data.path", "train.bin: label 100 at offset 1;");
}

TEST_F(Cifar, AbsentSaysWhereItIsToBeHad) {
  fs::remove(ten() / "data_batch_5.bin");
  expect_error(set("cifar10"), Code::kNotFound, "data.path",
               "has no data_batch_5.bin; unpack cifar-10-binary.tar.gz of https://www.cs.toronto.edu/");
  fs::remove_all(hundred());
  expect_error(set("cifar100"), Code::kNotFound, "data.path", "unpack cifar-100-binary.tar.gz");
}

}  // namespace
}  // namespace hooke::data
