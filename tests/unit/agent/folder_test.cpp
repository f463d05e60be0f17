// What stands in a run's folder, and what may go.
#include "worker/agent/folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "proto/hooke/error.h"

namespace hooke::agent {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
namespace fs = std::filesystem;

class Folder : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "hooke-folder-XXXXXX").string();
    run_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { fs::remove_all(run_); }

  fs::path attempt(int number) { return run_ / std::to_string(number); }
  void touch(int number, const std::string& name) {
    fs::create_directories(attempt(number));
    std::ofstream(attempt(number) / name) << "x";
  }
  void add_attempt(int number, const std::optional<Barrier>& base = {}) {
    fs::create_directories(attempt(number));
    write_attempt(attempt(number), "id" + std::to_string(number), base);
  }
  std::vector<std::string> names(int number) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(attempt(number)))
      names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }

  fs::path run_;
};

TEST_F(Folder, TellsWhatAttemptsLeft) {
  add_attempt(1);
  touch(1, "checkpoint-90-45.ckpt");
  touch(1, "checkpoint-100-50.ckpt");
  touch(1, "checkpoint-110-55.ckpt.tmp");
  add_attempt(10, Barrier{"id1", 50, 100});
  touch(10, "records.spool");
  const auto found = attempts_in(run_, 11);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].attempt_id, "id1");
  EXPECT_FALSE(found[0].base);
  EXPECT_FALSE(found[0].has_spool);
  ASSERT_EQ(found[0].checkpoints.size(), 2u);
  EXPECT_EQ(found[0].checkpoints[1].step, 100);
  EXPECT_EQ(found[0].checkpoints[1].record, 50u);
  EXPECT_EQ(found[1].number, 10);
  EXPECT_EQ(found[1].base, (Barrier{"id1", 50, 100}));
  EXPECT_TRUE(found[1].has_spool);
}

TEST_F(Folder, OfARunIsNamedByAnIdAlone) {
  EXPECT_NO_THROW(check_run_id("k3f9aaaa"));
  for (const char* id : {"", ".", "..", "../up", "/etc", "a/b", "a\nb", "a.b"})
    EXPECT_THROW(check_run_id(id), Error) << id;
}

TEST_F(Folder, LeavesOutItsOwnAndWhatIsNoAttempts) {
  add_attempt(1);
  add_attempt(2);
  touch(3, "checkpoint-1-1.ckpt");  // died before it said what it is
  touch(4, "attempt.json");         // cut short
  fs::create_directories(run_ / "notes");
  std::ofstream(run_ / "5") << "a file";
  const auto found = attempts_in(run_, 2);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].number, 1);
  EXPECT_THAT(attempts_in(run_ / "absent", 1), IsEmpty());
}

TEST_F(Folder, OfEarlierAttemptsOnlyWhatIsKeptStays) {
  for (const int number : {1, 2, 3}) {
    add_attempt(number);
    touch(number, "records.spool");
    touch(number, "checkpoint-10-9.ckpt");
    touch(number, "checkpoint-20-19.ckpt");
  }
  remove_earlier(run_, 3, attempt(2) / "checkpoint-20-19.ckpt", false);
  EXPECT_FALSE(fs::exists(attempt(1)));
  EXPECT_THAT(names(2), ElementsAre("attempt.json", "checkpoint-20-19.ckpt"));
  EXPECT_EQ(names(3).size(), 4u);
}

TEST_F(Folder, SpoolsStayWhenTheyAreWanted) {
  add_attempt(1);
  touch(1, "records.spool");
  touch(1, "checkpoint-10-9.ckpt");
  remove_earlier(run_, 2, attempt(2) / "checkpoint-20-19.ckpt", true);
  EXPECT_THAT(names(1), ElementsAre("attempt.json", "records.spool"));
}

}  // namespace
}  // namespace hooke::agent
