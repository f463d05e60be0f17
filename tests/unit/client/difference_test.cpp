// `hooke influence --against` and `--rank`: what is asked, and what is printed.
#include <limits>
#include <nlohmann/json.hpp>

#include "tests/unit/client/cli_fixture.h"

namespace hooke::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

void set(v1::InfluenceDifference& figure, double value, double against, double p, double p_holm) {
  figure.set_value(value);
  figure.set_against(against);
  figure.set_difference(value - against);
  figure.set_p_value(p);
  figure.set_p_holm(p_holm);
}

// T-shirt and bag; bag's response to T-shirt differs, and one cell is not finite.
v1::GetInfluenceDifferenceResponse small_difference() {
  v1::GetInfluenceDifferenceResponse answer;
  for (auto* side : {answer.mutable_side(), answer.mutable_against()}) {
    side->set_key("elasticity/kl");
    side->add_runs("experiments/shirts/runs/k3f9aaaa");
    side->set_units(10);
  }
  answer.mutable_side()->add_steps(90);
  answer.mutable_against()->add_steps(0);
  answer.mutable_against()->add_steps(9);
  answer.add_class_names("T-shirt");
  answer.add_class_names("bag");
  answer.set_shown("mean");
  answer.set_test(v1::DIFFERENCE_TEST_PAIRED_PROBES);
  answer.set_alpha(0.05);
  answer.set_arrangements(1024);
  answer.set_exact(true);
  for (int i = 0; i < 4; ++i) set(*answer.add_cells()->mutable_figure(), 1, 0.875, 0.5, 1);
  set(*answer.mutable_cells(2)->mutable_figure(), 0.5, 0.75, 0.01, 0.03);
  v1::InfluenceDifference& broken = *answer.mutable_cells(3)->mutable_figure();
  broken.set_difference(std::numeric_limits<double>::quiet_NaN());
  broken.set_value(broken.difference());
  broken.clear_p_value();
  broken.clear_p_holm();
  broken.set_untested("not finite");
  answer.mutable_cells(3)->set_nonfinite(7);
  answer.mutable_cells(1)->set_against_skipped(2);
  set(*answer.mutable_dominance(), 0.5, 0.25, 0.02, 0.08);
  set(*answer.mutable_asymmetry(), 0.5, 0.25, 0.5, 1);
  for (int i = 0; i < 2; ++i) set(*answer.add_selectivity(), 1.5, 1.25, 0.5, 1);
  answer.add_remarks("10 pairs of probes");
  return answer;
}

class Difference : public CliTest {
 protected:
  Difference() {
    Script script = two_runs();
    script.difference = small_difference();
    serve(script);
  }
};

TEST_F(Difference, AsATableMarksAndNamesWhatDiffers) {
  const Result result = hooke({"influence", "k3f9", "--against-to", "9"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(
      result.out,
      StartsWith(
          "k3f9aaaa · elasticity/kl · step 90\n"
          "against k3f9aaaa · elasticity/kl · mean of 2 measurements, steps 0 to 9\n"
          "difference of the means · p-values over probes: 10 pairs a class, all 1024 choices of signs · "
          "2 pairs skipped in 1 cell (denominator 0 or not finite) · 7 pairs not finite in 1 cell\n\n"));
  EXPECT_THAT(result.out, HasSubstr("\nbag                  -0.25 *"));
  EXPECT_THAT(result.out, HasSubstr("[+0.12  ]"));
  EXPECT_THAT(result.out, HasSubstr("bag         T-shirt  0.50     0.75       -0.25     0.01    0.03\n"));
  EXPECT_THAT(result.out, HasSubstr("1 cell differs at level 0.05 after Holm's correction.\n"));
  EXPECT_THAT(result.out, HasSubstr("selectivity of bag"));
  EXPECT_THAT(result.out, HasSubstr("no p-value of [bag,bag]: not finite\n"));
  EXPECT_THAT(result.out, HasSubstr("remark: 10 pairs of probes\n"));
}

TEST_F(Difference, AsCsvHasEveryCellAndNoPValueWhereThereIsNone) {
  const Result result = hooke({"influence", "k3f9", "--against", "k3f1", "-o", "csv"});
  EXPECT_EQ(result.out,
            "responding,updated,mean,against,difference,p_value,p_holm\n"
            "T-shirt,T-shirt,1,0.875,0.125,0.5,1\n"
            "T-shirt,bag,1,0.875,0.125,0.5,1\n"
            "bag,T-shirt,0.5,0.75,-0.25,0.01,0.03\n"
            "bag,bag,nan,0.875,nan,,\n");
  EXPECT_THAT(result.err, HasSubstr("remark: 10 pairs of probes"));
  const auto json =
      nlohmann::json::parse(hooke({"influence", "k3f9", "--against", "k3f1", "-o", "json"}).out);
  EXPECT_EQ(json.at("cells").size(), 4u);
  EXPECT_EQ(json.at("test"), "DIFFERENCE_TEST_PAIRED_PROBES");
}

TEST_F(Difference, WithoutATestSaysSoAndNothingOfLevels) {
  server_->change([](Script& script) {
    script.difference.set_test(v1::DIFFERENCE_TEST_UNSPECIFIED);
    for (auto& cell : *script.difference.mutable_cells()) {
      cell.mutable_figure()->clear_p_value();
      cell.mutable_figure()->clear_p_holm();
    }
  });
  const std::string out = hooke({"influence", "k3f9", "--against", "k3f1"}).out;
  EXPECT_THAT(out, HasSubstr("no p-values"));
  EXPECT_THAT(out, Not(HasSubstr("cell differs")));
  EXPECT_THAT(out, Not(HasSubstr("No cell")));
}

TEST_F(Difference, AsksForWhatWasGiven) {
  hooke(
      {"influence", "k3f9", "--phase", "1", "--against-phase", "2", "--measure", "l2", "--update", "small"});
  auto asked = server_->script().difference_asked;
  EXPECT_EQ(asked.side().parent(), asked.against().parent());
  EXPECT_EQ(asked.side().phase(), 1);
  EXPECT_EQ(asked.against().phase(), 2);
  EXPECT_EQ(asked.side().measure(), "l2");
  EXPECT_EQ(asked.against().update(), "small") << "the same on both sides";
  EXPECT_FALSE(asked.has_alpha());
  hooke({"influence", "shirts", "--step", "9", "--against", "k3f1", "--against-from", "0", "--against-to",
         "7", "--against-update", "large", "--alpha", "0.1", "--permutations", "999", "--pair-seeds"});
  asked = server_->script().difference_asked;
  EXPECT_EQ(asked.side().parent(), "experiments/shirts");
  EXPECT_EQ(asked.against().parent(), "experiments/shirts/runs/k3f1bbbb");
  EXPECT_EQ(asked.against().from_step(), 0);
  EXPECT_TRUE(asked.against().has_from_step());
  EXPECT_EQ(asked.against().to_step(), 7);
  EXPECT_EQ(asked.against().update(), "large");
  EXPECT_EQ(asked.alpha(), 0.1);
  EXPECT_EQ(asked.permutations(), 999);
  EXPECT_TRUE(asked.pair_by_seed());
}

TEST_F(Difference, RefusesOptionsThatDoNotGoTogether) {
  using Words = std::vector<std::string>;
  for (const Words& words :
       {Words{"--against", "k3f1", "--sizes"}, Words{"--against", "k3f1", "--rank"},
        Words{"--against-step", "1", "--against-phase", "2"}, Words{"--against-phase", "0"},
        Words{"--against", "k3f1", "--alpha", "2"}, Words{"--against", "k3f1", "--permutations", "9"},
        Words{"--rank", "0"}, Words{"--rank", "many"}, Words{"--alpha", "0.1"}, Words{"--pair-seeds"}}) {
    Words all = {"influence", "k3f9"};
    all.insert(all.end(), words.begin(), words.end());
    EXPECT_EQ(hooke(all).code, 2) << testing::PrintToString(words);
  }
}

// Six classes: the cell [r, u] has the mean 10 r + u; three are not finite.
v1::GetInfluenceResponse large_influence() {
  v1::GetInfluenceResponse influence;
  influence.set_key("elasticity/kl");
  influence.set_shown("mean");
  influence.add_steps(9);
  for (int i = 0; i < 6; ++i) {
    influence.add_class_names("c" + std::to_string(i));
    influence.add_selectivity()->set_value(1);
  }
  for (int i = 0; i < 36; ++i) {
    v1::InfluenceCell& cell = *influence.add_cells();
    cell.set_mean(i / 6 * 10 + i % 6);
    cell.set_low(cell.mean() - 1);
    cell.set_high(cell.mean() + 1);
  }
  for (int i = 0; i < 27; ++i) influence.add_ranking(34 - i);
  return influence;
}

TEST_F(Difference, RanksTheStrongestPairsOfClasses) {
  server_->change([](Script& script) { script.influence = large_influence(); });
  EXPECT_EQ(hooke({"influence", "k3f9", "--rank", "2", "-o", "csv"}).out,
            "rank,responding,updated,mean,low,high\n1,c5,c4,54,53,55\n2,c5,c3,53,52,54\n");
  EXPECT_THAT(hooke({"influence", "k3f9", "--rank"}).out, HasSubstr("10  c4"));
  EXPECT_EQ(nlohmann::json::parse(hooke({"influence", "k3f9", "--rank", "3", "-o", "json"}).out)
                .at("ranking")
                .size(),
            3u);
  const std::string out = hooke({"influence", "k3f9"}).out;
  EXPECT_THAT(out, HasSubstr("strongest between classes\n"));
  EXPECT_THAT(out, HasSubstr("   5  c5          c0"));
  EXPECT_THAT(out, Not(HasSubstr("   6  c")));
  EXPECT_THAT(out, HasSubstr("3 cells of two classes left out: not finite\n"));
  EXPECT_THAT(out, Not(HasSubstr("An update on")));
}

}  // namespace
}  // namespace hooke::test
