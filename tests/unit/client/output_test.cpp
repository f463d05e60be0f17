// What commands print: tables, CSV, JSON, the matrix and its sentence.
#include <nlohmann/json.hpp>

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

// Whoever names a worker, writes a note or lets a trainer print could else steer the terminal of who looks.
TEST_F(Output, NothingThatOthersChoseSteersTheTerminal) {
  const std::string evil =
      "\x1b]0;owned\x07\x1b[2J\xC2\x9B"
      "2J\xE2\x80\xAE";
  server_->change([&](Script& script) {
    v1::Run& run = script.runs[0];
    run.set_worker(evil);
    run.set_note("first\nsecond" + evil);
    run.set_submitter(evil);
    (*run.mutable_tags())[evil] = evil;
    run.set_state(v1::RUN_STATE_FAILED);
    run.mutable_reason()->set_message(evil);
    run.add_log_tail(evil);
  });
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"runs", "list"},
                                             {"runs", "show", "k3f9"},
                                             {"runs", "logs", "k3f9"},
                                             {"runs", "list", "-o", "csv"},
                                             {"runs", "show", "k3f9", "-o", "json"},
                                             {"wait", "k3f9"},
                                             {"runs", "show", evil},
                                             {"watch", "k3f9"}}) {
    const Result result = hooke(command);
    for (const std::string& text : {result.out, result.err})
      for (const char* part : {"\x1b", "\x07", "\xC2\x9B", "\xE2\x80\xAE"})
        EXPECT_EQ(text.find(part), std::string::npos) << command[0] << " " << command[1] << ": " << text;
  }
  EXPECT_THAT(hooke({"runs", "show", "k3f9"}).out, HasSubstr("first\n")) << "lines stay lines";
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

// Two classes of one probe: S(x, x) = 1, one pair skipped, one NaN.
v1::GetPairsResponse small_pairs() {
  v1::GetPairsResponse pairs;
  pairs.set_key("elasticity/kl.pairs");
  pairs.set_description("Adam, fresh, lr 1e-3");
  pairs.set_step(9);
  pairs.set_per_class(1);
  for (const auto& [name, index] : {std::pair("T-shirt", 880), std::pair("bag", 17)}) {
    pairs.add_class_names(name);
    v1::ProbeSet& probes = *pairs.add_probes();
    probes.set_class_name(name);
    probes.add_dataset_index(index);
  }
  for (const float value : {0.1F, 3.0F, static_cast<float>(kNan), 0.0F}) pairs.add_numerators(value);
  for (const float value : {0.1F, 0.0F, 0.1F, 0.0F}) pairs.add_denominators(value);
  return pairs;
}

TEST_F(Output, PairsAsCsvHaveARowForEachAndNoRatioWhereItIsSkipped) {
  server_->change([](Script& script) { script.pairs = small_pairs(); });
  const Result csv = hooke({"series", "get", "k3f9", "elasticity/kl.pairs", "--step", "9", "-o", "csv"});
  EXPECT_EQ(csv.code, 0) << csv.err;
  EXPECT_EQ(csv.out,
            "responding,responding_probe,updated,updated_probe,ratio,numerator,denominator\n"
            "T-shirt,880,T-shirt,880,1,0.1,0.1\n"
            "T-shirt,880,bag,17,,3,0\n"
            "bag,17,T-shirt,880,nan,nan,0.1\n"
            "bag,17,bag,17,,0,0\n");
  EXPECT_THAT(csv.err, HasSubstr("Adam, fresh, lr 1e-3 · step 9"));
  EXPECT_EQ(server_->script().pairs_asked.step(), 9);
  const Result table = hooke({"series", "get", "k3f9", "elasticity/kl.pairs"});
  EXPECT_THAT(table.out, HasSubstr("responding_probe"));
  EXPECT_FALSE(server_->script().pairs_asked.has_step());
  const auto json =
      nlohmann::json::parse(hooke({"series", "get", "k3f9", "elasticity/kl.pairs", "-o", "json"}).out);
  EXPECT_EQ(json.at("numerators").size(), 4u) << "every page";
  EXPECT_EQ(json.at("probes").size(), 2u);
}

TEST_F(Output, PairsOfUnknownProbesAreNumberedInTheirClass) {
  server_->change([](Script& script) {
    script.pairs = small_pairs();
    script.pairs.clear_probes();
  });
  const Result csv = hooke({"series", "get", "k3f9", "elasticity/kl.pairs", "-o", "csv"});
  EXPECT_THAT(csv.out, HasSubstr("\nT-shirt,0,bag,0,,3,0\n"));
  EXPECT_THAT(csv.err, HasSubstr("numbers in their class"));
}

TEST_F(Output, PairsAreOfOneStepAndTheServerSaysWhatIsMissing) {
  EXPECT_EQ(hooke({"series", "get", "k3f9", "elasticity/kl.pairs", "--from", "3"}).code, 2);
  const Result missing = hooke({"series", "get", "k3f9", "elasticity/l1.pairs"});
  EXPECT_NE(missing.code, 0);
  EXPECT_THAT(missing.err, HasSubstr("no pairs 'elasticity/l1.pairs'"));
  // An imported series may be called so.
  server_->change([](Script& script) {
    v1::SeriesInfo& info = script.series.emplace_back();
    info.set_key("my.pairs");
    info.set_kind(v1::SERIES_KIND_SCALAR);
    script.column.set_key("my.pairs");
    script.column.add_step(1);
    script.column.add_value(0.5);
  });
  EXPECT_EQ(hooke({"series", "get", "k3f9", "my.pairs", "--full", "-o", "csv"}).out, "step,value\n1,0.5\n");
}

TEST_F(Output, InfluenceShowsTheIntervalsThatThereAre) {
  server_->change([](Script& script) {
    script.influence.set_interval(v1::INTERVAL_KIND_PROBES);
    script.influence.set_level(0.9);
    script.influence.set_resamples(1000);
    script.influence.mutable_cells(0)->set_low(0.875);
    script.influence.mutable_cells(0)->set_high(1.25);
  });
  const std::string out = hooke({"influence", "k3f9", "--level", "0.9"}).out;
  EXPECT_THAT(out, HasSubstr("mean (90% interval over probes, 1000 resamples) · "));
  EXPECT_THAT(out, HasSubstr("[1.00 (0.88 to 1.25)]"));
  EXPECT_EQ(server_->script().influence_asked.level(), 0.9);
  server_->change([](Script& script) { script.influence.set_interval(v1::INTERVAL_KIND_RUNS); });
  EXPECT_THAT(hooke({"influence", "k3f9"}).out, HasSubstr("mean (90% interval over runs) · "));
  EXPECT_THAT(hooke({"influence", "k3f9", "-o", "csv"}).out,
              StartsWith("responding,updated,mean,sd,count,skipped,ratio_of_means,nonfinite\n"));
  EXPECT_EQ(hooke({"influence", "k3f9", "--level", "1"}).code, 2);
}

// Own 2 and others 0.5 for small updates, nearly alike at the training rate.
v1::GetUpdateSizesResponse small_sizes() {
  v1::GetUpdateSizesResponse sizes;
  sizes.set_measure("kl");
  sizes.set_description("Adam, lr 0.001, fresh state; its limit for small rates");
  sizes.set_step(9);
  sizes.set_shown("mean");
  sizes.add_class_names("a");
  sizes.add_class_names("b");
  for (const auto& [rate, own, others] :
       {std::tuple(1e-7, 2.0, 0.5), {1e-5, 1.9, 0.53}, {1e-3, 1.1, 1.0}, {0.0, 2.0, 0.5}}) {
    v1::UpdateSize& size = *sizes.add_sizes();
    if (rate > 0) size.set_rate(rate);
    size.mutable_own()->set_value(own);
    size.mutable_others()->set_value(others);
    size.mutable_dominance()->set_value(own - others);
    size.mutable_dominance_ratio()->set_value(own / others);
  }
  return sizes;
}

TEST_F(Output, SizesShowTheLimitLastAndWhatTheySay) {
  server_->change([](Script& script) { script.sizes = small_sizes(); });
  const Result table = hooke({"influence", "k3f9", "--sizes", "--measure", "kl", "--step", "9"});
  EXPECT_EQ(table.code, 0) << table.err;
  EXPECT_EQ(server_->script().sizes_asked.measure(), "kl");
  EXPECT_EQ(server_->script().sizes_asked.step(), 9);
  EXPECT_THAT(
      table.out,
      StartsWith("elasticity/size.kl · Adam, lr 0.001, fresh state; its limit for small rates · step 9\n"));
  EXPECT_THAT(table.out, HasSubstr("\nlimit  2.00"));
  EXPECT_THAT(table.out,
              HasSubstr("Own class over others: 4 in the limit of small updates, 1.1 at the training "
                        "rate, 0.001.\nS is within 10% of its limit up to rate 1e-05.\n"));
  EXPECT_EQ(
      hooke({"influence", "k3f9", "--sizes", "-o", "csv"}).out,
      "rate,own,others,dominance,dominance_ratio\n1e-07,2,0.5,1.5,4\n1e-05,1.9,0.53,1.3699999999999999," +
          std::string("3.584905660377358\n0.001,1.1,1,0.10000000000000009,1.1\nlimit,2,0.5,1.5,4\n"));
  EXPECT_EQ(
      nlohmann::json::parse(hooke({"influence", "k3f9", "--sizes", "-o", "json"}).out).at("sizes").size(),
      4u);
  EXPECT_EQ(hooke({"influence", "k3f9", "--sizes", "--update", "small"}).code, 2);
}

TEST_F(Output, SizesOfARegressionAreOneNumberEach) {
  server_->change([](Script& script) {
    script.sizes = small_sizes();
    script.sizes.clear_class_names();
    script.sizes.mutable_sizes(0)->mutable_own()->set_value(7);
  });
  EXPECT_EQ(hooke({"influence", "k3f9", "--sizes", "-o", "csv"}).out,
            "rate,mean\n1e-07,7\n1e-05,1.9\n0.001,1.1\nlimit,2\n");
  EXPECT_THAT(hooke({"influence", "k3f9", "--sizes"}).out,
              HasSubstr("S is not within 10% of its limit at any of these rates."));
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

TEST_F(Output, PhasesOfSeveralSeriesSayWhichChangeTogether) {
  answer_phases(v1::VERDICT_TRANSITION, 118.5, true);
  server_->change([](Script& script) {
    v1::RunPhases second = script.phases.runs(0);
    second.set_series("train/loss");
    *script.phases.add_runs() = second;
    v1::PhaseAgreement& both = *script.phases.add_agreements();
    both.set_run(second.run());
    both.set_step(118);
    both.set_step_low(110);
    both.set_step_high(126);
    both.set_spread(3.25);
    both.set_of(2);
    for (const v1::RunPhases& run : script.phases.runs()) both.add_members(run.series());
  });
  const std::vector<std::string> asked = {"phases",   "k3f9",      "--series", "elasticity/kl.dominance",
                                          "--series", "train/loss"};
  EXPECT_THAT(
      hooke(asked).out,
      HasSubstr("k3f9aaaa: 2 of 2 series change phase at step 118 (95%: 110 to 126), sd between them 3.25: "
                "elasticity/kl.dominance and train/loss\n"));
  auto csv = asked;
  csv.insert(csv.end(), {"-o", "csv"});
  EXPECT_EQ(hooke(csv).out,
            "from,to,kind,slope,slope_low,slope_high,series\n"
            "0,117,elastic,0.1,-inf,nan,elasticity/kl.dominance\n"
            "0,117,elastic,0.1,-inf,nan,train/loss\n");
  EXPECT_EQ(server_->script().phases_asked.series_size(), 2);
}

TEST_F(Output, OptionsOfPhasesReachTheServer) {
  answer_phases(v1::VERDICT_TRANSITION, 118.5, true);
  const Result result = hooke({"phases", "k3f9", "--scale", "log", "--models", "jumps,relaxation", "--knots",
                               "3", "--min-segment", "5", "--level", "0.1", "--elastic-slope", "0.2",
                               "--every-knot", "--resamples", "99"});
  EXPECT_THAT(result.out, HasSubstr("(90%: 99 to 136)"));
  const v1::GetPhasesRequest asked = server_->script().phases_asked;
  EXPECT_EQ(asked.scale(), v1::SCALE_LOG);
  EXPECT_THAT(asked.families(),
              testing::ElementsAre(v1::PHASE_FAMILY_PIECEWISE_CONSTANT, v1::PHASE_FAMILY_RELAXATION));
  EXPECT_EQ(asked.max_knots(), 3);
  EXPECT_EQ(asked.min_segment(), 5);
  EXPECT_EQ(asked.level(), 0.1);
  EXPECT_EQ(asked.elastic_slope(), 0.2);
  EXPECT_TRUE(asked.every_knot());
  EXPECT_EQ(asked.resamples(), 99);
  EXPECT_EQ(hooke({"phases", "k3f9", "--models", "parabola"}).code, 2);
  EXPECT_EQ(hooke({"phases", "k3f9", "--scale", "cubic"}).code, 2);
}

TEST_F(Output, ServerStatusNamesTheServer) {
  const Result result = hooke({"server", "status"});
  EXPECT_THAT(result.out, HasSubstr(server_->address()));
  EXPECT_THAT(result.out, HasSubstr("4.1 kB"));
  EXPECT_THAT(hooke({"server", "status", "-o", "csv"}).out, HasSubstr("database,4096\n"));
}

}  // namespace
}  // namespace hooke::test
