// Runs are found by what they are, compared, noted, put away and deleted: the real programs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/harness.h"

namespace hooke::harness {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

class Lists : public testing::Test {
 protected:
  Lists() { house_.start_server(); }

  std::vector<std::string> listed(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"runs", "list", "-o", "csv"});
    std::vector<std::string> ids;
    for (const auto& row : csv(house_.answer(arguments))) ids.push_back(row[0]);
    ids.erase(ids.begin());
    return ids;
  }

  House house_;
};

TEST_F(Lists, RunsAreFoundComparedPutAwayAndDeleted) {
  const std::string file = house_.config("model: {type: linear}\ntraining: {epochs: 1}\n");
  const std::string large =
      house_.submit(file, {"--set", "training.lr=0.1", "--name", "wide", "--tag", "team=vision"});
  const std::string small = house_.submit(file, {"--set", "training.lr=0.001", "--name", "narrow"});
  house_.start_worker("one");
  ASSERT_EQ(house_.hooke({"wait", large, small}).exit_code, 0);

  EXPECT_THAT(listed({"--filter", "state = SUCCEEDED AND config.training.lr < 0.01"}), ElementsAre(small));
  EXPECT_THAT(listed({"--filter", "tags.team = \"vision\" AND latest.\"train/loss\" > 0"}),
              ElementsAre(large));
  EXPECT_THAT(listed({"--order-by", "config.training.lr"}), ElementsAre(small, large));
  const Result wrong = house_.hooke({"runs", "list", "--filter", "state = DONE"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("running"));

  EXPECT_THAT(house_.answer({"compare", large, small, "-o", "csv"}),
              HasSubstr("config.training.lr,0.1,0.001\n"));
  const auto rows =
      csv(house_.answer({"compare", large, small, "--series", "train/loss", "-o", "csv", "--full"}));
  ASSERT_GT(rows.size(), 2u);
  EXPECT_THAT(rows[0], ElementsAre("step", large, small));
  EXPECT_EQ(rows[1][1], rows[1][2]) << "the loss of the first batch, before any update";
  for (std::size_t i = 2; i < rows.size(); ++i) EXPECT_NE(rows[i][1], rows[i][2]) << "step " << rows[i][0];

  house_.answer({"runs", "tag", small, "team=audio"});
  house_.answer({"runs", "note", small, "too slow"});
  EXPECT_THAT(listed({"--filter", "note:slow AND tags.team = audio"}), ElementsAre(small));
  house_.answer({"runs", "archive", small});
  EXPECT_THAT(listed({}), ElementsAre(large));
  EXPECT_THAT(listed({"--archived"}), UnorderedElementsAre(large, small));

  EXPECT_THAT(house_.answer({"experiments", "delete", "wide", "--dry-run"}), HasSubstr("wide: 1 run with "));
  const Result asked = house_.hooke({"experiments", "delete", "wide"});
  EXPECT_EQ(asked.exit_code, 2) << "there is no terminal to ask";
  EXPECT_THAT(asked.err, HasSubstr("--yes"));
  EXPECT_THAT(listed({}), ElementsAre(large)) << "nothing was deleted so far";
  house_.answer({"experiments", "delete", "wide", "--yes"});
  EXPECT_THAT(listed({"--archived"}), ElementsAre(small));
  EXPECT_EQ(house_.hooke({"runs", "show", large}).exit_code, 2);
  house_.submit(file, {"--name", "wide"});
  EXPECT_THAT(house_.answer({"experiments", "list", "-o", "csv"}), HasSubstr("wide,"))
      << "its name is free again";
}

}  // namespace
}  // namespace hooke::harness
