// A disk whose fsync fails, under load.
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "tests/fault/streams.h"

namespace hooke::fault {
namespace {

using harness::House;

constexpr unsigned kProducers = 3;
constexpr int kExitStorage = 74;

class Disk : public testing::Test {
 protected:
  Disk() {
    std::string name = (std::filesystem::temp_directory_path() / "hooke-disk-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::runtime_error("no temporary folder");
    folder_ = name;
    house_ = std::make_unique<House>(House::Options{
        .auth = false,
        .server_environment = {{"LD_PRELOAD", FAILING_DISK_LIBRARY}, {"FAILING_DISK", order().string()}}});
    house_->start_server();
  }
  ~Disk() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path order() const { return folder_ / "fail"; }
  void fail(const char* how) { std::ofstream(order()) << how; }
  bool acknowledges(const Streams& streams) {
    const std::uint64_t before = streams.acknowledged();
    return harness::eventually([&] { return streams.acknowledged() > before; });
  }

  std::filesystem::path folder_;
  std::unique_ptr<House> house_;
};

TEST_F(Disk, ThatFailsOnceNowAndThenLosesNothing) {
  Streams streams(*house_, kProducers, house_->port());
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(acknowledges(streams));
    fail("1");
    ASSERT_TRUE(harness::eventually([&] { return !std::filesystem::exists(order()); })) << "no fsync came";
  }
  ASSERT_TRUE(acknowledges(streams));
  EXPECT_TRUE(house_->server().running());
  streams.expect_everything_once("fsync failed 5 times");
}

TEST_F(Disk, ThatGoesOnFailingEndsTheServerWhichLosesNothing) {
  Streams streams(*house_, kProducers, house_->port());
  ASSERT_TRUE(acknowledges(streams));
  fail("always");
  EXPECT_EQ(house_->server().wait(std::chrono::seconds(60)), kExitStorage);
  EXPECT_NE(house_->server().err().find("cannot be opened again"), std::string::npos);
  std::filesystem::remove(order());
  house_->start_server();
  ASSERT_TRUE(acknowledges(streams));
  streams.expect_everything_once("fsync failed for good");
}

}  // namespace
}  // namespace hooke::fault
