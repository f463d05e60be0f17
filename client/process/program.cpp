#include "client/process/program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "proto/hooke/error.h"

namespace hooke::process {
namespace {

using Clock = std::chrono::steady_clock;

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

std::vector<std::string> environment_without_token() {
  std::vector<std::string> block;
  for (char** entry = environ; *entry; ++entry)
    if (!std::string_view(*entry).starts_with("HOOKE_TOKEN=")) block.emplace_back(*entry);
  return block;
}

// Both ends of a pipe, closed with it.
class Pipe {
 public:
  Pipe() {
    if (::pipe2(ends_, O_CLOEXEC) != 0)
      throw Error(Code::kUnavailable, std::string("no pipe: ") + std::strerror(errno));
  }
  ~Pipe() {
    close(0);
    close(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  int operator[](int end) const { return ends_[end]; }
  void close(int end) {
    if (const int file = std::exchange(ends_[end], -1); file >= 0) ::close(file);
  }

 private:
  int ends_[2] = {-1, -1};
};

// Feeds and drains until the program has closed both outputs. False: the time is over.
bool exchange(Pipe& in, Pipe& out, Pipe& err, std::string_view input, Output& output,
              Clock::time_point deadline) {
  ::fcntl(in[1], F_SETFL, O_NONBLOCK);
  if (input.empty()) in.close(1);
  while (out[0] >= 0 || err[0] >= 0) {
    pollfd files[] = {{in[1], POLLOUT, 0}, {out[0], POLLIN, 0}, {err[0], POLLIN, 0}};
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    if (::poll(files, 3, static_cast<int>(left)) <= 0) continue;
    if (files[0].revents != 0) {
      const auto written = ::write(in[1], input.data(), input.size());
      if (written > 0) input.remove_prefix(static_cast<std::size_t>(written));
      if (input.empty() || (written < 0 && errno != EAGAIN)) in.close(1);
    }
    const auto drain = [&](const pollfd& file, Pipe& pipe, std::string& text) {
      if (file.revents == 0) return;
      char buffer[4096];
      const auto got = ::read(file.fd, buffer, sizeof buffer);
      if (got > 0) text.append(buffer, static_cast<std::size_t>(got));
      if (got == 0) pipe.close(0);
    };
    drain(files[1], out, output.out);
    drain(files[2], err, output.err);
  }
  return true;
}

}  // namespace

Output run_program(const std::vector<std::string>& command, const std::string& input,
                   std::chrono::milliseconds patience) {
  std::vector<std::string> arguments = command, block = environment_without_token();
  const auto argument_pointers = pointers(arguments), block_pointers = pointers(block);
  Pipe in, out, err;
  const pid_t pid = ::fork();
  if (pid < 0) throw Error(Code::kUnavailable, std::string("no process: ") + std::strerror(errno));
  if (pid == 0) {
    ::signal(SIGPIPE, SIG_DFL);
    ::dup2(in[0], STDIN_FILENO);
    ::dup2(out[1], STDOUT_FILENO);
    ::dup2(err[1], STDERR_FILENO);
    ::execvpe(argument_pointers[0], argument_pointers.data(), block_pointers.data());
    ::_exit(kNotThere);
  }
  in.close(0);
  out.close(1);
  err.close(1);
  const auto before = ::signal(SIGPIPE, SIG_IGN);  // a program need not read its input
  Output output;
  const bool ended = exchange(in, out, err, input, output, Clock::now() + patience);
  ::signal(SIGPIPE, before);
  if (!ended) ::kill(pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  output.status = !ended ? kNotInTime : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return output;
}

std::optional<std::string> output_of(const std::vector<std::string>& command,
                                     std::chrono::milliseconds patience) {
  try {
    Output output = run_program(command, {}, patience);
    if (output.status == 0) return std::move(output.out);
  } catch (const Error&) {
    // No process can be made.
  }
  return std::nullopt;
}

std::string complaint(const std::vector<std::string>& command, const Output& output) {
  if (output.status == kNotThere) return command.at(0) + " is not installed here, or not on the PATH";
  std::string words = output.err.empty() ? output.out : output.err;
  words.erase(words.find_last_not_of(" \n") + 1);
  for (char& c : words)
    if (c == '\n') c = ' ';
  if (output.status == kNotInTime)
    return command.at(0) + " did not answer" + (words.empty() ? "" : ": " + words);
  return command.at(0) +
         " refused: " + (words.empty() ? "exit status " + std::to_string(output.status) : words);
}

}  // namespace hooke::process
