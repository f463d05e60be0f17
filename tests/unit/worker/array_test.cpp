// The user's own arrays, NPY and CSV, good and damaged.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "tests/unit/worker/data_files.h"

namespace hooke::data {
namespace {

namespace fs = std::filesystem;
using hooke::tests::write_file;
using ::testing::ElementsAre;

std::string npy_header(const std::string& type, const std::string& shape, int version = 1) {
  const std::string text = "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }\n";
  std::string bytes = "\x93NUMPY";
  bytes += static_cast<char>(version);
  bytes += '\0';
  for (int shift = 0; shift < (version == 1 ? 16 : 32); shift += 8) {
    bytes += static_cast<char>(text.size() >> shift & 0xff);
  }
  return bytes + text;
}

template <class T>
std::string npy(const std::string& type, const std::string& shape, const std::vector<T>& values,
                int version = 1) {
  std::string bytes = npy_header(type, shape, version);
  return bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

class Arrays : public hooke::tests::DataFiles {
 protected:
  Arrays() {
    fs::create_directories(folder());
    write("train_inputs.csv", "height,width\n1, 2\n3,4.5\r\n-5,6e1\n");
    write("train_labels.csv", "0\n7\n0\n");
    write("test_inputs.csv", "0,1\n2,3\n");
    write("test_labels.csv", "7\n0\n\n");
  }

  fs::path folder() const { return root_.path() / "mine"; }
  void write(const std::string& name, const std::string& bytes) const { write_file(folder() / name, bytes); }
  void replace(const std::string& old, const std::string& name, const std::string& bytes) const {
    fs::remove(folder() / old);
    write(name, bytes);
  }

  static Config mine() {
    Config config = set("array");
    config.path = "mine";
    return config;
  }

  void expect_damaged(const std::string& text) const {
    expect_error(mine(), Code::kDataLoss, "data.path", text);
  }
};

TEST_F(Arrays, OfCsvAreReadWithOrWithoutAHeader) {
  const DataSet data = read(mine());
  EXPECT_THAT(data.shape, ElementsAre(2));
  EXPECT_THAT(data.train.inputs, ElementsAre(1, 2, 3, 4.5, -5, 60));
  EXPECT_THAT(data.train.labels, ElementsAre(0, 1, 0));
  EXPECT_THAT(data.test.labels, ElementsAre(1, 0));
  EXPECT_THAT(data.class_names, ElementsAre("0", "7"));
  EXPECT_EQ(data.checksums.size(), 4u);
}

TEST_F(Arrays, OfNpyAreReadInEveryType) {
  const std::vector<std::vector<double>> expected = {{1, 2, 3, 4, 5, 6}};
  const auto check = [&](const std::string& bytes) {
    replace("train_inputs.csv", "train_inputs.npy", bytes);
    EXPECT_THAT(read(mine()).train.inputs, ElementsAre(1, 2, 3, 4, 5, 6));
  };
  check(npy<float>("<f4", "(3, 2)", {1, 2, 3, 4, 5, 6}));
  check(npy<double>("<f8", "(3, 2)", {1, 2, 3, 4, 5, 6}, 2));
  check(npy<std::int32_t>("<i4", "(3, 2)", {1, 2, 3, 4, 5, 6}));
  check(npy<std::int64_t>("<i8", "(3, 2)", {1, 2, 3, 4, 5, 6}));
  replace("train_labels.csv", "train_labels.npy", npy<std::int64_t>("<i8", "(3,)", {7, 0, 7}));
  EXPECT_THAT(read(mine()).train.labels, ElementsAre(1, 0, 1));
}

TEST_F(Arrays, OfUnsignedBytesArePixels) {
  replace("train_inputs.csv", "train_inputs.npy",
          npy<std::uint8_t>("|u1", "(3, 1, 2)", {0, 51, 102, 153, 204, 255}));
  expect_damaged("its examples differ in size");
  replace("test_inputs.csv", "test_inputs.npy", npy<std::uint8_t>("|u1", "(2, 1, 2)", {0, 51, 102, 153}));
  const DataSet data = read(mine());
  EXPECT_THAT(data.shape, ElementsAre(1, 1, 2));
  EXPECT_THAT(data.train.inputs, ElementsAre(0, 0.2f, 0.4f, 0.6f, 0.8f, 1));
}

TEST_F(Arrays, WithTargetsAreARegression) {
  replace("train_labels.csv", "train_targets.csv", "0.5,1\n-1,2\n2,3\n");
  expect_damaged("labels for one split and targets for the other");
  replace("test_labels.csv", "test_targets.npy", npy<float>("<f4", "(2, 2)", {1, 2, 3, 4}));
  Config config = mine();
  const DataSet data = read(config);
  EXPECT_TRUE(data.regression);
  EXPECT_EQ(data.outputs, 2);
  EXPECT_THAT(data.class_names, ElementsAre("all"));
  EXPECT_THAT(data.train.labels, ElementsAre(0, 0, 0));
  EXPECT_THAT(data.train.targets, ElementsAre(0.5, 1, -1, 2, 2, 3));
  EXPECT_THAT(data.test.targets, ElementsAre(1, 2, 3, 4));
  config.train_per_class = 2;
  EXPECT_THAT(read(config).train.targets, ElementsAre(0.5, 1, -1, 2));
  config.classes = {0};
  expect_error(config, Code::kInvalidArgument, "data.classes", "the set is a regression");
}

TEST_F(Arrays, OfCsvAreRefusedWithFileAndLine) {
  write("train_inputs.csv", "1,2\n3\n5,6\n");
  expect_damaged("train_inputs.csv: line 2 has 1 columns, those before 2");
  write("train_inputs.csv", "a,b\n1,2\n3,x4\n5,6\n");
  expect_damaged("train_inputs.csv: line 3, column 2: 'x4' is not a finite number");
  write("train_inputs.csv", "1,2\n\n5,6\n");
  expect_damaged("train_inputs.csv: line 2");
  write("train_inputs.csv", "1,2\nnan,4\n5,6\n");
  expect_damaged("line 2, column 1: 'nan'");
  write("train_inputs.csv", "1,2\n3,4\n");
  expect_damaged("train_labels.csv: 3 examples, but train_inputs.csv has 2");
  write("train_inputs.csv", "");
  expect_damaged("train_inputs.csv: has no numbers");
}

TEST_F(Arrays, WithLabelsThatAreNoneAreRefused) {
  write("train_labels.csv", "0\n0.5\n1\n");
  expect_damaged("train_labels.csv: labels are integers; for a regression name the file train_targets");
  write("train_labels.csv", "0\n-1\n1\n");
  expect_damaged("the label of example 1 is -1; labels are from 0 to 2147483647");
  write("train_labels.csv", "0\n" + std::string(110, '5') + "\n1\n");
  expect_damaged("the label of example 1 is 5.5555");
  fs::remove(folder() / "train_labels.csv");
  expect_error(mine(), Code::kNotFound, "data.path",
               "has no train_labels (or train_targets for a regression)");
}

TEST_F(Arrays, OfNpyAreRefusedWithFileAndOffset) {
  const auto check = [&](const std::string& bytes, const std::string& text) {
    replace("train_inputs.csv", "train_inputs.npy", bytes);
    expect_damaged("train_inputs.npy: " + text);
  };
  const std::string good = npy<float>("<f4", "(3, 2)", {1, 2, 3, 4, 5, 6});
  const auto data = std::to_string(good.size() - 24);
  check(good.substr(0, good.size() - 3), "truncated: 21 bytes after offset " + data + ", its header says 24");
  check(good + "x", "too long: 25 bytes after offset " + data);
  check(good.substr(0, 30), "truncated: its header ends at offset 30");
  check("\x89PNG\r\n\x1a\n and so on", "not an NPY file: offset 0");
  check(npy<float>(">f4", "(3, 2)", {1, 2, 3, 4, 5, 6}), "numbers of type '>f4'; convert them to one of <f4");
  std::string version = good;
  version[6] = 9;
  check(version, "NPY version 9 at offset 6");
  std::string fortran = good;
  fortran.replace(fortran.find("False"), 5, "True ");
  check(fortran, "is in Fortran order");
  check(npy<float>("<f4", "(3, 2)", {1, 2, 3, std::numeric_limits<float>::infinity(), 5, 6}),
        "the number at offset " + std::to_string(good.size() - 12) + " is not finite");
  check(npy<float>("<f4", "(99999999999, 99999999999)", {1}), "its header has shape (99999999999");
}

TEST_F(Arrays, InBothFormatsAreRefused) {
  write("train_inputs.npy", npy<float>("<f4", "(3, 2)", {1, 2, 3, 4, 5, 6}));
  expect_damaged("has both train_inputs.npy and .csv; remove one");
}

}  // namespace
}  // namespace hooke::data
