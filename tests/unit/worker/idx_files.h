// Small IDX data sets for tests.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/temp_folder.h"

namespace hooke::tests {

inline void write_file(const std::filesystem::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
}

inline void write_gzip(const std::filesystem::path& file, const std::string& bytes) {
  gzFile stream = gzopen(file.c_str(), "wb");
  gzwrite(stream, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(stream);
}

inline std::string big_endian(std::uint32_t value) {
  std::string text;
  for (const int shift : {24, 16, 8, 0}) text += static_cast<char>(value >> shift & 0xff);
  return text;
}

// `sizes` as they stand in the header, whatever `values` has.
inline std::string idx_bytes(const std::vector<std::uint32_t>& sizes, const std::string& values) {
  std::string bytes = big_endian(0x0800 | static_cast<std::uint32_t>(sizes.size()));
  for (const std::uint32_t size : sizes) bytes += big_endian(size);
  return bytes + values;
}

// Pixels of `count` images of side x side: image i of label i mod classes is bright in a band of
// its own, with a pattern that differs from image to image.
inline std::string band_images(std::uint32_t count, std::uint32_t classes, std::uint32_t side) {
  std::string pixels;
  for (std::uint32_t i = 0; i < count; ++i) {
    for (std::uint32_t at = 0; at < side * side; ++at) {
      const bool bright = at / side * classes / side == i % classes;
      pixels += static_cast<char>((bright ? 160 : 20) + (i * 7 + at * (i % 5 + 3)) % 61);
    }
  }
  return pixels;
}

inline std::string cyclic_labels(std::uint32_t count, std::uint32_t classes) {
  std::string labels;
  for (std::uint32_t i = 0; i < count; ++i) labels += static_cast<char>(i % classes);
  return labels;
}

// The four files of a data set, plain.
inline void write_idx_set(const std::filesystem::path& folder, std::uint32_t train, std::uint32_t test,
                          std::uint32_t classes, std::uint32_t side) {
  std::filesystem::create_directories(folder);
  write_file(folder / "train-images-idx3-ubyte",
             idx_bytes({train, side, side}, band_images(train, classes, side)));
  write_file(folder / "train-labels-idx1-ubyte", idx_bytes({train}, cyclic_labels(train, classes)));
  write_file(folder / "t10k-images-idx3-ubyte",
             idx_bytes({test, side, side}, band_images(test, classes, side)));
  write_file(folder / "t10k-labels-idx1-ubyte", idx_bytes({test}, cyclic_labels(test, classes)));
}

}  // namespace hooke::tests
