// How an attempt is reported when its trainer has ended.
#include "worker/agent/ending.h"

#include <gtest/gtest.h>

namespace hooke::agent {
namespace {

v1::End end_record(v1::RunState state) {
  v1::End end;
  end.set_state(state);
  end.mutable_reason()->set_message("why");
  return end;
}

// A trainer that has come to its end, all of whose records the server has.
Ended success() {
  Ended ended;
  ended.drained = true;
  ended.last = end_record(v1::RUN_STATE_SUCCEEDED);
  return ended;
}

TEST(Ending, OfATrainerThatCameToItsEndIsSuccess) {
  EXPECT_EQ(ending_of(success())->outcome, v1::OUTCOME_SUCCEEDED);
}

TEST(Ending, OfAWorkerThatIsStoppedWhileItsLastRecordsWaitIsNoSuccess) {
  Ended ended = success();
  ended.stopping = true;
  ended.drained = false;
  EXPECT_EQ(ending_of(ended)->outcome, v1::OUTCOME_RETURNED);
}

TEST(Ending, OfAFencedAttemptIsNotReported) {
  Ended ended = success();
  ended.refusal = Error(Code::kFailedPrecondition, "superseded");
  EXPECT_FALSE(ending_of(ended));
}

TEST(Ending, AfterTheServerLostWhatItHadAcknowledgedGivesTheRunBack) {
  Ended ended = success();
  ended.refusal = Error(Code::kDataLoss, "restored");
  ended.rewound = true;
  EXPECT_EQ(ending_of(ended)->outcome, v1::OUTCOME_RETURNED);
}

TEST(Ending, OfATrainerThatSaysThatItFailedIsFailureWithItsReason) {
  Ended ended = success();
  ended.last = end_record(v1::RUN_STATE_FAILED);
  ended.process.exit_status = 1;
  const auto ending = ending_of(ended);
  EXPECT_EQ(ending->outcome, v1::OUTCOME_FAILED);
  EXPECT_EQ(ending->reason.message(), "why");
}

// Was: a crash with a bare exit status, and four attempts more.
TEST(Ending, OfATrainerThatCannotWriteItsReasonIsFailureWithTheSpoolsName) {
  Ended ended;
  ended.drained = true;
  ended.process.exit_status = 74;
  ended.spool = "/spool/records.spool";
  EXPECT_EQ(ending_of(ended)->outcome, v1::OUTCOME_FAILED);
  EXPECT_NE(ending_of(ended)->reason.message().find("/spool/records.spool: cannot be written"),
            std::string::npos);
  EXPECT_NE(ending_of(ended)->reason.message().find("make room for it, then retry"), std::string::npos);
  const std::string said =
      "spool x: cannot be written: No space left on device; make room for it, then retry";
  ended.log = {"hooke-trainer: " + said};
  EXPECT_EQ(ending_of(ended)->reason.message(), said);
  ended.log = {"hooke-trainer: spool x: cannot be wri"};  // the log's disk was full, too
  EXPECT_NE(ending_of(ended)->reason.message().find("make room for it, then retry"), std::string::npos);
}

TEST(Ending, OfATrainerThatSaysNothingIsACrash) {
  Ended ended;
  ended.drained = true;
  ended.process.signal = 9;
  EXPECT_EQ(ending_of(ended)->outcome, v1::OUTCOME_CRASHED);
}

TEST(Ending, OfATrainerThatStoppedAtACheckpointGivesTheRunBack) {
  Ended ended;
  ended.drained = true;
  ended.process.exit_status = 75;
  EXPECT_EQ(ending_of(ended)->outcome, v1::OUTCOME_RETURNED);
}

}  // namespace
}  // namespace hooke::agent
