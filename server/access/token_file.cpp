#include "server/access/token_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include "server/storage/digest.h"

namespace hooke::access {
namespace {

constexpr std::size_t kTokenBytes = 32;
constexpr std::size_t kShortestToken = 16;  // characters
constexpr std::size_t kLongestToken = 1024;

[[noreturn]] void fail(const std::filesystem::path& file, const std::string& what) {
  throw Error(Code::kFailedPrecondition, "token file " + file.string() + ": " + what);
}

void write_whole(const std::filesystem::path& file, const std::string& text) {
  const int handle = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (handle < 0) fail(file, std::strerror(errno));
  const bool good = ::fchmod(handle, 0600) == 0 &&
                    ::write(handle, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                    ::fsync(handle) == 0;
  const int reason = errno;
  ::close(handle);
  if (!good) fail(file, std::strerror(reason));
}

std::string content_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string text(kLongestToken + 2, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || (!in.is_open())) fail(file, "cannot be read");
  text.resize(static_cast<std::size_t>(in.gcount()));
  const auto last = text.find_last_not_of(" \t\r\n");
  text.resize(last == std::string::npos ? 0 : last + 1);
  return text;
}

}  // namespace

TokenFile read_token_file(const std::filesystem::path& file, bool make, const storage::Random& random) {
  TokenFile result;
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) {
    if (errno != ENOENT || !make) fail(file, std::strerror(errno));
    // Renamed into place when whole: a crash leaves no empty token behind.
    const std::filesystem::path draft = file.string() + ".new";
    write_whole(draft, storage::to_hex(random(kTokenBytes)) + "\n");
    std::error_code error;
    std::filesystem::rename(draft, file, error);
    if (error) fail(file, error.message());
    result.made = true;
    status.st_mode = 0600;
  }
  result.others_may_read = (status.st_mode & 0077) != 0;
  result.token = content_of(file);
  if (result.token.size() < kShortestToken || result.token.size() > kLongestToken)
    fail(file, "holds no token of " + std::to_string(kShortestToken) + " to " +
                   std::to_string(kLongestToken) + " characters");
  const auto printable = [](char c) { return c > ' ' && c < '\x7f'; };
  if (!std::all_of(result.token.begin(), result.token.end(), printable))
    fail(file, "a token is one word of printable characters");
  return result;
}

}  // namespace hooke::access
