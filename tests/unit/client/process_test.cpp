// Other programs, run to their end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "client/process/program.h"

namespace hooke::process {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(RunProgram, ATokenIsNotPassedOn) {
  ::setenv("HOOKE_TOKEN", "secret", 1);
  const Output output = run_program({"env"});
  ::unsetenv("HOOKE_TOKEN");
  EXPECT_THAT(output.out, Not(HasSubstr("secret")));
  EXPECT_THAT(output.out, HasSubstr("PATH="));
}

TEST(RunProgram, EndsAreTold) {
  EXPECT_EQ(run_program({"bash", "-c", "echo a; echo b >&2; exit 3"}).status, 3);
  const std::vector<std::string> none{"hooke-no-such-program"};
  EXPECT_THAT(complaint(none, run_program(none)), HasSubstr("is not installed here"));
  const std::vector<std::string> slow{"sleep", "60"};
  const Output output = run_program(slow, {}, std::chrono::milliseconds(100));
  EXPECT_EQ(output.status, kNotInTime);
  EXPECT_THAT(complaint(slow, output), HasSubstr("did not answer"));
  const std::string large(1 << 20, 'x');
  EXPECT_EQ(run_program({"cat"}, large).out, large);
  EXPECT_EQ(run_program({"true"}, large).status, 0);
}

TEST(RunProgram, ItsOutputIsNothingUnlessItSucceedsInTime) {
  EXPECT_EQ(output_of({"echo", "it's a \"b\""}), "it's a \"b\"\n");
  EXPECT_EQ(output_of({"bash", "-c", "echo a; exit 1"}), std::nullopt);
  EXPECT_EQ(output_of({"hooke-no-such-program"}), std::nullopt);
  EXPECT_EQ(output_of({"sleep", "60"}, std::chrono::milliseconds(100)), std::nullopt);
}

}  // namespace
}  // namespace hooke::process
