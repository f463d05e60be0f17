#include "worker/data/npy.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <string_view>

#include "worker/data/files.h"

namespace hooke::data {
namespace {

static_assert(std::endian::native == std::endian::little, "NPY files are read as they are in memory");

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kLargestCount = 1ull << 32;  // of numbers: damage

struct Type {
  const char* name;
  std::size_t bytes;
  Array::Kind kind;
  double (*read)(const char* from);
};

template <class T>
double read_as(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return static_cast<double>(value);
}

constexpr Type kTypes[] = {
    {"<f4", 4, Array::Kind::kFloats, read_as<float>},
    {"<f8", 8, Array::Kind::kFloats, read_as<double>},
    {"<i4", 4, Array::Kind::kIntegers, read_as<std::int32_t>},
    {"<i8", 8, Array::Kind::kIntegers, read_as<std::int64_t>},
    {"|u1", 1, Array::Kind::kBytes, read_as<std::uint8_t>},
};

// The header's dictionary, and where the numbers begin.
struct Header {
  std::string_view text;
  std::size_t data = 0;
};

Header find_header(const std::filesystem::path& file, std::string_view bytes) {
  if (bytes.substr(0, kMagic.size()) != kMagic) throw damaged(file, "not an NPY file: offset 0 has no magic");
  const int version = bytes.size() > 6 ? bytes[6] : 0;
  if (version != 1 && version != 2) {
    throw damaged(file, "NPY version " + std::to_string(version) + " at offset 6; 1 and 2 are read");
  }
  const std::size_t begin = version == 1 ? 10 : 12;
  if (bytes.size() < begin)
    throw damaged(file, "truncated: its header ends at offset " + std::to_string(bytes.size()));
  std::size_t length = 0;
  for (std::size_t i = begin; i > 8; --i) length = length << 8 | static_cast<unsigned char>(bytes[i - 1]);
  if (bytes.size() - begin < length) {
    throw damaged(file, "truncated: its header ends at offset " + std::to_string(bytes.size()) + ", not " +
                            std::to_string(begin + length));
  }
  return {bytes.substr(begin, length), begin + length};
}

// What stands after "'key':" in the dictionary, up to `end`.
std::string_view value_of(const std::filesystem::path& file, std::string_view text, const std::string& key,
                          char begin, char end) {
  const std::size_t at = text.find("'" + key + "'");
  const std::size_t from = at == text.npos ? at : text.find(begin, at + key.size() + 2);
  const std::size_t to = from == text.npos ? from : text.find(end, from + 1);
  if (to == text.npos) throw damaged(file, "its header has no " + key);
  return text.substr(from + 1, to - from - 1);
}

const Type& find_type(const std::filesystem::path& file, std::string_view name) {
  std::string known;
  for (const Type& type : kTypes) {
    if (name == type.name) return type;
    known += (known.empty() ? "" : ", ") + std::string(type.name);
  }
  throw damaged(file, "numbers of type '" + std::string(name) + "'; convert them to one of " + known);
}

std::vector<std::int64_t> parse_sizes(const std::filesystem::path& file, std::string_view text) {
  std::vector<std::int64_t> sizes;
  std::size_t count = 1;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t size = 0;
    at = std::min(text.find_first_not_of(", ", at), text.size());
    if (at == text.size()) break;
    const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), size);
    if (error != std::errc() || size == 0 || count > kLargestCount / size) {
      throw damaged(file, "its header has shape (" + std::string(text) + ")");
    }
    count *= size;
    sizes.push_back(static_cast<std::int64_t>(size));
    at = static_cast<std::size_t>(end - text.data());
  }
  if (sizes.empty()) throw damaged(file, "its header has shape (): an array of examples is needed");
  return sizes;
}

}  // namespace

Array read_npy(const std::filesystem::path& file) {
  const StoredFile stored = read_file(file);
  const Header header = find_header(file, stored.bytes);
  const Type& type = find_type(file, value_of(file, header.text, "descr", '\'', '\''));
  if (value_of(file, header.text, "fortran_order", ':', ',').find("False") == std::string_view::npos) {
    throw damaged(file, "is in Fortran order; save numpy.ascontiguousarray() of it");
  }
  Array array;
  array.kind = type.kind;
  array.sizes = parse_sizes(file, value_of(file, header.text, "shape", '(', ')'));
  array.checksum = stored.checksum;
  array.file = file;
  std::size_t count = 1;
  for (const std::int64_t size : array.sizes) count *= static_cast<std::size_t>(size);
  const std::size_t there = stored.bytes.size() - header.data;
  if (there != count * type.bytes) {
    throw damaged(file, std::string(there < count * type.bytes ? "truncated: " : "too long: ") +
                            std::to_string(there) + " bytes after offset " + std::to_string(header.data) +
                            ", its header says " + std::to_string(count * type.bytes));
  }
  array.values.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = header.data + i * type.bytes;
    array.values.push_back(type.read(stored.bytes.data() + at));
    if (!std::isfinite(array.values.back())) {
      throw damaged(file, "the number at offset " + std::to_string(at) + " is not finite");
    }
  }
  return array;
}

}  // namespace hooke::data
