#include "client/cli/processes.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

#include "proto/hooke/error.h"

// glibc 2.36 declares these without extern "C".
extern "C" {
#include <sys/pidfd.h>
}

namespace hooke::cli {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kStopPoll{50};
// After SIGKILL the kernel needs a moment, not more.
constexpr milliseconds kAfterKill{5'000};
constexpr std::size_t kTailBytes = 16'384;

struct Stat {
  char state = '?';
  std::uint64_t start_time = 0;
};

// Fields 3 and 22 of /proc/PID/stat; they follow the program's name in parentheses, which may
// itself hold spaces and parentheses.
std::optional<Stat> read_stat(int pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(in, line)) return std::nullopt;
  const std::size_t end = line.rfind(')');
  if (end == std::string::npos) return std::nullopt;
  std::istringstream fields(line.substr(end + 1));
  Stat stat;
  std::string skipped;
  fields >> stat.state;
  for (int field = 4; field < 22; ++field) fields >> skipped;
  fields >> stat.start_time;
  if (!fields) return std::nullopt;
  return stat;
}

std::string boot_id() {
  std::ifstream in("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(in, id);
  return id;
}

// A file descriptor that closes itself.
struct Descriptor {
  int value = -1;
  ~Descriptor() {
    if (value >= 0) ::close(value);
  }
};

// A signal to exactly this process: the number cannot pass to another between check and signal.
void send(const sdk::ProcessRecord& process, int signal) {
  const Descriptor handle{::pidfd_open(process.pid, 0)};
  if (handle.value >= 0 && alive(process)) ::pidfd_send_signal(handle.value, signal, nullptr, 0);
}

bool wait_for_all(const std::vector<sdk::ProcessRecord>& processes, milliseconds patience) {
  const auto until = steady_clock::now() + patience;
  while (std::any_of(processes.begin(), processes.end(), alive)) {
    if (steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(kStopPoll);
  }
  return true;
}

// Between fork and exec: only calls that are safe there. Ends the process.
[[noreturn]] void become(const char* program, char* const* arguments, char* const* environment, int log) {
  ::setsid();
  const int nothing = ::open("/dev/null", O_RDONLY);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::close_range(3, ~0U, 0);
  ::execve(program, arguments, environment);
  ::_exit(127);
}

std::vector<std::string> merged_environment(const Command& command) {
  std::vector<std::string> all;
  const auto changed = [&](const std::string& entry) {
    return std::any_of(command.environment.begin(), command.environment.end(),
                       [&](const auto& one) { return entry.rfind(one.first + "=", 0) == 0; });
  };
  for (char** entry = environ; *entry; ++entry)
    if (!changed(*entry)) all.emplace_back(*entry);
  for (const auto& [name, value] : command.environment)
    if (!value.empty()) all.push_back(name + "=" + value);
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

}  // namespace

sdk::ProcessRecord start(const Command& command) {
  if (::access(command.program.c_str(), X_OK) != 0)
    throw Error(Code::kFailedPrecondition,
                "'" + command.program.string() + "' is not there; it belongs beside this program");
  const Descriptor log{
      ::open(command.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, S_IRUSR | S_IWUSR)};
  if (log.value < 0)
    throw Error(Code::kFailedPrecondition,
                "cannot write '" + command.log.string() + "': " + std::strerror(errno));
  std::vector<std::string> arguments{command.program.string()};
  arguments.insert(arguments.end(), command.arguments.begin(), command.arguments.end());
  std::vector<std::string> environment = merged_environment(command);
  const auto argument_pointers = pointers(arguments);
  const auto environment_pointers = pointers(environment);
  const pid_t pid = ::fork();
  if (pid < 0)
    throw Error(Code::kResourceExhausted, std::string("cannot start a process: ") + std::strerror(errno));
  if (pid == 0)
    become(arguments[0].c_str(), argument_pointers.data(), environment_pointers.data(), log.value);
  const auto stat = read_stat(pid);
  return {command.role, pid, stat ? stat->start_time : 0, boot_id()};
}

bool alive(const sdk::ProcessRecord& process) {
  if (process.pid <= 1 || process.boot_id != boot_id()) return false;
  ::waitpid(process.pid, nullptr, WNOHANG);  // one of ours that has ended leaves the table
  const auto stat = read_stat(process.pid);
  return stat && stat->start_time == process.start_time && stat->state != 'Z' && stat->state != 'X';
}

int stop(const std::vector<sdk::ProcessRecord>& processes, milliseconds patience) {
  for (const sdk::ProcessRecord& process : processes) send(process, SIGTERM);
  if (wait_for_all(processes, patience)) return 0;
  int killed = 0;
  for (const sdk::ProcessRecord& process : processes) {
    if (!alive(process)) continue;
    send(process, SIGKILL);
    ++killed;
  }
  wait_for_all(processes, kAfterKill);
  return killed;
}

std::string tail(const fs::path& log, std::size_t lines) {
  std::ifstream in(log, std::ios::ate);
  if (!in) return {};
  const std::streamoff size = in.tellg();
  in.seekg(std::max<std::streamoff>(0, size - static_cast<std::streamoff>(kTailBytes)));
  std::vector<std::string> all;
  for (std::string line; std::getline(in, line);) all.push_back(line);
  std::string text;
  for (std::size_t i = all.size() - std::min(lines, all.size()); i < all.size(); ++i)
    text += (text.empty() ? "" : "\n") + all[i];
  return text;
}

StateLock::StateLock(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error) fs::permissions(folder, fs::perms::owner_all, error);
  if (error)
    throw Error(Code::kFailedPrecondition,
                "cannot make the folder '" + folder.string() + "': " + error.message());
  file_ = ::open((folder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file_ < 0 || ::flock(file_, LOCK_EX | LOCK_NB) != 0) {
    if (file_ >= 0) ::close(file_);
    throw Error(Code::kAborted, "another `hooke up` or `hooke down` is at work in '" + folder.string() + "'");
  }
}

StateLock::~StateLock() {
  ::close(file_);
}

bool port_taken(int port) {
  const Descriptor probe{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const int on = 1;
  ::setsockopt(probe.value, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::bind(probe.value, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0;
}

}  // namespace hooke::cli
