#include "server/storage/compression.h"

#include <zstd.h>

#include "proto/hooke/error.h"
#include "server/storage/limits.h"

namespace hooke::storage {
namespace {

// The fastest: measured distances are nearly noise, and higher levels gain next to nothing.
constexpr int kLevel = 1;

Error damaged(const char* why) {
  return Error(Code::kDataLoss, std::string("a compressed value cannot be read: ") + why);
}

}  // namespace

std::string compress(std::string_view bytes) {
  std::string frame(ZSTD_compressBound(bytes.size()), '\0');
  const std::size_t size = ZSTD_compress(frame.data(), frame.size(), bytes.data(), bytes.size(), kLevel);
  if (ZSTD_isError(size))
    throw Error(Code::kInternal, std::string("compressing failed: ") + ZSTD_getErrorName(size));
  frame.resize(size);
  return frame;
}

std::string decompress(std::string_view frame) {
  const unsigned long long size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > kMaxValueBytes)
    throw damaged("it has no size, or one that is too large");
  std::string bytes(size, '\0');
  const std::size_t got = ZSTD_decompress(bytes.data(), bytes.size(), frame.data(), frame.size());
  if (ZSTD_isError(got)) throw damaged(ZSTD_getErrorName(got));
  if (got != size) throw damaged("it is cut short");
  return bytes;
}

}  // namespace hooke::storage
