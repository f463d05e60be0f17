// `hooke up` and `hooke down` in a state folder of their own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <thread>

#include "tests/integration/harness.h"

namespace hooke::harness {
namespace {

using testing::HasSubstr;

class UpDown : public testing::Test {
 protected:
  void TearDown() override { hooke({"down"}); }

  Result hooke(const std::vector<std::string>& arguments, Environment more = {}) {
    // Where the server is must come from the state folder.
    more.insert({{"HOOKE_SERVER", ""}, {"HOOKE_TOKEN_FILE", ""}, {"HOOKE_WORKER_DEVICES", "cpu"}});
    return house_.hooke(arguments, more);
  }

  // A machine with two GPUs: a driver that shows them, and, as `trainer`, hooke-trainer as if it could use
  // them; it trains on the CPU.
  Environment machine_with_gpus(bool trainer) const {
    const std::filesystem::path folder = house_.folder() / "gpus";
    std::filesystem::create_directories(folder);
    if (!std::filesystem::exists(folder / "libcuda.so.1"))
      std::filesystem::create_symlink(FAKE_GPUS, folder / "libcuda.so.1");
    Environment environment{{"LD_LIBRARY_PATH", folder}, {"HOOKE_WORKER_DEVICES", ""}};
    if (!trainer) return environment;
    const std::string board = folder.string();  // known to this test alone
    std::ofstream(folder / "about.json")
        << R"({"cudaBuild": true, "devices": [{"name": "cpu"}, {"name": "cuda:0"}, {"name": "cuda:1"}], "gpus": [")"
        << board << R"(0", ")" << board << R"(1"]})";
    const std::filesystem::path program = folder / "hooke-trainer";
    std::ofstream(program)
        << "#!/bin/sh\n[ \"$1\" = --about ] && exec cat '" << folder.string() << "/about.json'\n"
        << "for a; do shift; case $a in cuda:*) a=cpu ;; esac; set -- \"$@\" \"$a\"; done\n"
        << "exec '" << harness::program("hooke-trainer").string() << "' \"$@\"\n";
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    environment["HOOKE_WORKER_TRAINER"] = program;
    return environment;
  }

  // The first process in the record of what is up.
  pid_t server_pid() const {
    std::ifstream in(house_.folder() / "state/hooke/up.json");
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const auto at = text.find("\"pid\"");
    return at == std::string::npos ? 0 : std::atoi(text.c_str() + text.find(':', at) + 1);
  }

  House house_;
};

TEST_F(UpDown, UpStartsAServerAndAWorkerThatTrainAndDownEndsThem) {
  const Result up = hooke({"up", "--data-root", (house_.folder() / "data").string()});
  ASSERT_EQ(up.exit_code, 0) << up.err;
  struct stat token {};
  ASSERT_EQ(::stat((house_.folder() / "state/hooke/server/token").c_str(), &token), 0);
  EXPECT_EQ(token.st_mode & 0777, 0600u);

  const Result again = hooke({"up"});
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_THAT(again.err + again.out, HasSubstr("already"));

  const Result run = hooke({"submit", house_.config("model: {type: linear}\n"), "-q"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(hooke({"wait", run.out.substr(0, run.out.find('\n'))}).exit_code, 0);

  EXPECT_EQ(hooke({"down"}).exit_code, 0);
  EXPECT_NE(hooke({"runs", "list"}).exit_code, 0);
  EXPECT_EQ(hooke({"down"}).exit_code, 0) << "down twice is no error";

  // What was stored is there when it is up again.
  ASSERT_EQ(hooke({"up"}).exit_code, 0);
  EXPECT_EQ(csv(hooke({"runs", "list", "-o", "csv"}).out).size(), 2u);
}

TEST_F(UpDown, UpAfterTheServerWasKilledKeepsTheWorkersAndTheirRuns) {
  const Result up = hooke({"up", "--data-root", (house_.folder() / "data").string()});
  ASSERT_EQ(up.exit_code, 0) << up.err;
  const Result run = hooke({"submit", house_.config("model: {type: mlp}\ntraining: {epochs: 400}\n"), "-q"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const std::string id = run.out.substr(0, run.out.find('\n'));
  const auto show = [&] { return hooke({"runs", "show", id, "-o", "json"}).out; };
  ASSERT_TRUE(eventually([&] { return show().find("\"train/loss\"") != std::string::npos; }));

  const pid_t server = server_pid();
  ASSERT_GT(server, 0);
  ASSERT_EQ(::kill(server, SIGKILL), 0);
  const Result again = hooke({"up"});
  ASSERT_EQ(again.exit_code, 0) << again.err;
  EXPECT_THAT(again.err, HasSubstr("the server had ended"));
  EXPECT_EQ(hooke({"wait", id}).exit_code, 0);
  EXPECT_THAT(show(), HasSubstr("\"attempt\": 1,")) << "the run began again";
}

TEST_F(UpDown, UpStartsAWorkerForEachGpuAndEachTrainsOnItsOwn) {
  const Environment gpus = machine_with_gpus(true);
  const Result up = hooke({"up", "--data-root", (house_.folder() / "data").string()}, gpus);
  ASSERT_EQ(up.exit_code, 0) << up.err;
  EXPECT_THAT(up.out, HasSubstr("2 workers"));
  const auto devices = [&] {
    std::set<std::string> all;
    const auto rows = csv(hooke({"workers", "list", "-o", "csv"}).out);
    for (std::size_t row = 1; row < rows.size(); ++row) all.insert(rows[row].at(1));
    return all;
  };
  EXPECT_TRUE(eventually([&] { return devices() == std::set<std::string>{"cuda:0", "cuda:1"}; }));
  EXPECT_THAT(hooke({"up"}, gpus).out, HasSubstr("already: 2 workers"));
  const Result run = hooke({"submit", house_.config("model: {type: linear}\n"), "-q"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(hooke({"wait", run.out.substr(0, run.out.find('\n'))}).exit_code, 0);
}

TEST_F(UpDown, GpusThatTheTrainerWasNotBuiltForAreNamedAndTheCpuIsUsed) {
  const Result up = hooke({"up"}, machine_with_gpus(false));
  ASSERT_EQ(up.exit_code, 0) << up.err;
  EXPECT_THAT(up.err, HasSubstr("2 GPUs are visible, but"));
  EXPECT_THAT(up.err, HasSubstr("the CPU is used"));
  EXPECT_THAT(up.out, HasSubstr("1 worker\n"));
  EXPECT_TRUE(eventually([&] {
    const auto rows = csv(hooke({"workers", "list", "-o", "csv"}).out);
    return rows.size() == 2 && rows[1].at(1) == "cpu";
  }));
}

// Each finds the usual ports free, and all but one lose them before their servers listen.
TEST(UpDownAtOnce, SeveralUsersComeUpAtTheSameMoment) {
  std::vector<std::unique_ptr<House>> houses;
  std::vector<std::thread> users;
  const Environment theirs{{"HOOKE_SERVER", ""}, {"HOOKE_TOKEN_FILE", ""}};
  std::vector<Result> ups(4);
  for (std::size_t user = 0; user < ups.size(); ++user) houses.push_back(std::make_unique<House>());
  for (std::size_t user = 0; user < ups.size(); ++user)
    users.emplace_back([&, user] { ups[user] = houses[user]->hooke({"up"}, theirs); });
  for (std::thread& user : users) user.join();
  for (std::size_t user = 0; user < ups.size(); ++user) {
    EXPECT_EQ(ups[user].exit_code, 0) << ups[user].err;
    EXPECT_EQ(houses[user]->hooke({"down"}, theirs).exit_code, 0);
  }
}

}  // namespace
}  // namespace hooke::harness
