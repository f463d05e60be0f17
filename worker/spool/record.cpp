#include "worker/spool/record.h"

#include <bit>
#include <cstring>

#include "proto/hooke/error.h"
#include "worker/spool/bytes.h"

namespace hooke::spool {
namespace {

// Takes values off the front of a payload; throws when there are too few bytes.
class Input {
 public:
  explicit Input(std::string_view bytes) : bytes_(bytes) {}

  template <class T>
  T number() {
    return load<T>(take(sizeof(T)));
  }

  std::string text(std::size_t size) { return std::string(take(size)); }

  void expect_end() const {
    if (!bytes_.empty()) throw damaged(std::to_string(bytes_.size()) + " bytes too many");
  }

  std::size_t left() const { return bytes_.size(); }

 private:
  static Error damaged(const std::string& what) {
    return Error(Code::kDataLoss, "a spool record is damaged: " + what);
  }

  std::string_view take(std::size_t size) {
    if (bytes_.size() < size) throw damaged(std::to_string(size - bytes_.size()) + " bytes missing");
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }

  std::string_view bytes_;
};

void put_key(std::string& out, const std::string& key) {
  if (key.size() > UINT16_MAX)
    throw invalid("series", "a key of " + std::to_string(key.size()) + " bytes is too long; at most 65535");
  put(out, static_cast<std::uint16_t>(key.size()));
  out += key;
}

}  // namespace

std::string encode(const Scalars& scalars) {
  std::string out;
  put(out, scalars.step);
  put(out, scalars.time_us);
  put(out, static_cast<std::uint32_t>(scalars.values.size()));
  for (const auto& [key, value] : scalars.values) {
    put_key(out, key);
    put(out, std::bit_cast<std::uint64_t>(value));
  }
  return out;
}

Scalars decode_scalars(std::string_view payload) {
  Input in(payload);
  Scalars scalars;
  scalars.step = in.number<std::int64_t>();
  scalars.time_us = in.number<std::int64_t>();
  const auto count = in.number<std::uint32_t>();
  for (std::uint32_t i = 0; i < count; ++i) {
    std::string key = in.text(in.number<std::uint16_t>());
    scalars.values.emplace_back(std::move(key), std::bit_cast<double>(in.number<std::uint64_t>()));
  }
  in.expect_end();
  return scalars;
}

std::string encode(const Matrix& matrix) {
  std::string out;
  put(out, matrix.step);
  put(out, matrix.time_us);
  put_key(out, matrix.series);
  put(out, matrix.rows);
  put(out, matrix.columns);
  return out + matrix.planes;
}

Matrix decode_matrix(std::string_view payload) {
  Input in(payload);
  Matrix matrix;
  matrix.step = in.number<std::int64_t>();
  matrix.time_us = in.number<std::int64_t>();
  matrix.series = in.text(in.number<std::uint16_t>());
  matrix.rows = in.number<std::uint32_t>();
  matrix.columns = in.number<std::uint32_t>();
  // Divided, not multiplied: that cannot overflow.
  constexpr std::size_t kCellBytes = kMatrixPlanes * 4;
  const std::uint64_t cells = std::uint64_t{matrix.rows} * matrix.columns;
  if (in.left() % kCellBytes != 0 || in.left() / kCellBytes != cells)
    throw Error(Code::kDataLoss, "a spool record is damaged: matrix " + matrix.series + " has " +
                                     std::to_string(in.left()) + " bytes for " + std::to_string(cells) +
                                     " cells of " + std::to_string(kCellBytes));
  matrix.planes = in.text(in.left());
  return matrix;
}

std::string encode(const Pairs& pairs) {
  std::string out;
  out.reserve(64 + pairs.series.size() + pairs.numerators.size() + pairs.denominators.size());
  put(out, pairs.step);
  put(out, pairs.time_us);
  put_key(out, pairs.series);
  put(out, pairs.first_row);
  put(out, static_cast<std::uint32_t>(pairs.numerators.size()));
  put(out, static_cast<std::uint32_t>(pairs.denominators.size()));
  out += pairs.numerators;
  out += pairs.denominators;
  return out;
}

Pairs decode_pairs(std::string_view payload) {
  Input in(payload);
  Pairs pairs;
  pairs.step = in.number<std::int64_t>();
  pairs.time_us = in.number<std::int64_t>();
  pairs.series = in.text(in.number<std::uint16_t>());
  pairs.first_row = in.number<std::uint32_t>();
  const auto numerators = in.number<std::uint32_t>(), denominators = in.number<std::uint32_t>();
  pairs.numerators = in.text(numerators);
  pairs.denominators = in.text(denominators);
  in.expect_end();
  return pairs;
}

}  // namespace hooke::spool
