// What `watch` shows, at every size.
#include "client/cli/live_view.h"

#include "client/cli/output.h"
#include "client/cli/progress.h"
#include "tests/unit/client/cli_fixture.h"

namespace hooke::test {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

class LiveViews : public testing::Test {
 protected:
  LiveViews() {
    const Script script = two_runs();
    view_.runs = script.runs;
    details_.run = view_.runs[0].name();
    details_.matrix = small_influence();
    for (const char* key : {"train/loss", "test/accuracy", "elasticity/kl.dominance"})
      details_.curves.push_back({key, {0, 1, 2, 3}, {3, 2, 1, 0.5}});
  }
  std::vector<std::string> frame(int columns, int rows, const std::string& remark = "q leaves") {
    return cli::LiveView(terminal_).frame(view_, details_, {columns, rows}, remark, {});
  }
  void add_runs(int count) {
    for (int i = 0; i < count; ++i) {
      v1::Run run = view_.runs[1];
      run.set_run_id("more" + std::to_string(i));
      run.set_name("experiments/shirts/runs/" + run.run_id());
      view_.runs.push_back(run);
    }
  }

  cli::Terminal terminal_;
  cli::RunFeed::View view_;
  cli::Details details_;
};

TEST_F(LiveViews, FitEverySizeAndAlwaysShowTheRunInDetail) {
  for (const int runs : {0, 1, 40})
    for (const bool colour : {false, true})
      for (const bool unicode : {true, false})
        for (const auto& [columns, rows] : {std::pair(10, 4), std::pair(40, 12), std::pair(80, 24),
                                            std::pair(120, 40), std::pair(250, 70)}) {
          terminal_.colour = colour;
          terminal_.unicode = unicode;
          view_.runs.resize(2);
          add_runs(runs);
          details_.run = view_.runs.back().name();
          const auto lines = frame(columns, rows);
          EXPECT_LE(std::ssize(lines), rows);
          std::string all;
          for (const std::string& line : lines) {
            EXPECT_LE(cli::width(line), static_cast<std::size_t>(columns)) << line;
            all += line + "\n";
            if (!unicode) {
              for (const char c : line) EXPECT_GE(c, 0) << line;
            }
          }
          EXPECT_THAT(all, HasSubstr(cli::width(view_.runs.back().run_id()) < 9 ? view_.runs.back().run_id()
                                                                                : "k3f"));
          EXPECT_EQ(all.find('\x1b') != std::string::npos, colour);
        }
}

TEST_F(LiveViews, WhatHasNoRoomGivesWay) {
  EXPECT_THAT(frame(80, 24), Contains(HasSubstr("rows respond")));
  EXPECT_THAT(frame(80, 24), Contains(HasSubstr("dominance")));
  EXPECT_THAT(frame(80, 10), Not(Contains(HasSubstr("rows respond")))) << "the matrix first";
  EXPECT_THAT(frame(80, 10), Contains(HasSubstr("train/loss")));
  const auto low = frame(80, 5);
  EXPECT_THAT(low, Contains(HasSubstr("k3f9aaaa")));
  EXPECT_THAT(low, Contains(HasSubstr("q leaves")));
  EXPECT_THAT(frame(120, 20), Contains(HasSubstr("rows respond"))) << "beside the curves";
  add_runs(40);
  EXPECT_THAT(frame(80, 24), Contains(HasSubstr("more runs")));
  details_.matrix.reset();
  details_.curves.clear();
  EXPECT_THAT(frame(80, 24), Contains(HasSubstr("k3f9aaaa"))) << "nothing was measured yet";
}

TEST(Bars, AreFullToTheirShare) {
  EXPECT_EQ(cli::bar(0.5, 4, true), "██░░");
  EXPECT_EQ(cli::bar(0.5, 4, false), "##..");
  EXPECT_EQ(cli::bar(7, 2, false), "##");
  EXPECT_EQ(cli::bar(-1, 2, false), "..");
}

}  // namespace
}  // namespace hooke::test
