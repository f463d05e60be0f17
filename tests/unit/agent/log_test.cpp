#include "worker/agent/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

namespace hooke::agent {
namespace {

using testing::HasSubstr;
using testing::Not;

// Was: what the server or a trainer chose to say could steer the terminal of who reads the worker's log.
TEST(Log, ShowsControlCharactersAndObeysNone) {
  testing::internal::CaptureStderr();
  set_up_log("info");
  spdlog::warn("run x: \x1b[2Jgone\nand \xC2\x9B 2J, caf\xC3\xA9");
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_THAT(said,
              HasSubstr("[hooke-worker] [warning] run x: \\x1b[2Jgone\\x0aand \\xc2\\x9b 2J, caf\xC3\xA9\n"));
  EXPECT_THAT(said, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace hooke::agent
