#include "client/formats/out_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace hooke::formats {
namespace {

namespace fs = std::filesystem;

void make_folders(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw file_error(path, "cannot be made", error.value());
}

}  // namespace

Error file_error(const fs::path& path, const std::string& what, int number) {
  const bool full = number == ENOSPC || number == EDQUOT;
  return Error(full ? Code::kResourceExhausted : Code::kFailedPrecondition,
               path.string() + " " + what + ": " + std::strerror(number));
}

OutFile::OutFile(const fs::path& path) : path_(path) {
  make_folders(path.parent_path());
  descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor_ < 0) throw file_error(path_, "cannot be made", errno);
}

OutFile::~OutFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void OutFile::flush() {
  for (std::string_view rest = buffer_; !rest.empty();) {
    const auto written = ::write(descriptor_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw file_error(path_, "cannot be written", errno);
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  buffer_.clear();
}

void OutFile::close() {
  flush();
  if (::close(std::exchange(descriptor_, -1)) != 0) throw file_error(path_, "cannot be written", errno);
}

void replace_file(const fs::path& path, std::string_view bytes) {
  std::error_code error;
  const auto kind = fs::status(path, error).type();
  if (kind == fs::file_type::directory)
    throw Error(Code::kInvalidArgument, path.string() + " is a folder; name a file");
  const bool beside = kind == fs::file_type::regular || kind == fs::file_type::not_found;
  // Where a link leads, that it stays one.
  const fs::path place = kind == fs::file_type::regular ? fs::canonical(path) : path;
  if (kind == fs::file_type::not_found) make_folders(fs::absolute(path).parent_path());
  std::string draft = place.string() + (beside ? ".XXXXXX" : "");
  const int descriptor =
      beside ? ::mkostemp(draft.data(), O_CLOEXEC) : ::open(draft.c_str(), O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) throw file_error(place, "cannot be made", errno);
  int failed = 0;
  for (std::string_view rest = bytes; !rest.empty() && failed == 0;) {
    const auto written = ::write(descriptor, rest.data(), rest.size());
    if (written >= 0)
      rest.remove_prefix(static_cast<std::size_t>(written));
    else if (errno != EINTR)
      failed = errno;
  }
  if (beside && failed == 0) {
    const mode_t mask = ::umask(0);
    ::umask(mask);
    if (::fchmod(descriptor, 0666 & ~mask) != 0 || ::fsync(descriptor) != 0) failed = errno;
  }
  if (::close(descriptor) != 0 && failed == 0) failed = errno;
  if (beside && failed == 0 && ::rename(draft.c_str(), place.c_str()) != 0) failed = errno;
  if (failed == 0) return;
  if (beside) ::unlink(draft.c_str());
  throw file_error(place, "cannot be written", failed);
}

Staging::Staging(fs::path folder, std::vector<std::string> entries, bool force)
    : folder_(folder.empty() ? fs::path(".") : std::move(folder)),
      entries_(std::move(entries)),
      force_(force) {
  if (!force)
    for (const std::string& entry : entries_)
      if (fs::symlink_status(folder_ / entry).type() != fs::file_type::not_found)
        throw Error(Code::kAlreadyExists,
                    (folder_ / entry).string() + " is there already; --force replaces it", "--out");
  for (fs::path missing = folder_; !missing.empty() && !fs::exists(missing); missing = missing.parent_path())
    made_.insert(made_.begin(), missing);
  make_folders(folder_);
  std::string pattern = (folder_ / ".hooke-export-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) {
    const int number = errno;
    throw file_error(folder_, "cannot be written to", number);
  }
  draft_ = pattern;
}

Staging::~Staging() {
  std::error_code ignored;
  fs::remove_all(draft_, ignored);
  // Only those that are empty go.
  for (auto folder = made_.rbegin(); folder != made_.rend(); ++folder) fs::remove(*folder, ignored);
}

void Staging::publish() {
  const int descriptor = ::open(draft_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) throw file_error(draft_, "cannot be opened", errno);
  const int synced = ::syncfs(descriptor);
  const int number = errno;
  ::close(descriptor);
  if (synced != 0) throw file_error(draft_, "cannot be written", number);
  for (const std::string& entry : entries_) {
    const fs::path place = folder_ / entry;
    std::error_code error;
    if (force_ && fs::symlink_status(place).type() != fs::file_type::not_found) {
      // What was there goes away with the draft.
      fs::rename(place, draft_ / ("replaced-" + entry), error);
      if (error) throw file_error(place, "cannot be replaced", error.value());
    }
    fs::rename(draft_ / entry, place, error);
    if (error) throw file_error(place, "cannot be made", error.value());
  }
}

}  // namespace hooke::formats
