// The built program as a child: what only a process can show.
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "tests/unit/client/cli_fixture.h"

namespace hooke::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class Program : public testing::Test {
 protected:
  // Starts `hooke`; its output goes to a file.
  pid_t start(const std::vector<std::string>& arguments) {
    std::vector<char*> pointers;
    words_ = arguments;
    words_.insert(words_.begin(), HOOKE_PROGRAM);
    for (std::string& word : words_) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    const std::string home = "HOME=" + folder_.path().string();
    const std::string server = "HOOKE_SERVER=" + server_.address();
    std::vector<char*> environment{const_cast<char*>(home.c_str()), const_cast<char*>(server.c_str()),
                                   nullptr};
    const pid_t pid = ::fork();
    if (pid == 0) {
      (void)!::freopen(log().c_str(), "w", stdout);
      ::dup2(STDOUT_FILENO, STDERR_FILENO);
      ::execve(words_[0].c_str(), pointers.data(), environment.data());
      ::_exit(127);
    }
    return pid;
  }

  int wait(pid_t pid) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  std::string log() const { return folder_.path() / "out"; }

  TemporaryFolder folder_;
  FakeServer server_{two_runs()};
  std::vector<std::string> words_;
};

TEST_F(Program, AnInterruptEndsWith130) {
  const pid_t pid = start({"watch", "shirts"});
  while (server_.script().watchers == 0) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  ::kill(pid, SIGINT);
  EXPECT_EQ(wait(pid), 130);
}

TEST_F(Program, ItsExitStatusIsTheCommands) {
  EXPECT_EQ(wait(start({"runs", "list"})), 0);
  EXPECT_EQ(wait(start({"runs", "show", "zzz"})), 2);
  EXPECT_EQ(wait(start({"runs", "list", "--server", "127.0.0.1:1"})), 1);
  EXPECT_EQ(wait(start({"runs", "list", "--no-such-option"})), 2);
  server_.change([](Script& script) {
    script.runs[0].set_state(v1::RUN_STATE_SUCCEEDED);
    script.runs[1].set_state(v1::RUN_STATE_SUCCEEDED);
  });
  EXPECT_EQ(wait(start({"wait", "shirts"})), 0);
  server_.change([](Script& script) { script.runs[1].set_state(v1::RUN_STATE_FAILED); });
  EXPECT_EQ(wait(start({"wait", "shirts"})), 3);
  EXPECT_EQ(wait(start({"watch", "shirts"})), 3);
  server_.change([](Script& script) { script.runs[1].set_state(v1::RUN_STATE_CANCELLED); });
  EXPECT_EQ(wait(start({"watch", "shirts"})), 3);
  server_.change([](Script& script) { script.token = "secret"; });
  EXPECT_EQ(wait(start({"runs", "list"})), 4);
  EXPECT_EQ(wait(start({"runs", "list", "--token", "wrong"})), 4);
}

// What a person sees: the program on a terminal of its own.
class OnATerminal : public Program {
 protected:
  // Its whole output until it ends.
  std::string screen(std::vector<std::string> arguments, const std::vector<std::string>& variables) {
    std::vector<std::string> environment{"HOME=" + folder_.path().string(),
                                         "HOOKE_SERVER=" + server_.address(), "LANG=C.UTF-8"};
    environment.insert(environment.end(), variables.begin(), variables.end());
    arguments.insert(arguments.begin(), HOOKE_PROGRAM);
    const auto pointers = [](std::vector<std::string>& texts) {
      std::vector<char*> all;
      for (std::string& text : texts) all.push_back(text.data());
      all.push_back(nullptr);
      return all;
    };
    const auto words = pointers(arguments);
    const auto variable_words = pointers(environment);
    int terminal = -1;
    const pid_t pid = ::forkpty(&terminal, nullptr, nullptr, nullptr);
    if (pid == 0) {
      ::execve(words[0], words.data(), variable_words.data());
      ::_exit(127);
    }
    std::string text;
    char buffer[512];
    for (ssize_t got = 0; (got = ::read(terminal, buffer, sizeof buffer)) > 0;)
      text.append(buffer, static_cast<std::size_t>(got));
    ::close(terminal);
    EXPECT_EQ(wait(pid), 0) << text;
    return text;
  }
};

TEST_F(OnATerminal, ColoursAreForTerminalsAndAskedFor) {
  server_.change([](Script& script) { script.influence = small_influence(); });
  const std::vector<std::string> ask{"influence", "k3f9"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), ask.begin(), ask.end());
    return more;
  };
  const std::string xterm = "TERM=xterm-256color";
  EXPECT_THAT(screen(ask, {xterm}), HasSubstr("\x1b["));
  EXPECT_THAT(screen(ask, {xterm, "NO_COLOR="}), HasSubstr("\x1b[")) << "empty counts as not set";
  EXPECT_THAT(screen(ask, {xterm, "NO_COLOR=1"}), Not(HasSubstr("\x1b")));
  EXPECT_THAT(screen(ask, {"TERM=dumb"}), Not(HasSubstr("\x1b")));
  EXPECT_THAT(screen(ask, {}), Not(HasSubstr("\x1b")));
  EXPECT_THAT(screen(with({"--color", "never"}), {xterm}), Not(HasSubstr("\x1b")));
  EXPECT_THAT(screen(with({"--color", "always"}), {xterm, "NO_COLOR=1"}), HasSubstr("\x1b["));
  EXPECT_THAT(screen(with({"-o", "csv"}), {xterm}), Not(HasSubstr("\x1b")));

  EXPECT_EQ(wait(start(ask)), 0);  // into a file
  std::ifstream in(log());
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  EXPECT_THAT(text, HasSubstr("bag"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST_F(Program, OutputThatCannotBeWrittenIsAnError) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    (void)!::freopen("/dev/full", "w", stdout);
    ::execl(HOOKE_PROGRAM, "hooke", "presets", "show", "fashion-mnist", nullptr);
    ::_exit(127);
  }
  EXPECT_EQ(wait(pid), 1);
}

}  // namespace
}  // namespace hooke::test
