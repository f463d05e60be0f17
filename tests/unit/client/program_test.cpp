// The built program as a child: what only a process can show.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "tests/unit/client/cli_fixture.h"

namespace hooke::test {
namespace {

using testing::HasSubstr;

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
