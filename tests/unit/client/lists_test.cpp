// Lists, filtered and ordered: what the commands ask for and print.
#include "tests/unit/client/cli_fixture.h"

namespace hooke::test {
namespace {

using testing::HasSubstr;

using Lists = CliTest;

TEST_F(Lists, FilterAndOrderReachTheServerOnEveryPage) {
  serve(two_runs());
  const Result listed = hooke(
      {"runs", "list", "--filter", "state = RUNNING", "--order-by", "seed desc", "--archived", "-o", "csv"});
  EXPECT_EQ(listed.code, 0) << listed.err;
  EXPECT_THAT(listed.out, HasSubstr("k3f9aaaa"));
  EXPECT_THAT(listed.out, HasSubstr("k3f1bbbb"));
  const auto asked = server_->script().runs_asked;
  EXPECT_FALSE(asked.page_token().empty()) << "two pages";
  EXPECT_EQ(asked.parent(), "experiments/-");
  EXPECT_EQ(asked.filter(), "state = RUNNING");
  EXPECT_EQ(asked.order_by(), "seed desc");
  EXPECT_TRUE(asked.show_archived());

  EXPECT_EQ(hooke({"runs", "list"}).code, 0);
  EXPECT_FALSE(server_->script().runs_asked.show_archived());

  EXPECT_EQ(hooke({"experiments", "list", "--filter", "tags.a = b", "--order-by", "id"}).code, 0);
  EXPECT_EQ(server_->script().experiments_asked.filter(), "tags.a = b");
  EXPECT_EQ(server_->script().experiments_asked.order_by(), "id");
}

TEST_F(Lists, NothingFoundIsToldApartFromNothingThere) {
  serve({});
  EXPECT_THAT(hooke({"runs", "list"}).err, HasSubstr("hooke submit"));
  EXPECT_THAT(hooke({"runs", "list", "--filter", "seed = 1"}).err, HasSubstr("no run matches"));
  EXPECT_THAT(hooke({"experiments", "list", "--filter", "id = a"}).err, HasSubstr("no experiment matches"));
  EXPECT_EQ(hooke({"runs", "list", "--filter", "seed = 1", "-o", "json"}).out, "[]\n");
}

}  // namespace
}  // namespace hooke::test
