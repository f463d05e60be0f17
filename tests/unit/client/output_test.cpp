// What commands print: tables, CSV, JSON, the matrix and its sentence.
#include "tests/unit/client/cli_fixture.h"

namespace hooke::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

class Output : public CliTest {
 protected:
  Output() { serve(two_runs()); }

  // A segment, and with `at` a transition there, of one run.
  void answer_phases(v1::Verdict verdict, double at, bool with_p_value) {
    server_->change([&](Script& script) {
      v1::RunPhases& run = *script.phases.add_runs();
      run.set_run("experiments/shirts/runs/k3f9aaaa");
      run.set_series("elasticity/kl.dominance");
      run.set_scale(v1::SCALE_LOG);
      run.set_points(36);
      run.set_omitted(1);
      run.set_verdict(verdict);
      run.add_remarks("few points");
      v1::PhaseSegment& segment = *run.add_segments();
      segment.set_to_step(117);
      segment.set_kind(v1::PHASE_KIND_ELASTIC);
      segment.set_slope(0.1);
      segment.set_slope_low(-kInf);
      segment.set_slope_high(kNan);
      if (at < 0) return;
      v1::PhaseTransition& transition = *run.add_transitions();
      transition.set_step(at);
      transition.set_step_low(99);
      transition.set_step_high(135.5);
      if (with_p_value) transition.set_p_value(0.002);
      transition.set_bic_gain(45.25);
      transition.set_seeds(1);
    });
  }
};

TEST_F(Output, RunsAsCsvHaveEveryPage) {
  EXPECT_EQ(hooke({"runs", "list", "-o", "csv"}).out,
            "run,experiment,state,step,steps,seed,worker\n"
            "k3f9aaaa,shirts,running,8,322,0,host-1\n"
            "k3f1bbbb,shirts,queued,-1,0,1,\n");
}

TEST_F(Output, RunsAsATableHideWhatIsNotThereYet) {
  EXPECT_EQ(hooke({"runs", "list"}).out,
            "run       experiment  state    step  steps  seed  worker\n"
            "k3f9aaaa  shirts      running     8    322     0  host-1\n"
            "k3f1bbbb  shirts      queued      -      -     1\n");
}

TEST_F(Output, AnEmptyListIsAnEmptyArrayInJson) {
  server_->change([](Script& script) { script = Script(); });
  for (const char* noun : {"runs", "experiments", "workers"})
    EXPECT_EQ(hooke({noun, "list", "-o", "json"}).out, "[]\n") << noun;
  EXPECT_EQ(hooke({"runs", "list", "-o", "csv"}).out, "run,experiment,state,step,steps,seed,worker\n");
  EXPECT_EQ(hooke({"runs", "list"}).out, "") << "a table without rows has no header";
}

TEST_F(Output, JsonIsTheProtocolsOwn) {
  const std::string out = hooke({"runs", "show", "k3f9", "-o", "json"}).out;
  EXPECT_THAT(out, StartsWith("{"));
  EXPECT_THAT(out, HasSubstr("\"runId\": \"k3f9aaaa\""));
  EXPECT_THAT(out, HasSubstr("\"state\": \"RUN_STATE_RUNNING\""));
}

TEST_F(Output, InfluenceAsCsvIsAtFullPrecisionWithNanAndInfinities) {
  const Result result = hooke({"influence", "k3f9", "-o", "csv"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out,
            "responding,updated,mean,sd,count,skipped,ratio_of_means,nonfinite\n"
            "T-shirt,T-shirt,1,0.1,400,0,0.5,0\n"
            "T-shirt,bag,0.25,nan,397,3,0.5,0\n"
            "bag,T-shirt,0.41,inf,400,0,-inf,0\n"
            "bag,bag,0.125,0.2,400,0,0.5,0\n");
}

TEST_F(Output, InfluenceAsATableMarksTheOwnClassAndSaysWhatItMeans) {
  const Result result = hooke({"influence", "k3f9"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out,
            "elasticity/kl · Adam, fresh, lr 1e-3 · step 315\n"
            "mean ± sd over pairs · 397 to 400 pairs a cell · 3 pairs skipped (denominator 0 or not finite)\n"
            "\n"
            "responds \\ updated        T-shirt            bag\n"
            "T-shirt             [1.00 ± 0.10]    0.25 ± nan\n"
            "bag                   0.41 ± inf   [0.12 ± 0.20]\n"
            "[ ] the updated class itself\n"
            "\n"
            "dominance    0.23 (0.20 to 0.26)   own class minus the others, mean\n"
            "selectivity  T-shirt 1.42, bag 0.67   own class over its column's mean\n"
            "asymmetry    0.20   0: symmetric\n"
            "\n"
            "An update on T-shirt moves T-shirt most (1.00), then bag (0.41).\n"
            "An update on bag moves T-shirt most (0.25), then bag (0.12).\n");
}

TEST_F(Output, ASignedMeasureShowsTheRatioOfMeansAndWhoIsHurt) {
  server_->change([](Script& script) {
    script.influence.set_is_signed(true);
    script.influence.set_shown("ratio_of_means");
    script.influence.mutable_cells(2)->set_ratio_of_means(-0.3);
  });
  const std::string out = hooke({"influence", "k3f9"}).out;
  EXPECT_THAT(out, HasSubstr("ratio of means"));
  EXPECT_THAT(out, Not(HasSubstr("±")));
  EXPECT_THAT(out, HasSubstr("An update on T-shirt helps T-shirt most (0.50), and hurts bag (-0.30)."));
}

TEST_F(Output, OfASingleRunOfAnExperimentNoSpreadIsShown) {
  server_->change([](Script& script) {
    for (auto& cell : *script.influence.mutable_cells()) cell.set_sd(std::nan(""));
  });
  const std::string out = hooke({"influence", "k3f9"}).out;
  EXPECT_THAT(out, HasSubstr("\nmean · 397 to 400 pairs a cell"));
  EXPECT_THAT(out, Not(HasSubstr("±")));
}

TEST_F(Output, ColourComesOnlyWhereItIsWanted) {
  EXPECT_THAT(hooke({"influence", "k3f9"}).out, Not(HasSubstr("\x1b[")));
  terminal_.colour = true;
  EXPECT_THAT(hooke({"influence", "k3f9"}).out, HasSubstr("\x1b["));
  EXPECT_THAT(hooke({"influence", "k3f9", "-o", "csv"}).out, Not(HasSubstr("\x1b[")));
}

TEST_F(Output, InfluencePassesOnWhatWasAskedFor) {
  hooke({"influence", "shirts", "--measure", "l2", "--update", "small", "--from", "0", "--to", "90"});
  const v1::GetInfluenceRequest asked = server_->script().influence_asked;
  EXPECT_EQ(asked.parent(), "experiments/shirts");
  EXPECT_EQ(asked.measure(), "l2");
  EXPECT_EQ(asked.update(), "small");
  EXPECT_EQ(asked.from_step(), 0);
  EXPECT_TRUE(asked.has_from_step()) << "step 0 is a step";
  EXPECT_EQ(asked.to_step(), 90);
  EXPECT_FALSE(asked.has_step());
}

TEST_F(Output, ASeriesInFullTurnsEveryPage) {
  server_->change([](Script& script) {
    script.column.set_key("train/loss");
    for (const double value : {0.1, kNan, kInf, -kInf, 1e-300}) {
      script.column.add_step(script.column.step_size() * 9);
      script.column.add_value(value);
    }
  });
  const Result full = hooke({"series", "get", "k3f9", "train/loss", "--full", "-o", "csv"});
  EXPECT_EQ(full.code, 0) << full.err;
  EXPECT_EQ(full.out, "step,value\n0,0.1\n9,nan\n18,inf\n27,-inf\n36,1e-300\n");
  EXPECT_EQ(full.err, "");

  const Result some =
      hooke({"series", "get", "k3f9", "train/loss", "--points", "2", "--from", "0", "-o", "csv"});
  EXPECT_EQ(some.out, "step,value\n0,0.1\n9,nan\n");
  EXPECT_THAT(some.err, HasSubstr("2 points of 5"));
  EXPECT_EQ(server_->script().series_asked.points(), 2);
  EXPECT_TRUE(server_->script().series_asked.has_from_step());
}

TEST_F(Output, PhasesOfARunAsCsvHaveNoColumnForIt) {
  answer_phases(v1::VERDICT_TRANSITION, 118.5, true);
  EXPECT_EQ(hooke({"phases", "k3f9", "-o", "csv"}).out,
            "from,to,kind,slope,slope_low,slope_high\n0,117,elastic,0.1,-inf,nan\n");
  EXPECT_EQ(hooke({"phases", "k3f9", "--transitions", "-o", "csv"}).out,
            "step,low,high,p_value,bic_gain,seeds\n118.5,99,135.5,0.002,45.25,1\n");
}

TEST_F(Output, PhasesOfAnExperimentAsCsvEndInTheRun) {
  answer_phases(v1::VERDICT_TRANSITION, 118.5, false);
  EXPECT_EQ(hooke({"phases", "shirts", "-o", "csv"}).out,
            "from,to,kind,slope,slope_low,slope_high,run\n0,117,elastic,0.1,-inf,nan,k3f9aaaa\n");
  EXPECT_EQ(hooke({"phases", "shirts", "--transitions", "-o", "csv"}).out,
            "step,low,high,p_value,bic_gain,seeds,run\n118.5,99,135.5,,45.25,1,k3f9aaaa\n");
}

TEST_F(Output, AnUndecidedRunHasNoTransitionsAndStandardErrorSaysSo) {
  answer_phases(v1::VERDICT_UNDECIDED, 118.5, true);
  const Result result = hooke({"phases", "k3f9", "--transitions", "-o", "csv"});
  EXPECT_EQ(result.out, "step,low,high,p_value,bic_gain,seeds\n");
  EXPECT_THAT(result.err, HasSubstr("do not decide"));
  EXPECT_THAT(hooke({"phases", "k3f9", "-o", "json"}).out, HasSubstr("VERDICT_UNDECIDED"));
}

TEST_F(Output, PhasesAsATableSayTheVerdictInAPlainSentence) {
  answer_phases(v1::VERDICT_TRANSITION, 118.5, true);
  const std::string out = hooke({"phases", "k3f9"}).out;
  EXPECT_THAT(
      out, HasSubstr("k3f9aaaa · elasticity/kl.dominance · log scale · 36 points (1 left out: not finite)"));
  EXPECT_THAT(out, HasSubstr("    1     0  117  elastic"));
  EXPECT_THAT(out, HasSubstr("-inf to nan"));
  EXPECT_THAT(out, HasSubstr("(95%: 99 to 136), p = 0.002, BIC gain 45.2"));
  EXPECT_THAT(out, HasSubstr("Training changes phase once, at step 119."));
  EXPECT_THAT(out, HasSubstr("remark: few points"));
}

TEST_F(Output, ServerStatusNamesTheServer) {
  const Result result = hooke({"server", "status"});
  EXPECT_THAT(result.out, HasSubstr(server_->address()));
  EXPECT_THAT(result.out, HasSubstr("4.1 kB"));
  EXPECT_THAT(hooke({"server", "status", "-o", "csv"}).out, HasSubstr("database,4096\n"));
}

}  // namespace
}  // namespace hooke::test
