#include "client/formats/record_file.h"

#include "client/formats/numbers.h"
#include "proto/hooke/error.h"
#include "worker/spool/crc32c.h"

namespace hooke::formats {
namespace {

constexpr std::size_t kHeadBytes = 12, kTailBytes = 4;

template <class Number>
void append_bytes(std::string& to, Number value) {
  to.append(reinterpret_cast<const char*>(&value), sizeof value);
}

}  // namespace

std::uint32_t masked_crc32c(std::string_view bytes) {
  const std::uint32_t crc = spool::crc32c(bytes);
  return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

void append_record(std::string& to, std::string_view bytes) {
  const std::size_t begin = to.size();
  append_bytes(to, std::uint64_t{bytes.size()});
  append_bytes(to, masked_crc32c(std::string_view(to).substr(begin)));
  to += bytes;
  append_bytes(to, masked_crc32c(bytes));
}

RecordReader::RecordReader(const std::filesystem::path& path) : path_(path), in_(path, std::ios::binary) {
  std::error_code error;
  size_ = std::filesystem::file_size(path, error);
  if (!in_ || error) throw Error(Code::kNotFound, path.string() + " cannot be read");
}

bool RecordReader::next(std::string& bytes) {
  const auto corrupt = [&](const std::string& what) {
    return Error(Code::kDataLoss,
                 path_.string() + ", byte " + std::to_string(offset_) + ": the record is corrupt, " + what);
  };
  offset_ = end_;
  const std::uint64_t left = size_ - offset_;
  torn_ = left;
  if (left < kHeadBytes) return false;
  std::string head(kHeadBytes, '\0');
  if (!in_.read(head.data(), kHeadBytes)) throw corrupt("it cannot be read");
  const auto length = number_at<std::uint64_t>(head, 0);
  if (masked_crc32c(std::string_view(head).substr(0, sizeof length)) !=
      number_at<std::uint32_t>(std::string_view(head).substr(sizeof length), 0))
    throw corrupt("its length does not fit its checksum");
  if (length > kMostRecordBytes) throw corrupt("it has " + std::to_string(length) + " bytes");
  if (left < kHeadBytes + length + kTailBytes) return false;
  bytes.resize(length + kTailBytes);
  if (!in_.read(bytes.data(), static_cast<std::streamsize>(bytes.size()))) throw corrupt("it cannot be read");
  const auto checksum = number_at<std::uint32_t>(std::string_view(bytes).substr(length), 0);
  bytes.resize(length);
  if (masked_crc32c(bytes) != checksum) throw corrupt("its bytes do not fit their checksum");
  end_ = offset_ + kHeadBytes + length + kTailBytes;
  torn_ = 0;
  return true;
}

}  // namespace hooke::formats
