#include "server/scheduling/lease_watch.h"

#include <gtest/gtest.h>

#include "server/storage/digest.h"
#include "tests/unit/server/storage/temp_database.h"

namespace hooke::scheduling {
namespace {

constexpr TimeUs kSecond = 1'000'000;
constexpr TimeUs kHour = 3'600 * kSecond;

// A run that is leased for a minute, and a look at it every second.
class LeaseWatchTest : public ::testing::Test {
 protected:
  LeaseWatchTest() {
    SubmitRequest submit;
    submit.request_id = "submit";
    submit.name = "a";
    submit.runs.push_back({"{}", 0, {}});
    queue_.submit(submit);
    LeaseRequest lease;
    lease.request_id = "lease";
    lease.worker = "w1";
    const auto grant = queue_.lease(lease).value();
    attempt_ = {grant.run.run_id, grant.attempt, grant.token};
    watch_.look();
  }

  // Time goes by; how many leases lapse?
  std::int64_t lapsed_within(int seconds) {
    std::int64_t lapsed = 0;
    for (int i = 0; i < seconds; ++i) {
      now_ += kSecond;
      lapsed += watch_.look().lapsed;
    }
    return lapsed;
  }
  std::int64_t renewed_after(TimeUs jump) {
    now_ += jump;
    return watch_.look().renewed;
  }

  hooke::tests::TempFolder folder_;
  hooke::tests::Server server_{folder_.path()};
  TimeUs now_ = 1'000'000 * kSecond;
  int drawn_ = 0;
  const storage::Clock clock_ = [this] { return now_; };
  Queue queue_{server_.writer, QueueOptions{}, clock_,
               [this](std::size_t n) { return storage::sha256(std::to_string(drawn_++)).substr(0, n); }};
  LeaseWatch watch_{queue_, std::chrono::seconds(1), clock_};
  storage::AttemptKey attempt_;
};

TEST_F(LeaseWatchTest, ALeaseLapsesWhenNothingIsHeardForAPeriod) {
  EXPECT_EQ(lapsed_within(59), 0);
  EXPECT_EQ(lapsed_within(1), 1);
}

TEST_F(LeaseWatchTest, AClockThatIsSetForwardTakesNoLease) {
  EXPECT_EQ(renewed_after(5 * kHour), 1);
  EXPECT_EQ(lapsed_within(59), 0);
  EXPECT_EQ(lapsed_within(1), 1);
}

TEST_F(LeaseWatchTest, AClockThatIsSetBackKeepsNoLeaseForLongerThanAPeriod) {
  EXPECT_EQ(renewed_after(-5 * kHour), 1);
  EXPECT_EQ(lapsed_within(59), 0);
  EXPECT_EQ(lapsed_within(1), 1);
}

TEST_F(LeaseWatchTest, AClockThatIsSetForwardWhileALeaseIsKeptAndBackAgainTakesNoLease) {
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(renewed_after(kHour), 1);
    queue_.heartbeat(attempt_);
    EXPECT_EQ(lapsed_within(50), 0);
    EXPECT_EQ(renewed_after(-kHour), 1);
    EXPECT_EQ(lapsed_within(50), 0);
  }
}

TEST_F(LeaseWatchTest, AServerThatStoodStillTakesNoLease) {
  EXPECT_EQ(lapsed_within(30), 0);
  EXPECT_EQ(renewed_after(90 * kSecond), 1);
  EXPECT_EQ(lapsed_within(59), 0);
}

TEST_F(LeaseWatchTest, ALookThatIsALittleLateRenewsNothing) {
  EXPECT_EQ(renewed_after(10 * kSecond), 0);
  EXPECT_EQ(lapsed_within(49), 0);
  EXPECT_EQ(lapsed_within(1), 1);
}

}  // namespace
}  // namespace hooke::scheduling
