#include "worker/spool/spool.h"

#include <algorithm>
#include <sstream>
#include <string>
#include <system_error>

#include "proto/hooke/error.h"
#include "worker/spool/bytes.h"
#include "worker/spool/crc32c.h"

namespace hooke::spool {
namespace {

constexpr std::size_t kPrefixBytes = 8;  // length, checksum
constexpr std::size_t kHeaderBytes = 9;  // number, kind

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

Error file_error(Code code, const std::filesystem::path& path, const std::string& what,
                 const std::system_error& error) {
  return Error(code,
               "spool " + path.string() + ": " + what + ": " + error.code().message() + remedy(error.code()));
}

// Runs `work`; what the file system refuses is an error of this spool.
template <class Work>
auto doing(const std::filesystem::path& path, const char* what, Work work) {
  try {
    return work();
  } catch (const std::system_error& error) {
    throw file_error(Code::kUnavailable, path, what, error);
  }
}

enum class Frame { kWhole, kTorn };

// Reads the frame at `offset`. A frame that is cut off or damaged and the last one is torn; a
// damaged one with more bytes behind it throws.
Frame read_frame(File& file, const std::filesystem::path& path, std::uint64_t offset, std::uint64_t expected,
                 Record& record, std::uint64_t& end) {
  const std::string prefix = file.read(offset, kPrefixBytes);
  if (prefix.size() < kPrefixBytes) return Frame::kTorn;
  const auto length = load<std::uint32_t>(prefix);
  const auto damaged = [&](const std::string& what) {
    return Error(Code::kDataLoss, "spool " + path.string() + ": damaged at byte " + std::to_string(offset) +
                                      " (record " + std::to_string(expected) + "): " + what);
  };
  if (length < kHeaderBytes || length > kMaxFrameBytes) {
    // Zeros up to the end of the file are what a power failure leaves of an unwritten tail.
    const std::uint64_t size = file.size();
    if (length == 0 && size - offset <= kMaxFrameBytes &&
        file.read(offset, size - offset).find_first_not_of('\0') == std::string::npos)
      return Frame::kTorn;
    throw damaged("a length of " + std::to_string(length));
  }
  const std::string body = file.read(offset + kPrefixBytes, length);
  if (body.size() < length) return Frame::kTorn;
  end = offset + kPrefixBytes + length;
  if (crc32c(body) != load<std::uint32_t>(std::string_view(prefix).substr(4))) {
    if (end < file.size()) throw damaged("wrong checksum");
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
Position first_position(Files& files, const std::filesystem::path& path) {
  Position position;
  const auto text = read_text(files, note_of(path));
  std::istringstream note(text.value_or(""));
  if (text && !(note >> position.offset >> position.number))
    throw Error(Code::kDataLoss, note_of(path).string() + " is damaged");
  return position;
}

std::unique_ptr<File> open(Files& files, const std::filesystem::path& path, Files::Mode mode) {
  return doing(path, "cannot be opened", [&] { return files.open(path, mode); });
}

}  // namespace

Writer::Writer(const std::filesystem::path& path, Options options, Files& files)
    : file_(open(files, path, Files::Mode::kCreate)), options_(options), path_(path) {
  doing(path, "cannot be read", [&] {
    if (file_->size() == 0) files.remove(note_of(path_));
    const Position first = first_position(files, path_);
    size_ = first.offset;
    last_number_ = first.number;
    Record record;
    std::uint64_t end = 0;
    while (read_frame(*file_, path_, size_, last_number_ + 1, record, end) == Frame::kWhole) {
      size_ = end;
      last_number_ = record.number;
    }
    const std::uint64_t there = file_->size();
    if (there < size_)
      throw Error(Code::kDataLoss, note_of(path).string() +
                                       " is damaged: it says that the records begin at byte " +
                                       std::to_string(size_) + " of " + std::to_string(there));
    cut_bytes_ = there - size_;
  });
  if (cut_bytes_ == 0) return;
  doing(path, "its torn end cannot be cut", [&] {
    file_->truncate(size_);
    file_->sync();
  });
}

std::uint64_t Writer::space() const {
  return doing(path_, "cannot be read", [&] { return std::min(size_, file_->space()); });
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
  try {
    file_->write(size_, bytes);
  } catch (const std::system_error& error) {
    throw file_error(Code::kResourceExhausted, path_,
                     cut_back() ? "cannot be written" : "cannot be written, nor its torn end cut", error);
  }
  size_ += bytes.size();
  return ++last_number_;
}

bool Writer::cut_back() {
  try {
    file_->truncate(size_);
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

void Writer::sync() {
  try {
    file_->sync();
  } catch (const std::system_error& error) {
    throw file_error(Code::kDataLoss, path_, "cannot be flushed to disk", error);
  }
}

Reader::Reader(const std::filesystem::path& path, Files& files)
    : file_(open(files, path, Files::Mode::kRead)), path_(path) {
  go_to(first_position(files, path));
}

std::optional<Record> Reader::next() {
  Record record;
  std::uint64_t end = 0;
  const Frame frame = doing(path_, "cannot be read", [&] {
    return read_frame(*file_, path_, offset_, last_number_ + 1, record, end);
  });
  if (frame == Frame::kTorn) return std::nullopt;
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

bool free_before(const std::filesystem::path& path, Position end, Files& files) {
  const std::filesystem::path note = note_of(path);
  const bool freed_before = files.exists(note);
  const auto file = open(files, path, Files::Mode::kWrite);
  doing(note, "cannot be written", [&] {
    replace_text(files, note, std::to_string(end.offset) + ' ' + std::to_string(end.number) + '\n');
  });
  const bool freed = file->punch_front(end.offset);
  if (!freed && !freed_before) files.remove(note);
  return freed;
}

void remove_spool(const std::filesystem::path& path, Files& files) {
  for (const auto& file : {path, note_of(path)}) {
    try {
      files.remove(file);
    } catch (const std::system_error&) {  // it stays
    }
  }
}

}  // namespace hooke::spool
