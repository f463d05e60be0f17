// `hooke up` and `hooke down` with programs that only seem to be a server and a worker.
#include <signal.h>
#include <sys/stat.h>

#include <thread>

#include "client/cli/processes.h"
#include "client/sdk/state.h"
#include "tests/unit/client/cli_fixture.h"

namespace hooke::test {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using testing::HasSubstr;

class Up : public CliTest {
 protected:
  Up() {
    programs_ = folder_.path() / "bin";
    fs::create_directories(programs_);
    fs::create_symlink(HOOKE_FAKE_HOOKED, programs_ / "hooked");
    worker("exec sleep 1000");
  }
  ~Up() override { hooke({"down"}); }

  void worker(const std::string& what) {
    const fs::path file = programs_ / "hooke-worker";
    std::ofstream(file) << "#!/bin/sh\necho \"$@\" token=$HOOKE_TOKEN_FILE\n" << what << "\n";
    ::chmod(file.c_str(), 0755);
  }

  fs::path state() const { return folder_.path() / ".local/state/hooke"; }
  sdk::UpState record() const { return sdk::read_up_state(state()).value(); }
  std::string worker_log() const {
    std::ifstream in(state() / "log/hooke-worker-1.log");
    return {std::istreambuf_iterator<char>(in), {}};
  }
};

TEST_F(Up, UpStartsAServerAndWorkersAndCommandsFindThem) {
  const Result result = hooke({"up", "--workers", "2", "--data-root", folder_.path()});
  ASSERT_EQ(result.code, 0) << result.err;
  ASSERT_EQ(record().processes.size(), 3u);
  EXPECT_THAT(result.out, HasSubstr(record().address));
  EXPECT_THAT(result.out, HasSubstr("2 workers"));
  EXPECT_THAT(result.out, HasSubstr("http://" + record().http_address + "/#token=secret-of-up\n"));
  EXPECT_EQ(hooke({"open", "--print"}).out, "http://" + record().http_address + "/#token=secret-of-up\n");
  EXPECT_THAT(worker_log(), HasSubstr("--server " + record().address));
  EXPECT_THAT(worker_log(), HasSubstr("--data-root " + folder_.path().string()));
  EXPECT_THAT(worker_log(), HasSubstr("token=" + (state() / "server/token").string()));
  struct stat status {};
  ASSERT_EQ(::stat(state().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
  EXPECT_EQ(hooke({"runs", "list"}).code, 0) << "address and token come from the state folder";
  EXPECT_EQ(hooke({"runs", "list", "--token", "wrong"}).code, 4);
}

TEST_F(Up, TwiceIsUpAlreadyWithTheSameProcesses) {
  ASSERT_EQ(hooke({"up"}).code, 0);
  const auto before = record().processes;
  const Result again = hooke({"up"});
  EXPECT_EQ(again.code, 0);
  EXPECT_THAT(again.out, HasSubstr("already"));
  EXPECT_EQ(record().processes, before);
}

TEST_F(Up, ADeadWorkerIsReplaced) {
  ASSERT_EQ(hooke({"up"}).code, 0);
  const auto before = record().processes;
  cli::stop({before[1]}, milliseconds(5000));
  const Result again = hooke({"up"});
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(record().processes[0], before[0]) << "the server goes on";
  EXPECT_NE(record().processes[1], before[1]);
  EXPECT_TRUE(cli::alive(record().processes[1]));
}

TEST_F(Up, ADeadServerIsStartedAgainWhereItsWorkersLookForIt) {
  ASSERT_EQ(hooke({"up"}).code, 0);
  const auto before = record();
  cli::stop({before.processes[0]}, milliseconds(5000));
  const Result again = hooke({"up"});
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_TRUE(cli::alive(before.processes[1])) << "the worker lost its run";
  EXPECT_EQ(record().address, before.address);
  ASSERT_EQ(record().processes.size(), 2u);
  EXPECT_EQ(record().processes[1], before.processes[1]);
  EXPECT_EQ(hooke({"runs", "list"}).code, 0);
}

TEST_F(Up, DownEndsBothAndTwiceIsNoError) {
  ASSERT_EQ(hooke({"up"}).code, 0);
  const auto before = record().processes;
  EXPECT_EQ(hooke({"down"}).code, 0);
  for (const auto& process : before) EXPECT_FALSE(cli::alive(process)) << process.role;
  const Result again = hooke({"down"});
  EXPECT_EQ(again.code, 0);
  EXPECT_THAT(again.out, HasSubstr("nothing is up"));
}

TEST_F(Up, DownNeverSignalsAStrangerWithARecordedNumber) {
  const sdk::ProcessRecord stranger =
      cli::start({"stranger", "/bin/sleep", {"1000"}, {}, folder_.path() / "stranger.log"});
  sdk::ProcessRecord recorded = stranger;
  recorded.start_time += 1;
  fs::create_directories(state());
  sdk::write_up_state(state(), {"127.0.0.1:1", "127.0.0.1:2", "/t", {}, {recorded}});
  EXPECT_EQ(hooke({"down"}).code, 0);
  EXPECT_TRUE(cli::alive(stranger));
  recorded = stranger;
  recorded.boot_id = "another boot";
  sdk::write_up_state(state(), {"127.0.0.1:1", "127.0.0.1:2", "/t", {}, {recorded}});
  EXPECT_EQ(hooke({"down"}).code, 0);
  EXPECT_TRUE(cli::alive(stranger));
  EXPECT_EQ(cli::stop({stranger}, milliseconds(5000)), 0);
  EXPECT_FALSE(cli::alive(stranger));
}

TEST_F(Up, AProcessThatIgnoresTheRequestIsKilled) {
  const sdk::ProcessRecord stubborn =
      cli::start({"stubborn",
                  "/bin/sh",
                  {"-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"},
                  {},
                  folder_.path() / "s.log"});
  while (cli::tail(folder_.path() / "s.log", 1) != "ready") std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(cli::stop({stubborn}, milliseconds(300)), 1);
  EXPECT_FALSE(cli::alive(stubborn));
}

TEST_F(Up, AWorkerThatCannotStartIsAnErrorWithItsLastWords) {
  worker("echo no trainer here; exit 1");
  const Result result = hooke({"up"});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr("hooke-worker did not start"));
  EXPECT_THAT(result.err, HasSubstr("no trainer here"));
  worker("exec sleep 1000");
  EXPECT_EQ(hooke({"up"}).code, 0) << "and is mended by the next";
}

TEST_F(Up, AServerThatCannotStartIsAnErrorWithItsLastWords) {
  fs::remove(programs_ / "hooked");
  std::ofstream(programs_ / "hooked") << "#!/bin/sh\necho no room left; exit 1\n";
  ::chmod((programs_ / "hooked").c_str(), 0755);
  const Result result = hooke({"up"});
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.err, HasSubstr("no room left"));
  EXPECT_FALSE(sdk::read_up_state(state()));
}

TEST_F(Up, WhatIsMissingOrTakenIsNamed) {
  EXPECT_THAT(hooke({"up", "--data-root", "/nonexistent"}).err, HasSubstr("/nonexistent"));
  FakeServer other{Script()};
  const Result taken = hooke({"up", "--port", std::to_string(other.port())});
  EXPECT_EQ(taken.code, 1);
  EXPECT_THAT(taken.err, HasSubstr(std::to_string(other.port())));
  fs::remove(programs_ / "hooked");
  EXPECT_THAT(hooke({"up"}).err, HasSubstr("hooked"));
}

}  // namespace
}  // namespace hooke::test
