// The built program as a child: what only a process can show.
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include <csignal>
#include <thread>

#include "tests/unit/client/cli_fixture.h"

namespace hooke::test {
namespace {

using testing::HasSubstr;
using testing::Not;

// What sanitizers go by, for a program whose environment has nothing else that is not said.
std::vector<std::string> sanitizer_options() {
  std::vector<std::string> variables;
  for (const char* name : {"ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"})
    if (const char* value = std::getenv(name)) variables.push_back(std::string(name) + "=" + value);
  return variables;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

class Program : public testing::Test {
 protected:
  // Starts `hooke`; its output goes to a file.
  pid_t start(const std::vector<std::string>& arguments) {
    words_ = arguments;
    words_.insert(words_.begin(), HOOKE_PROGRAM);
    const auto words = pointers(words_);
    std::vector<std::string> environment = sanitizer_options();
    environment.push_back("HOME=" + folder_.path().string());
    environment.push_back("HOOKE_SERVER=" + server_.address());
    const auto variables = pointers(environment);
    const pid_t pid = ::fork();
    if (pid == 0) {
      (void)!::freopen(log().c_str(), "w", stdout);
      ::dup2(STDOUT_FILENO, STDERR_FILENO);
      ::execve(words[0], words.data(), variables.data());
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
  void begin(std::vector<std::string> arguments, const std::vector<std::string>& variables, int columns = 80,
             int rows = 24) {
    std::vector<std::string> environment = sanitizer_options();
    for (const std::string& variable : {"HOME=" + folder_.path().string(),
                                        "HOOKE_SERVER=" + server_.address(), std::string("LANG=C.UTF-8")})
      environment.push_back(variable);
    environment.insert(environment.end(), variables.begin(), variables.end());
    arguments.insert(arguments.begin(), HOOKE_PROGRAM);
    const auto words = pointers(arguments);
    const auto variable_words = pointers(environment);
    winsize size{};
    size.ws_col = static_cast<unsigned short>(columns);
    size.ws_row = static_cast<unsigned short>(rows);
    // Held open here, so that what the program did to its settings can be seen when it is gone.
    ASSERT_EQ(::openpty(&terminal_, &line_, nullptr, nullptr, &size), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::login_tty(line_);
      ::close(terminal_);
      ::execve(words[0], words.data(), variable_words.data());
      ::_exit(127);
    }
  }
  // Reads until the terminal has shown `part`, or the program has ended.
  bool shows(const std::string& part) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (text_.find(part) == std::string::npos && std::chrono::steady_clock::now() < limit) {
      pollfd ready{terminal_, POLLIN, 0};
      if (::poll(&ready, 1, 50) > 0) read_some();
    }
    return text_.find(part) != std::string::npos;
  }
  void press(const std::string& keys) {
    ASSERT_EQ(::write(terminal_, keys.data(), keys.size()), std::ssize(keys));
  }
  void resize(int columns, int rows) {
    winsize size{};
    size.ws_col = static_cast<unsigned short>(columns);
    size.ws_row = static_cast<unsigned short>(rows);
    ::ioctl(terminal_, TIOCSWINSZ, &size);
  }
  // Waits for its end; the status as wait() has it, or minus the signal.
  int ended() {
    int status = 0;
    while (::waitpid(pid_, &status, WNOHANG) == 0) {
      pollfd ready{terminal_, POLLIN, 0};
      if (::poll(&ready, 1, 20) > 0) read_some();
    }
    pollfd ready{terminal_, POLLIN, 0};
    while (::poll(&ready, 1, 0) > 0 && (ready.revents & POLLIN)) read_some();
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  // Its whole output until it ends.
  std::string screen(const std::vector<std::string>& arguments, const std::vector<std::string>& variables) {
    begin(arguments, variables);
    EXPECT_EQ(ended(), 0) << text_;
    close_terminal();
    return std::exchange(text_, "");
  }
  void expect_restored() {
    const auto out = text_.rfind("\x1b[?1049l");
    ASSERT_NE(out, std::string::npos) << "the other screen was not left";
    EXPECT_EQ(text_.find("\x1b[?1049h", out), std::string::npos);
    EXPECT_GT(text_.rfind("\x1b[?25h") + 20, out) << "the cursor is hidden";
    termios now{};
    ASSERT_EQ(::tcgetattr(line_, &now), 0);
    EXPECT_TRUE(now.c_lflag & ECHO);
    EXPECT_TRUE(now.c_lflag & ICANON);
  }
  void close_terminal() {
    ::close(terminal_);
    ::close(line_);
  }

  const std::vector<std::string> xterm_{"TERM=xterm-256color"};
  int terminal_ = -1, line_ = -1;
  pid_t pid_ = -1;
  std::string text_;

 private:
  void read_some() {
    char buffer[4096];
    const ssize_t got = ::read(terminal_, buffer, sizeof buffer);
    if (got > 0) text_.append(buffer, static_cast<std::size_t>(got));
  }
};

TEST_F(OnATerminal, WatchTakesTheScreenAndGivesItBackWhateverEndsIt) {
  const auto watched = [&](const std::function<void()>& end) {
    begin({"watch", "shirts"}, xterm_);
    EXPECT_TRUE(shows("\x1b[?1049h"));
    EXPECT_TRUE(shows("q leaves")) << text_;
    end();
    const int status = ended();
    expect_restored();
    close_terminal();
    text_.clear();
    return status;
  };
  EXPECT_EQ(watched([&] { press("q"); }), 0);
  EXPECT_EQ(watched([&] { press("\x03"); }), 130) << "Ctrl-C";
  EXPECT_EQ(watched([&] { ::kill(pid_, SIGTERM); }), -SIGTERM);
  EXPECT_EQ(watched([&] { ::kill(pid_, SIGSEGV); }), -SIGSEGV) << "a crash";
  EXPECT_EQ(watched([&] {
              server_.change([](Script& script) { script.runs[0].set_state(v1::RUN_STATE_SUCCEEDED); });
              server_.change([](Script& script) { script.runs[1].set_state(v1::RUN_STATE_FAILED); });
            }),
            3);
}

TEST_F(OnATerminal, WatchFollowsTheSizeAndTheKeysAndTheServersRestart) {
  begin({"watch", "shirts"}, xterm_, 100, 30);
  ASSERT_TRUE(shows("▸k3f9aaaa"));
  press("j");
  EXPECT_TRUE(shows("▸k3f1bbbb"));
  press("\x1b[A");
  text_.clear();
  EXPECT_TRUE(shows("▸k3f9aaaa"));
  resize(40, 10);
  text_.clear();
  EXPECT_TRUE(shows("choose a run"));  // cut, were it wider
  server_.stop();
  EXPECT_TRUE(shows("the server is away"));
  server_.start();
  EXPECT_TRUE(shows("the server is back"));
  press("q");
  EXPECT_EQ(ended(), 0);
  expect_restored();
  close_terminal();
}

TEST_F(OnATerminal, WatchStopsAndGoesOn) {
  begin({"watch", "shirts"}, xterm_);
  ASSERT_TRUE(shows("q leaves"));
  ::kill(pid_, SIGTSTP);
  EXPECT_TRUE(shows("\x1b[?1049l"));
  int status = 0;
  ASSERT_EQ(::waitpid(pid_, &status, WUNTRACED), pid_);
  EXPECT_TRUE(WIFSTOPPED(status));
  text_.clear();
  ::kill(pid_, SIGCONT);
  EXPECT_TRUE(shows("\x1b[?1049h"));
  EXPECT_TRUE(shows("shirts: 1"));
  press("q");
  EXPECT_EQ(ended(), 0);
  expect_restored();
  close_terminal();
}

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
