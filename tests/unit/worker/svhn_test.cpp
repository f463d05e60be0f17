// SVHN's MATLAB files, small ones written with matio.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <matio.h>

#include "tests/unit/worker/data_files.h"

namespace hooke::data {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

constexpr std::size_t kImage = 32 * 32 * 3;

// A different value for every row, column, channel and image.
std::uint8_t pixel(std::size_t row, std::size_t column, std::size_t channel, std::size_t image) {
  return static_cast<std::uint8_t>(row * 3 + column * 7 + channel * 50 + image * 11);
}

void write_variable(mat_t* mat, const char* name, matio_classes kind, matio_types type,
                    std::vector<std::size_t> sizes, void* data) {
  matvar_t* variable = Mat_VarCreate(name, kind, type, static_cast<int>(sizes.size()), sizes.data(), data, 0);
  Mat_VarWrite(mat, variable, MAT_COMPRESSION_ZLIB);
  Mat_VarFree(variable);
}

void write_mat(const fs::path& file, std::vector<std::uint8_t> labels, std::size_t images,
               bool with_y = true) {
  std::vector<std::uint8_t> x(images * kImage);
  for (std::size_t i = 0; i < images; ++i) {
    for (std::size_t c = 0; c < 3; ++c) {
      for (std::size_t column = 0; column < 32; ++column) {
        for (std::size_t row = 0; row < 32; ++row) {
          x[row + 32 * column + 1024 * c + kImage * i] = pixel(row, column, c, i);
        }
      }
    }
  }
  mat_t* mat = Mat_CreateVer(file.c_str(), nullptr, MAT_FT_MAT5);
  write_variable(mat, "X", MAT_C_UINT8, MAT_T_UINT8, {32, 32, 3, images}, x.data());
  if (with_y) write_variable(mat, "y", MAT_C_UINT8, MAT_T_UINT8, {labels.size(), 1}, labels.data());
  Mat_Close(mat);
}

class Svhn : public hooke::tests::DataFiles {
 protected:
  Svhn() {
    fs::create_directories(folder());
    write_mat(folder() / "train_32x32.mat", {10, 1, 9, 10}, 4);
    write_mat(folder() / "test_32x32.mat", {1, 10, 9}, 3);
  }

  fs::path folder() const { return root_.path() / "svhn"; }
};

TEST_F(Svhn, HasTheDigitsAsLabelsAndImagesInRowMajorOrder) {
  Config config = set("svhn");
  config.mean = {0};
  config.deviation = {1};
  const DataSet data = read(config);
  EXPECT_THAT(data.shape, ElementsAre(3, 32, 32));
  EXPECT_THAT(data.class_names, ElementsAre("0", "1", "9"));
  EXPECT_THAT(data.train.labels, ElementsAre(0, 1, 2, 0));
  EXPECT_THAT(data.test.labels, ElementsAre(1, 0, 2));
  for (const std::size_t row : {0u, 5u, 31u}) {
    for (const std::size_t column : {0u, 9u, 31u}) {
      for (const std::size_t c : {0u, 1u, 2u}) {
        EXPECT_FLOAT_EQ(data.train.inputs[((2 * 3 + c) * 32 + row) * 32 + column],
                        static_cast<float>(pixel(row, column, c, 2) / 255.0));
      }
    }
  }
}

TEST_F(Svhn, DamagedIsRefusedWithTheFileAndWhatIsWrong) {
  write_mat(folder() / "test_32x32.mat", {1, 11, 9}, 3);
  expect_error(set("svhn"), Code::kDataLoss, "data.path", "at element 1 of y; labels are 1 to 10");
  write_mat(folder() / "test_32x32.mat", {1, 2}, 3);
  expect_error(set("svhn"), Code::kDataLoss, "data.path", "test_32x32.mat: 2 labels in y, but 3 images in X");
  write_mat(folder() / "test_32x32.mat", {}, 3, false);
  expect_error(set("svhn"), Code::kDataLoss, "data.path", "test_32x32.mat: has no readable variable y");
  hooke::tests::write_file(folder() / "train_32x32.mat", "no MATLAB file at all");
  expect_error(set("svhn"), Code::kDataLoss, "data.path", "train_32x32.mat");
}

TEST_F(Svhn, TruncatedIsRefused) {
  fs::resize_file(folder() / "train_32x32.mat", fs::file_size(folder() / "train_32x32.mat") / 3);
  expect_error(set("svhn"), Code::kDataLoss, "data.path", "train_32x32.mat");
}

TEST_F(Svhn, AbsentSaysWhereItIsToBeHad) {
  fs::remove(folder() / "train_32x32.mat");
  expect_error(
      set("svhn"), Code::kNotFound, "data.path",
      "has no train_32x32.mat; put train_32x32.mat and test_32x32.mat of http://ufldl.stanford.edu/");
}

}  // namespace
}  // namespace hooke::data
