// The framing of TensorFlow's record files: for each record
//   uint64 length; uint32 masked CRC-32C of the length; the bytes; uint32 masked CRC-32C of the bytes,
// little-endian. https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

namespace hooke::formats {

// ((crc >> 15) | (crc << 17)) + 0xa282ead8.
std::uint32_t masked_crc32c(std::string_view bytes);

// One record with its frame.
void append_record(std::string& to, std::string_view bytes);

// Reads a file from its beginning to its end; one thread.
class RecordReader {
 public:
  // Larger records are refused: their length is hardly one.
  static constexpr std::uint64_t kMostRecordBytes = std::uint64_t{1} << 30;

  // Throws hooke::Error when it cannot be read.
  explicit RecordReader(const std::filesystem::path& path);

  // The next record; false at the end, and where the last record is torn: see torn().
  // Throws hooke::Error (kDataLoss) naming file and offset when a checksum does not fit.
  bool next(std::string& bytes);
  // Where the last record began.
  std::uint64_t offset() const { return offset_; }
  // How many bytes of a record that is not whole are at the end; 0: none.
  std::uint64_t torn() const { return torn_; }

 private:
  const std::filesystem::path path_;
  std::ifstream in_;
  std::uint64_t size_ = 0;
  std::uint64_t offset_ = 0, end_ = 0;  // of the last record
  std::uint64_t torn_ = 0;
};

}  // namespace hooke::formats
