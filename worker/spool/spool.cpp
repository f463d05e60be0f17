#include "worker/spool/spool.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include "proto/hooke/error.h"
#include "worker/spool/bytes.h"
#include "worker/spool/crc32c.h"

namespace hooke::spool {
namespace {

constexpr std::size_t kPrefixBytes = 8;  // length, checksum
constexpr std::size_t kHeaderBytes = 9;  // number, kind
constexpr std::size_t kLeastFrameBytes = kPrefixBytes + kHeaderBytes;

std::string frame(std::uint64_t number, Kind kind, std::string_view payload) {
  std::string body;
  body.reserve(kHeaderBytes + payload.size());
  put(body, number);
  put(body, static_cast<std::uint8_t>(kind));
  body += payload;
  std::string out;
  out.reserve(kPrefixBytes + body.size());
  put(out, static_cast<std::uint32_t>(body.size()));
  put(out, crc32c(body));
  return out + body;
}

Error file_error(Code code, const std::filesystem::path& path, const std::string& what, int error) {
  return Error(code, "spool " + path.string() + ": " + what + ": " + std::strerror(error));
}

std::uint64_t file_size(int fd, const std::filesystem::path& path) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) throw file_error(Code::kUnavailable, path, "cannot be read", errno);
  return static_cast<std::uint64_t>(info.st_size);
}

// Up to `size` bytes at `offset`; fewer at the end of the file.
std::string read_at(int fd, const std::filesystem::path& path, std::uint64_t offset, std::size_t size) {
  std::string out(size, '\0');
  std::size_t have = 0;
  while (have < size) {
    const ssize_t got = ::pread(fd, out.data() + have, size - have, static_cast<off_t>(offset + have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw file_error(Code::kUnavailable, path, "cannot be read", errno);
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  out.resize(have);
  return out;
}

enum class Frame { kWhole, kTorn };

// Reads the frame at `offset`. A frame that is cut off or damaged and the last one is torn; a
// damaged one with more bytes behind it throws.
Frame read_frame(int fd, const std::filesystem::path& path, std::uint64_t offset, std::uint64_t expected,
                 Record& record, std::uint64_t& end) {
  const std::string prefix = read_at(fd, path, offset, kPrefixBytes);
  if (prefix.size() < kPrefixBytes) return Frame::kTorn;
  const auto length = load<std::uint32_t>(prefix);
  const auto damaged = [&](const std::string& what) {
    return Error(Code::kDataLoss, "spool " + path.string() + ": damaged at byte " + std::to_string(offset) +
                                      " (record " + std::to_string(expected) + "): " + what);
  };
  if (length < kHeaderBytes || length > kMaxFrameBytes) {
    // Zeros up to the end of the file are what a power failure leaves of an unwritten tail.
    const std::uint64_t size = file_size(fd, path);
    if (length == 0 && size - offset <= kMaxFrameBytes &&
        read_at(fd, path, offset, size - offset).find_first_not_of('\0') == std::string::npos)
      return Frame::kTorn;
    throw damaged("a length of " + std::to_string(length));
  }
  const std::string body = read_at(fd, path, offset + kPrefixBytes, length);
  if (body.size() < length) return Frame::kTorn;
  end = offset + kPrefixBytes + length;
  if (crc32c(body) != load<std::uint32_t>(std::string_view(prefix).substr(4))) {
    if (end < file_size(fd, path)) throw damaged("wrong checksum");
    return Frame::kTorn;
  }
  record.number = load<std::uint64_t>(body);
  record.kind = static_cast<Kind>(static_cast<std::uint8_t>(body[8]));
  record.payload = body.substr(kHeaderBytes);
  if (record.number != expected) throw damaged("it is numbered " + std::to_string(record.number));
  if (record.kind < Kind::kJson || record.kind > Kind::kPairs) throw damaged("unknown kind");
  return Frame::kWhole;
}

std::filesystem::path note_of(const std::filesystem::path& path) {
  return path.string() + ".freed";
}

// Where the records begin.
Position first_position(const std::filesystem::path& path) {
  Position position;
  std::ifstream note(note_of(path));
  if (note && !(note >> position.offset >> position.number))
    throw Error(Code::kDataLoss, note_of(path).string() + " is damaged");
  return position;
}

void sync_path(const std::filesystem::path& path, int flags) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags);
  const bool synced = fd >= 0 && ::fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (!synced) throw file_error(Code::kUnavailable, path, "cannot be flushed to disk", error);
}

}  // namespace

Writer::Writer(const std::filesystem::path& path, Options options) : options_(options), path_(path) {
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd_ < 0) throw file_error(Code::kUnavailable, path, "cannot be opened", errno);
  try {
    if (file_size(fd_, path_) == 0) std::filesystem::remove(note_of(path_));
    const Position first = first_position(path_);
    size_ = first.offset;
    last_number_ = first.number;
    Record record;
    std::uint64_t end = 0;
    while (read_frame(fd_, path_, size_, last_number_ + 1, record, end) == Frame::kWhole) {
      size_ = end;
      last_number_ = record.number;
    }
    cut_bytes_ = file_size(fd_, path_) - size_;
    if (cut_bytes_ > 0 && (::ftruncate(fd_, static_cast<off_t>(size_)) != 0 || ::fdatasync(fd_) != 0))
      throw file_error(Code::kUnavailable, path_, "its torn end cannot be cut", errno);
  } catch (...) {
    ::close(fd_);
    throw;
  }
}

Writer::~Writer() {
  ::close(fd_);
}

std::uint64_t Writer::space() const {
  struct stat info {};
  if (::fstat(fd_, &info) != 0) throw file_error(Code::kUnavailable, path_, "cannot be read", errno);
  return std::min(size_, static_cast<std::uint64_t>(info.st_blocks) * 512);
}

std::uint64_t Writer::append(Kind kind, std::string_view payload) {
  const std::string bytes = frame(last_number_ + 1, kind, payload);
  if (bytes.size() - kPrefixBytes > kMaxFrameBytes)
    throw Error(Code::kResourceExhausted,
                "a record of " + std::to_string(payload.size()) + " bytes is too large");
  if (size_ + bytes.size() > options_.limit_bytes && space() + bytes.size() > options_.limit_bytes)
    throw Error(Code::kResourceExhausted,
                "spool " + path_.string() + " would exceed its limit of " +
                    std::to_string(options_.limit_bytes) +
                    " bytes; the server has been away too long, or raise the limit (--spool-limit)");
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t wrote =
        ::pwrite(fd_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(size_ + done));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) {
      const int error = errno;
      const bool cut = ::ftruncate(fd_, static_cast<off_t>(size_)) == 0;
      throw file_error(Code::kResourceExhausted, path_,
                       cut ? "cannot be written" : "cannot be written, nor its torn end cut", error);
    }
    done += static_cast<std::size_t>(wrote);
  }
  size_ += bytes.size();
  return ++last_number_;
}

void Writer::sync() {
  if (::fdatasync(fd_) != 0) throw file_error(Code::kDataLoss, path_, "cannot be flushed to disk", errno);
}

Reader::Reader(const std::filesystem::path& path) : path_(path) {
  fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd_ < 0) throw file_error(Code::kUnavailable, path, "cannot be opened", errno);
  try {
    go_to(first_position(path));
  } catch (...) {
    ::close(fd_);
    throw;
  }
}

Reader::~Reader() {
  ::close(fd_);
}

std::optional<Record> Reader::next() {
  Record record;
  std::uint64_t end = 0;
  if (read_frame(fd_, path_, offset_, last_number_ + 1, record, end) == Frame::kTorn) return std::nullopt;
  offset_ = end;
  last_number_ = record.number;
  return record;
}

bool Reader::skip_to(std::uint64_t number) {
  while (last_number_ < number)
    if (!next()) return false;
  return last_number_ == number;
}

void Reader::go_to(Position position) {
  offset_ = position.offset;
  last_number_ = position.number;
}

bool free_before(const std::filesystem::path& path, Position end) {
  const std::filesystem::path note = note_of(path), fresh = note.string() + ".new";
  const bool freed_before = std::filesystem::exists(note);
  {
    std::ofstream out(fresh, std::ios::trunc);
    out << end.offset << ' ' << end.number << '\n';
    if (!out.flush()) throw file_error(Code::kUnavailable, fresh, "cannot be written", errno);
  }
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) throw file_error(Code::kUnavailable, path, "cannot be opened", errno);
  try {
    sync_path(fresh, 0);
    std::filesystem::rename(fresh, note);
    sync_path(path.parent_path(), O_DIRECTORY);
  } catch (...) {
    ::close(fd);
    throw;
  }
  const bool freed =
      ::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(end.offset)) == 0;
  ::close(fd);
  if (!freed && !freed_before) std::filesystem::remove(note);
  return freed;
}

void remove_spool(const std::filesystem::path& path) {
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
  std::filesystem::remove(note_of(path), ignored);
}

}  // namespace hooke::spool
