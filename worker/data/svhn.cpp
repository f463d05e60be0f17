#include "worker/data/svhn.h"

#include <matio.h>

#include <memory>

#include "worker/data/files.h"

namespace hooke::data {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSide = 32;
constexpr std::size_t kChannels = 3;
constexpr std::size_t kSvhnImageBytes = kChannels * kSide * kSide;

using Matrix = std::unique_ptr<matvar_t, decltype(&Mat_VarFree)>;
using MatFile = std::unique_ptr<mat_t, decltype(&Mat_Close)>;

// Elements that a byte of the file can stand for: what deflate makes of a run
// (https://zlib.net/zlib_tech.html).
constexpr double kGreatestRatio = 1032;

// matio takes memory for what the header claims, so the header is looked at first.
Matrix read_variable(mat_t* mat, const char* name, const fs::path& file) {
  Matrix matrix(Mat_VarReadInfo(mat, name), &Mat_VarFree);
  if (!matrix) throw damaged(file, std::string("has no readable variable ") + name);
  const bool numbers = matrix->class_type == MAT_C_UINT8 || matrix->class_type == MAT_C_DOUBLE;
  double elements = 1;
  for (int d = 0; d < matrix->rank; ++d) elements *= static_cast<double>(matrix->dims[d]);
  const bool plausible = elements <= kGreatestRatio * static_cast<double>(fs::file_size(file));
  if (!numbers || matrix->isComplex || !plausible || Mat_VarReadDataAll(mat, matrix.get()) != 0 ||
      !matrix->data)
    throw damaged(file, std::string("variable ") + name + " is damaged");
  return matrix;
}

std::string sizes(const matvar_t& matrix) {
  std::string text;
  for (int d = 0; d < matrix.rank; ++d) text += (d ? " x " : "") + std::to_string(matrix.dims[d]);
  return text;
}

// X is [row][column][channel][image], column-major: the row runs fastest. Ours is [image][channel]
// [row][column], the column fastest.
std::vector<std::uint8_t> read_images(mat_t* mat, const fs::path& file) {
  const Matrix x = read_variable(mat, "X", file);
  const bool shaped =
      (x->rank == 4 || x->rank == 3) && x->dims[0] == kSide && x->dims[1] == kSide && x->dims[2] == kChannels;
  if (x->class_type != MAT_C_UINT8 || !shaped) {
    throw damaged(file, "variable X is not of unsigned bytes, 32 x 32 x 3 x N, but " + sizes(*x));
  }
  const std::size_t images = x->rank == 4 ? x->dims[3] : 1;  // MATLAB drops a last dimension of 1
  if (x->nbytes != images * kSvhnImageBytes) throw damaged(file, "variable X is truncated");
  const auto* from = static_cast<const std::uint8_t*>(x->data);
  std::vector<std::uint8_t> pixels(images * kSvhnImageBytes);
  for (std::size_t plane = 0; plane < images * kChannels; ++plane) {
    for (std::size_t row = 0; row < kSide; ++row) {
      for (std::size_t column = 0; column < kSide; ++column) {
        pixels[(plane * kSide + row) * kSide + column] = from[(plane * kSide + column) * kSide + row];
      }
    }
  }
  return pixels;
}

std::vector<int> read_labels(mat_t* mat, const fs::path& file) {
  const Matrix y = read_variable(mat, "y", file);
  const bool bytes = y->class_type == MAT_C_UINT8;
  if (y->rank != 2 || (!bytes && y->class_type != MAT_C_DOUBLE)) {
    throw damaged(file, "variable y is not a vector of unsigned bytes or doubles");
  }
  const std::size_t count = y->dims[0] * y->dims[1];
  if (y->nbytes != count * (bytes ? 1 : sizeof(double))) throw damaged(file, "variable y is truncated");
  std::vector<int> labels;
  for (std::size_t i = 0; i < count; ++i) {
    const double label =
        bytes ? static_cast<const std::uint8_t*>(y->data)[i] : static_cast<const double*>(y->data)[i];
    if (!(label >= 1 && label <= 10) || label != static_cast<int>(label)) {
      throw damaged(file, "label " + std::to_string(label) + " at element " + std::to_string(i) +
                              " of y; labels are 1 to 10, 10 for the digit 0");
    }
    labels.push_back(static_cast<int>(label) % 10);
  }
  return labels;
}

void read_svhn_split(const fs::path& file, Raw& raw, RawSplit& split) {
  raw.checksums[file.filename().string()] = read_file(file, kSvhnOrigin).checksum;
  const MatFile mat(Mat_Open(file.c_str(), MAT_ACC_RDONLY), &Mat_Close);
  // As SVHN is published. For other versions matio takes memory for whatever a header claims.
  if (!mat || Mat_GetVersion(mat.get()) != MAT_FT_MAT5)
    throw damaged(file, "is not a MATLAB file of version 5");
  split.pixels = read_images(mat.get(), file);
  split.labels = read_labels(mat.get(), file);
  if (split.labels.size() * kSvhnImageBytes != split.pixels.size()) {
    throw damaged(file, std::to_string(split.labels.size()) + " labels in y, but " +
                            std::to_string(split.pixels.size() / kSvhnImageBytes) + " images in X");
  }
}

}  // namespace

Raw read_svhn(const fs::path& folder) {
  Raw raw;
  raw.shape = {kChannels, kSide, kSide};
  raw.mean = {0.4377, 0.4438, 0.4728};
  raw.deviation = {0.1980, 0.2010, 0.1970};
  raw.path = folder.string();
  read_svhn_split(folder / "train_32x32.mat", raw, raw.train);
  read_svhn_split(folder / "test_32x32.mat", raw, raw.test);
  return raw;
}

}  // namespace hooke::data
