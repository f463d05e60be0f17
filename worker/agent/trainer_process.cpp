#include "worker/agent/trainer_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <deque>
#include <fstream>
#include <thread>

#include "proto/hooke/error.h"

namespace hooke::agent {
namespace {

constexpr std::size_t kMaxLineBytes = 2000;
constexpr std::streamoff kMaxTailBytes = 256 << 10;
constexpr int kCannotExecute = 127;

// Between fork and exec only what is safe in a process with threads may be called.
[[noreturn]] void become(char* const* arguments, int log, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(kCannotExecute);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  // Interactive signals go to the agent, which then stops the trainer.
  ::setpgid(0, 0);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  ::execv(arguments[0], arguments);
  constexpr char kMessage[] = "hooke-worker: the trainer cannot be executed\n";
  [[maybe_unused]] const auto ignored = ::write(STDERR_FILENO, kMessage, sizeof kMessage - 1);
  ::_exit(kCannotExecute);
}

}  // namespace

TrainerProcess::TrainerProcess(const std::vector<std::string>& command, const std::filesystem::path& log) {
  if (::access(command.at(0).c_str(), X_OK) != 0)
    throw Error(Code::kUnavailable,
                "trainer " + command[0] + ": " + std::strerror(errno) +
                    "; install hooke-trainer beside hooke-worker or name it with --trainer");
  const int log_fd = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log_fd < 0) throw Error(Code::kUnavailable, "log " + log.string() + ": " + std::strerror(errno));
  std::vector<char*> arguments;
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  const int error = errno;
  if (pid_ == 0) become(arguments.data(), log_fd, parent);
  ::close(log_fd);
  if (pid_ < 0)
    throw Error(Code::kUnavailable, std::string("trainer cannot be started: ") + std::strerror(error));
}

TrainerProcess::~TrainerProcess() {
  if (!poll()) stop(0);
}

std::optional<ProcessEnd> TrainerProcess::poll() {
  if (end_) return end_;
  int status = 0;
  const pid_t got = ::waitpid(pid_, &status, WNOHANG);
  if (got == pid_) {
    end_.emplace();
    if (WIFSIGNALED(status))
      end_->signal = WTERMSIG(status);
    else
      end_->exit_status = WEXITSTATUS(status);
  }
  return end_;
}

ProcessEnd TrainerProcess::stop(int grace_ms) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::milliseconds(grace_ms);
  if (!poll()) ::kill(pid_, SIGTERM);
  while (!poll()) {
    if (Clock::now() >= deadline) ::kill(pid_, SIGKILL);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return *end_;
}

std::string complaint(const ProcessEnd& end, const std::vector<std::string>& log) {
  // The trainer's own words, or the C++ library's when it aborts.
  const std::string prefix = end.signal == 0 ? "hooke-trainer: " : "  what():  ";
  for (auto line = log.rbegin(); line != log.rend(); ++line)
    if (line->starts_with(prefix)) return line->substr(prefix.size());
  return "";
}

v1::Reason reason_of(const ProcessEnd& end, const std::vector<std::string>& log) {
  v1::Reason reason;
  if (end.signal != 0) {
    reason.set_kind(v1::REASON_KIND_SIGNAL);
    reason.set_signal(end.signal);
    reason.set_message("trainer killed by signal " + std::to_string(end.signal) + " (" +
                       ::strsignal(end.signal) + ")");
  } else {
    reason.set_kind(v1::REASON_KIND_EXIT);
    reason.set_exit_status(end.exit_status);
    reason.set_message("trainer ended with exit status " + std::to_string(end.exit_status));
  }
  const bool may_have_complained = end.signal == 0 || end.signal == SIGABRT;
  const std::string said = may_have_complained ? complaint(end, log) : "";
  if (!said.empty()) reason.set_message(reason.message() + ": " + said);
  return reason;
}

std::vector<std::string> tail(const std::filesystem::path& file, std::size_t lines) {
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  if (!in) return {};
  const std::streamoff size = in.tellg();
  in.seekg(std::max<std::streamoff>(0, size - kMaxTailBytes));
  std::deque<std::string> last;
  for (std::string line; std::getline(in, line);) {
    // Bytes that are not ASCII might not be UTF-8, which the protocol insists on.
    for (char& c : line)
      if (static_cast<unsigned char>(c) > 126) c = '?';
    last.push_back(line.substr(0, kMaxLineBytes));
    if (last.size() > lines) last.pop_front();
  }
  return {last.begin(), last.end()};
}

}  // namespace hooke::agent
