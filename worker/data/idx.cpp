#include "worker/data/idx.h"

#include <zlib.h>

#include <cstdio>
#include <string_view>

#include "worker/data/files.h"

namespace hooke::data {
namespace {

constexpr const char* kPathField = "data.path";
constexpr std::uint32_t kUnsignedBytes = 0x08;    // the type in IDX's magic number
constexpr std::size_t kLargestFile = 4ull << 30;  // of inflated bytes: damage, or a zip bomb

std::string hex(std::uint32_t value) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%08x", value);
  return text;
}

bool is_gzip(std::string_view bytes) {
  return bytes.substr(0, 2) == "\x1f\x8b";
}

// Inflates one gzip member.
std::string inflate_all(const std::filesystem::path& file, std::string& stored) {
  z_stream stream{};
  constexpr int kGzipOnly = 15 + 16;
  if (inflateInit2(&stream, kGzipOnly) != Z_OK) throw Error(Code::kInternal, "zlib does not start");
  stream.next_in = reinterpret_cast<Bytef*>(stored.data());
  stream.avail_in = static_cast<uInt>(stored.size());
  std::string plain;
  std::string buffer(1 << 20, '\0');
  int status = Z_OK;
  while (status == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    status = inflate(&stream, Z_NO_FLUSH);
    plain.append(buffer, 0, buffer.size() - stream.avail_out);
    if (plain.size() > kLargestFile) status = Z_MEM_ERROR;
  }
  const std::size_t offset = stream.total_in;
  inflateEnd(&stream);
  if (status == Z_BUF_ERROR) {
    throw damaged(
        file, "truncated: the gzip stream ends at offset " + std::to_string(offset) + " before its end mark");
  }
  if (status != Z_STREAM_END) {
    throw damaged(file, "damaged gzip stream at offset " + std::to_string(offset));
  }
  return plain;
}

std::uint32_t big_endian(std::string_view bytes, std::size_t offset) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<std::uint8_t>(bytes[offset + i]);
  return value;
}

Idx parse(const std::filesystem::path& file, std::string_view bytes, std::size_t dimensions) {
  const std::size_t header = 4 + 4 * dimensions;
  if (bytes.size() < header) {
    throw damaged(file, "truncated: " + std::to_string(bytes.size()) + " bytes, the header has " +
                            std::to_string(header));
  }
  const std::uint32_t magic = big_endian(bytes, 0);
  const auto expected = static_cast<std::uint32_t>(kUnsignedBytes << 8 | dimensions);
  if (magic != expected) {
    throw damaged(file, "not an IDX file of unsigned bytes with " + std::to_string(dimensions) +
                            " dimensions: offset 0 has " + hex(magic) + ", not " + hex(expected));
  }
  Idx idx;
  std::uint64_t count = 1;
  for (std::size_t d = 0; d < dimensions; ++d) {
    const std::uint32_t size = big_endian(bytes, 4 + 4 * d);
    if (size == 0) throw damaged(file, "size 0 at offset " + std::to_string(4 + 4 * d));
    if (count > kLargestFile / size) throw damaged(file, "the sizes in its header are too large");
    count *= size;
    idx.sizes.push_back(size);
  }
  if (bytes.size() - header != count) {
    const std::string what = bytes.size() - header < count ? "truncated" : "too long";
    throw damaged(file, what + ": " + std::to_string(bytes.size() - header) + " values after offset " +
                            std::to_string(header) + ", its header says " + std::to_string(count));
  }
  idx.values.assign(bytes.begin() + static_cast<std::ptrdiff_t>(header), bytes.end());
  return idx;
}

void read_idx_split(const std::filesystem::path& folder, const std::string& prefix, Raw& raw,
                    RawSplit& split) {
  Idx images = read_idx(folder, prefix + "-images-idx3-ubyte", 3);
  const Idx labels = read_idx(folder, prefix + "-labels-idx1-ubyte", 1);
  if (images.sizes[0] != labels.sizes[0]) {
    throw damaged(folder / labels.file, std::to_string(labels.sizes[0]) + " labels, but " + images.file +
                                            " has " + std::to_string(images.sizes[0]) + " images");
  }
  const std::vector<std::int64_t> shape = {1, images.sizes[1], images.sizes[2]};
  if (!raw.shape.empty() && raw.shape != shape) {
    throw damaged(folder / images.file, "its images differ in size from the training images");
  }
  raw.shape = shape;
  split.pixels = std::move(images.values);
  split.labels.assign(labels.values.begin(), labels.values.end());
  raw.checksums[images.file] = images.checksum;
  raw.checksums[labels.file] = labels.checksum;
}

}  // namespace

Raw read_idx_set(const std::filesystem::path& folder) {
  Raw raw;
  raw.path = folder.string();
  read_idx_split(folder, "train", raw, raw.train);
  read_idx_split(folder, "t10k", raw, raw.test);
  return raw;
}

Idx read_idx(const std::filesystem::path& folder, const std::string& name, std::size_t dimensions) {
  std::filesystem::path file = folder / name;
  if (!std::filesystem::exists(file)) file += ".gz";
  if (!std::filesystem::exists(file)) {
    throw Error(Code::kNotFound, folder.string() + " has neither " + name + " nor " + name + ".gz",
                kPathField);
  }
  StoredFile stored = read_file(file);
  if (is_gzip(stored.bytes)) stored.bytes = inflate_all(file, stored.bytes);
  Idx idx = parse(file, stored.bytes, dimensions);
  idx.checksum = stored.checksum;
  idx.file = file.filename().string();
  return idx;
}

}  // namespace hooke::data
