// Data sets from small generated files, good and damaged.
#include "worker/data/data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/hooke/error.h"
#include "tests/unit/worker/data_files.h"

namespace hooke::data {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

class IdxData : public hooke::tests::DataFiles {
 protected:
  IdxData() { hooke::tests::write_idx_set(folder(), 12, 9, 3, 4); }

  fs::path folder() const { return root_.path() / "set"; }

  Config config() const {
    Config config = set("idx");
    config.path = "set";
    return config;
  }
};

TEST_F(IdxData, IsReadWholeInFileOrderByDefault) {
  const DataSet data = read(config());
  EXPECT_THAT(data.shape, ElementsAre(1, 4, 4));
  EXPECT_THAT(data.class_names, ElementsAre("0", "1", "2"));
  EXPECT_EQ(data.train.count(), 12u);
  EXPECT_EQ(data.test.count(), 9u);
  EXPECT_THAT(data.test.labels, ElementsAre(0, 1, 2, 0, 1, 2, 0, 1, 2));
  const std::string pixels = hooke::tests::band_images(12, 3, 4);
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    ASSERT_FLOAT_EQ(data.train.inputs[i], static_cast<float>(static_cast<unsigned char>(pixels[i])) / 255);
  }
}

TEST_F(IdxData, TakesClassesInTheConfiguredOrderAndTheFirstOfEach) {
  Config wanted = config();
  wanted.classes = {2, 0};
  wanted.train_per_class = 2;
  wanted.test_per_class = 1;
  wanted.class_names = {"two", "zero"};
  wanted.mean = {0.5};
  wanted.deviation = {0.25};
  const DataSet data = read(wanted);
  EXPECT_THAT(data.train.file_index, ElementsAre(0, 2, 3, 5));
  EXPECT_THAT(data.train.labels, ElementsAre(1, 0, 1, 0));
  EXPECT_THAT(data.test.file_index, ElementsAre(0, 2));
  EXPECT_THAT(data.class_names, ElementsAre("two", "zero"));
  const auto pixel = static_cast<unsigned char>(hooke::tests::band_images(3, 3, 4)[32]);  // of image 2
  EXPECT_FLOAT_EQ(data.train.inputs[16], static_cast<float>((pixel / 255.0 - 0.5) / 0.25));
}

TEST_F(IdxData, IsTheSameGzipped) {
  const DataSet plain = read(config());
  fs::remove(folder() / "train-images-idx3-ubyte");
  hooke::tests::write_gzip(folder() / "train-images-idx3-ubyte.gz",
                           hooke::tests::idx_bytes({12, 4, 4}, hooke::tests::band_images(12, 3, 4)));
  const DataSet gzipped = read(config());
  EXPECT_EQ(gzipped.train.inputs, plain.train.inputs);
  EXPECT_TRUE(gzipped.checksums.contains("train-images-idx3-ubyte.gz"));
  EXPECT_EQ(gzipped.checksums.size(), 4u);
}

TEST_F(IdxData, HasTheChecksumOfTheStoredBytes) {
  hooke::tests::write_file(folder() / "t10k-labels-idx1-ubyte",
                           hooke::tests::idx_bytes({9}, hooke::tests::cyclic_labels(9, 3)));
  // CRC-32 of those 17 bytes, bit by bit.
  std::uint32_t crc = 0xffffffff;
  for (const char byte : hooke::tests::idx_bytes({9}, hooke::tests::cyclic_labels(9, 3))) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
  }
  EXPECT_EQ(read(config()).checksums.at("t10k-labels-idx1-ubyte"), ~crc);
}

TEST_F(IdxData, TruncatedIsRefusedWithFileAndOffset) {
  fs::resize_file(folder() / "train-images-idx3-ubyte", 100);
  expect_error(config(), Code::kDataLoss, "data.path",
               "train-images-idx3-ubyte: truncated: 84 values after offset 16");
  fs::resize_file(folder() / "train-images-idx3-ubyte", 7);
  expect_error(config(), Code::kDataLoss, "data.path", "truncated: 7 bytes");
}

TEST_F(IdxData, TruncatedGzipIsRefused) {
  fs::remove(folder() / "train-images-idx3-ubyte");
  const fs::path file = folder() / "train-images-idx3-ubyte.gz";
  hooke::tests::write_gzip(file, hooke::tests::idx_bytes({12, 4, 4}, hooke::tests::band_images(12, 3, 4)));
  fs::resize_file(file, fs::file_size(file) / 2);
  expect_error(config(), Code::kDataLoss, "data.path", "truncated: the gzip stream ends at offset");
}

TEST_F(IdxData, WithTrailingBytesIsRefused) {
  fs::resize_file(folder() / "train-labels-idx1-ubyte", 30);
  expect_error(config(), Code::kDataLoss, "data.path",
               "too long: 22 values after offset 8, its header says 12");
}

TEST_F(IdxData, WithAnotherMagicNumberIsRefused) {
  hooke::tests::write_file(folder() / "train-images-idx3-ubyte", "\x89PNG and more bytes than a header has");
  expect_error(config(), Code::kDataLoss, "data.path", "offset 0 has 0x89504e47, not 0x00000803");
}

TEST_F(IdxData, WithMoreImagesThanLabelsIsRefused) {
  hooke::tests::write_file(folder() / "train-labels-idx1-ubyte", hooke::tests::idx_bytes({2}, {0, 1}));
  expect_error(config(), Code::kDataLoss, "data.path", "2 labels, but train-images-idx3-ubyte has 12 images");
}

TEST_F(IdxData, WithoutAFileIsRefused) {
  fs::remove(folder() / "t10k-labels-idx1-ubyte");
  expect_error(config(), Code::kNotFound, "data.path", "neither t10k-labels-idx1-ubyte nor");
}

TEST_F(IdxData, WithoutAClassIsRefusedNamingThosePresent) {
  Config wanted = config();
  wanted.classes = {0, 7};
  expect_error(wanted, Code::kInvalidArgument, "data.classes", "no label 7; they have 0, 1, 2");
}

TEST_F(IdxData, WithTooFewExamplesIsRefused) {
  Config wanted = config();
  wanted.train_per_class = 5;
  expect_error(wanted, Code::kInvalidArgument, "data.train_per_class", "label 0 has 4 examples");
  wanted.train_per_class = 4;
  wanted.test_per_class = 4;
  expect_error(wanted, Code::kInvalidArgument, "data.test_per_class", "label 0 has 3 examples");
}

TEST_F(IdxData, OutsideTheRootsIsRefusedAlsoThroughALink) {
  const hooke::tests::TempFolder elsewhere;
  hooke::tests::write_idx_set(elsewhere.path() / "set", 12, 9, 3, 4);
  Config wanted = config();
  wanted.path = (elsewhere.path() / "set").string();
  expect_error(wanted, Code::kPermissionDenied, "data.path", "outside the data roots");
  wanted.path = "../" + elsewhere.path().filename().string() + "/set";
  expect_error(wanted, Code::kPermissionDenied, "data.path", "outside the data roots");
  fs::create_directory_symlink(elsewhere.path() / "set", root_.path() / "link");
  wanted.path = "link";
  expect_error(wanted, Code::kPermissionDenied, "data.path", "outside the data roots");
  wanted.path = folder().string();
  EXPECT_EQ(read(wanted).train.count(), 12u);
}

TEST_F(IdxData, IsFoundBelowTheFirstRootThatHasIt) {
  const hooke::tests::TempFolder empty;
  EXPECT_EQ(load(config(), {empty.path(), root_.path()}, 0).path, folder().string());
  expect_error(
      [&] {
        Config c = config();
        c.path = "absent";
        return c;
      }(),
      Code::kNotFound, "data.path", "absent");
  EXPECT_THROW(load(config(), {}, 0), Error);
}

TEST_F(IdxData, RefusesClassNamesThatSeriesKeysCannotCarry) {
  Config wanted = config();
  wanted.class_names = {"a", "b,c", "d"};
  expect_error(wanted, Code::kInvalidArgument, "data.class_names", "b,c");
  wanted.class_names = {"a", "b"};
  expect_error(wanted, Code::kInvalidArgument, "data.class_names", "2 names for 3 classes");
}

TEST_F(IdxData, OfAnUnknownSetNamesThoseThereAre) {
  Config wanted = config();
  wanted.set = "imagenet";
  expect_error(wanted, Code::kUnimplemented, "data.set",
               "fashion_mnist, mnist, idx, cifar10, cifar100, svhn");
}

}  // namespace
}  // namespace hooke::data
