#include "worker/trainer/spool_recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "proto/hooke/error.h"
#include "tests/temp_folder.h"

namespace hooke::trainer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> payloads(const std::filesystem::path& folder) {
  spool::Reader reader(folder / spool::kFileName);
  std::vector<std::string> all;
  while (const auto record = reader.next()) all.push_back(record->payload);
  return all;
}

// The server takes nothing after an end. A success whose flush to disk failed is followed by a failure.
TEST(SpoolRecorder, WritesOneEndWhateverFollowsIt) {
  const hooke::tests::TempFolder folder;
  std::ostringstream log;
  SpoolRecorder recorder(folder.path(), "{}", log);
  recorder.succeed();
  recorder.fail("it cannot be flushed to disk");
  EXPECT_THAT(payloads(folder.path()), ElementsAre(HasSubstr("RUN_STATE_SUCCEEDED")));
}

TEST(SpoolRecorder, KeepsTheFirstReasonOfTwoFailures) {
  const hooke::tests::TempFolder folder;
  std::ostringstream log;
  SpoolRecorder recorder(folder.path(), "{}", log);
  recorder.fail("the first");
  recorder.fail("the second");
  EXPECT_THAT(payloads(folder.path()), ElementsAre(HasSubstr("the first")));
}

// Of the limit's own failure: it could else never be told.
TEST(SpoolRecorder, WritesAFailurePastTheSpoolsLimit) {
  const hooke::tests::TempFolder folder;
  std::ostringstream log;
  SpoolRecorder recorder(folder.path(), "{}", log, {.limit_bytes = 1});
  EXPECT_THROW(recorder.scalars(1, {{"train/loss", 0.5}}), Error);
  recorder.fail("the limit");
  EXPECT_THAT(payloads(folder.path()), ElementsAre(HasSubstr("the limit")));
}

}  // namespace
}  // namespace hooke::trainer
