// Which entries of an influence matrix differ, over a real channel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <random>

#include "tests/unit/server/services/house.h"

namespace hooke::services {
namespace {

using grpc::StatusCode;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int kPerClass = 10;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

class InfluenceDifference : public testing::Test {
 protected:
  // Measured at steps 0, 9 and 18: 1 within classes, 0.5 between them, and a little of each run's own;
  // `change` is added to the second cell, at step 18 alone with `late`.
  void train(const std::string& run, float change, bool late = false) {
    WorkerEnd worker(house_, house_.lease(run));
    worker.start(100).declare("elasticity/kl", {"a", "b"}, 16);
    worker.declare("elasticity/loss", {"a", "b"}, 16).declare("elasticity/kl@small", {"a", "b"}, 16);
    std::normal_distribution<float> noise(0, 0.02F);
    for (const int step : {0, 9, 18}) {
      std::vector<float> means = {1, 0.5F, 0.5F, 1};
      for (float& mean : means) mean += noise(random_);
      if (!late || step == 18) means[1] += change;
      for (const char* key : {"elasticity/kl", "elasticity/loss", "elasticity/kl@small"})
        worker.matrix(key, step, means);
    }
    ASSERT_TRUE(worker.commit());
  }
  void train_all(const std::vector<std::string>& runs, float change, bool late = false) {
    for (const auto& run : runs) train(run, change, late);
  }

  // With kept pairs, S = 1 + an effect of each probe; at step 9 `change` is added in the second cell.
  void train_with_pairs(const std::string& run, float change, const std::vector<std::int64_t>& probes,
                        int per_class = kPerClass) {
    WorkerEnd worker(house_, house_.lease(run));
    const int m = 2 * per_class;
    worker.start(100).declare("elasticity/kl", {"a", "b"}, per_class * per_class);
    if (!probes.empty()) worker.probes({probes, probes});
    worker.declare_pairs("elasticity/kl.pairs", {"a", "b"}, per_class);
    std::normal_distribution<float> normal(0, 0.1F);
    for (const int step : {0, 9}) {
      std::vector<float> rows(static_cast<std::size_t>(m) * 2), table, means(4, 0);
      for (float& value : rows) value = normal(random_);
      for (int i = 0; i < m; ++i) {
        for (int j = 0; j < m; ++j) {
          const int cell = i / per_class * 2 + j / per_class;
          const float s = 1 + rows[static_cast<std::size_t>(i)] + rows[static_cast<std::size_t>(m + j)] +
                          (cell == 1 && step == 9 ? change : 0);
          table.push_back(2 * s);  // denominators are 2
          means[static_cast<std::size_t>(cell)] += s / static_cast<float>(per_class * per_class);
        }
      }
      worker.matrix("elasticity/kl", step, means).pairs("elasticity/kl.pairs", step, 0, table);
    }
    ASSERT_TRUE(worker.commit());
  }

  static v1::GetInfluenceDifferenceRequest between(const std::string& side, const std::string& against) {
    v1::GetInfluenceDifferenceRequest request;
    request.mutable_side()->set_parent(side);
    request.mutable_against()->set_parent(against);
    return request;
  }
  static v1::GetInfluenceDifferenceRequest between_steps(const std::string& parent, int step, int against) {
    auto request = between(parent, parent);
    request.mutable_side()->set_step(step);
    request.mutable_against()->set_step(against);
    return request;
  }
  grpc::Status ask(const v1::GetInfluenceDifferenceRequest& request) {
    Context context;
    answer_.Clear();
    return house_.queries->GetInfluenceDifference(&context, request, &answer_);
  }
  v1::GetInfluenceDifferenceResponse get(const v1::GetInfluenceDifferenceRequest& request) {
    const auto status = ask(request);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return answer_;
  }
  void expect_error(const v1::GetInfluenceDifferenceRequest& request, const std::string& text) {
    const auto status = ask(request);
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(status.error_message(), HasSubstr(text));
  }
  // Indices of the cells that differ.
  static std::vector<int> different(const v1::GetInfluenceDifferenceResponse& answer) {
    std::vector<int> cells;
    for (int i = 0; i < answer.cells_size(); ++i)
      if (answer.cells(i).figure().has_p_holm() && answer.cells(i).figure().p_holm() <= answer.alpha())
        cells.push_back(i);
    return cells;
  }

  House house_;
  std::mt19937_64 random_{7};
  v1::GetInfluenceDifferenceResponse answer_;
};

TEST_F(InfluenceDifference, OfTwoExperimentsExchangesTheirRuns) {
  train_all(house_.submit(6, "one"), 0.3F);
  train_all(house_.submit(6, "two"), 0);
  const auto answer = get(between("one", "two"));
  EXPECT_EQ(answer.test(), v1::DIFFERENCE_TEST_RUNS);
  EXPECT_TRUE(answer.exact());
  EXPECT_EQ(answer.arrangements(), 924);
  EXPECT_DOUBLE_EQ(answer.smallest_p(), 2.0 / 924);
  EXPECT_EQ(answer.side().units(), 6);
  EXPECT_EQ(answer.against().runs_size(), 6);
  EXPECT_THAT(answer.side().steps(), ElementsAre(18));
  EXPECT_EQ(answer.side().key(), "elasticity/kl");
  EXPECT_EQ(answer.alpha(), 0.05);
  EXPECT_THAT(answer.remarks(), IsEmpty());
  EXPECT_THAT(different(answer), ElementsAre(1));
  const auto& changed = answer.cells(1).figure();
  EXPECT_NEAR(changed.difference(), 0.3, 0.05);
  EXPECT_DOUBLE_EQ(changed.difference(), changed.value() - changed.against());
  EXPECT_DOUBLE_EQ(changed.p_value(), 2.0 / 924) << "the sides are apart";
  EXPECT_DOUBLE_EQ(changed.p_holm(), 4 * 2.0 / 924);
  EXPECT_LT(answer.dominance().p_holm(), 0.05);
  EXPECT_LT(answer.dominance().difference(), 0);
  EXPECT_EQ(answer.selectivity_size(), 2);
  EXPECT_EQ(answer.cells(0).count(), 6 * 16);

  // The figures are those of GetInfluence.
  v1::GetInfluenceRequest influence;
  influence.set_parent("one");
  v1::GetInfluenceResponse one;
  Context context;
  ASSERT_TRUE(house_.queries->GetInfluence(&context, influence, &one).ok());
  EXPECT_EQ(changed.value(), one.cells(1).mean());
  EXPECT_EQ(answer.dominance().value(), one.dominance().value());
  EXPECT_EQ(answer.asymmetry().value(), one.asymmetry().value());
  EXPECT_EQ(answer.selectivity(1).value(), one.selectivity(1).value());
  EXPECT_EQ(one.ranking_size(), 2);
  EXPECT_EQ(one.ranking(0), 1);

  EXPECT_EQ(get(between("one", "two")).SerializeAsString(), answer.SerializeAsString()) << "one answer";
  auto by_seed = between("one", "two");
  by_seed.set_pair_by_seed(true);
  EXPECT_EQ(get(by_seed).test(), v1::DIFFERENCE_TEST_PAIRED_RUNS);
  EXPECT_EQ(answer_.arrangements(), 64);
  EXPECT_THAT(answer_.remarks(), ElementsAre(HasSubstr("6 pairs of runs: no p-value can be below 0.0312")));
  auto loss = between("one", "two");
  loss.mutable_side()->set_measure("loss");
  EXPECT_EQ(get(loss).shown(), "ratio_of_means");
  EXPECT_TRUE(answer_.is_signed());
  EXPECT_NEAR(answer_.cells(1).figure().difference(), 3, 0.5)
      << "ratios of means are ten times the means here";
}

TEST_F(InfluenceDifference, OfTooFewRunsSaysHowFarOff) {
  train_all(house_.submit(3, "one"), 0.3F);
  train_all(house_.submit(3, "two"), 0);
  const auto answer = get(between("one", "two"));
  EXPECT_DOUBLE_EQ(answer.smallest_p(), 0.1);
  EXPECT_DOUBLE_EQ(answer.cells(1).figure().p_value(), 0.1);
  EXPECT_DOUBLE_EQ(answer.cells(1).figure().p_holm(), 0.4);
  ASSERT_EQ(answer.remarks_size(), 1);
  EXPECT_EQ(
      answer.remarks(0),
      "3 against 3 runs: no p-value can be below 0.1, after Holm's correction over 4 cells none below 0.4, "
      "after Holm's correction over 4 figures none below 0.4. Level 0.05 is out of reach whatever the data.");
  auto lenient = between("one", "two");
  lenient.set_alpha(0.4);
  EXPECT_THAT(get(lenient).remarks(), IsEmpty());
  EXPECT_THAT(different(answer_), ElementsAre(1));
}

TEST_F(InfluenceDifference, OfTwoStretchesOfAnExperimentIsWithinItsRuns) {
  train_all(house_.submit(8, "eight"), 0.3F, /*late=*/true);
  auto request = between("eight", "eight");
  request.mutable_against()->set_to_step(9);
  const auto answer = get(request);
  EXPECT_EQ(answer.test(), v1::DIFFERENCE_TEST_PAIRED_RUNS);
  EXPECT_EQ(answer.arrangements(), 256);
  EXPECT_THAT(answer.side().steps(), ElementsAre(18)) << "the last one";
  EXPECT_THAT(answer.against().steps(), ElementsAre(0, 9));
  EXPECT_THAT(different(answer), ElementsAre(1));
  EXPECT_NEAR(answer.cells(1).figure().difference(), 0.3, 0.05);
  request.mutable_against()->set_update("small");
  EXPECT_EQ(get(request).against().key(), "elasticity/kl@small");
}

TEST_F(InfluenceDifference, OfRunsWithoutPairsHasNoPValues) {
  const auto runs = house_.submit(3, "three");
  train_all(runs, 0.1F, true);
  EXPECT_EQ(get(between_steps(runs[0], 18, 0)).test(), v1::DIFFERENCE_TEST_UNSPECIFIED);
  EXPECT_FALSE(answer_.cells(1).figure().has_p_value());
  EXPECT_FALSE(answer_.has_smallest_p());
  EXPECT_THAT(answer_.cells(1).figure().untested(), IsEmpty());
  EXPECT_NEAR(answer_.cells(1).figure().difference(), 0.1, 0.1);
  EXPECT_THAT(answer_.remarks(), ElementsAre(HasSubstr("run " + runs[0] + " kept no pairs")));
  EXPECT_THAT(get(between(runs[0], "three")).remarks(),
              ElementsAre(HasSubstr(runs[0] + " is on both sides")));
  EXPECT_EQ(answer_.test(), v1::DIFFERENCE_TEST_UNSPECIFIED);
  const auto other = house_.submit(1, "other");
  train(other[0], 0);
  EXPECT_THAT(get(between("three", "other")).remarks(), ElementsAre(HasSubstr("one side has a single run")));
}

TEST_F(InfluenceDifference, OfOneRunIsOverItsProbes) {
  const auto run = house_.submit()[0];
  train_with_pairs(run, 0.5F, {});
  const auto answer = get(between_steps(run, 9, 0));
  EXPECT_EQ(answer.test(), v1::DIFFERENCE_TEST_PAIRED_PROBES);
  EXPECT_EQ(answer.arrangements(), 1024);
  EXPECT_EQ(answer.side().units(), kPerClass);
  EXPECT_THAT(answer.remarks(), IsEmpty());
  EXPECT_THAT(different(answer), ElementsAre(1));
  EXPECT_NEAR(answer.cells(1).figure().difference(), 0.5, 0.1);
  EXPECT_TRUE(answer.dominance().has_p_value());
  EXPECT_FALSE(answer.asymmetry().has_p_value());
  EXPECT_THAT(answer.asymmetry().untested(), HasSubstr("not over probes"));
}

TEST_F(InfluenceDifference, OfTwoRunsPairsTheSameProbesAndSaysWhatItIsAbout) {
  const auto runs = house_.submit(4, "four");
  std::vector<std::int64_t> probes(kPerClass), others(kPerClass);
  for (int i = 0; i < kPerClass; ++i)
    others[static_cast<std::size_t>(i)] = 50 + (probes[static_cast<std::size_t>(i)] = i);
  train_with_pairs(runs[0], 0.5F, probes);
  train_with_pairs(runs[1], 0, probes);
  train_with_pairs(runs[2], 0, others);
  train_with_pairs(runs[3], 0, {});
  EXPECT_EQ(get(between(runs[0], runs[1])).test(), v1::DIFFERENCE_TEST_PAIRED_PROBES);
  EXPECT_THAT(different(answer_), ElementsAre(1));
  EXPECT_THAT(answer_.remarks(), ElementsAre(HasSubstr("whether these two runs differ, not")));
  for (const auto& against : {runs[2], runs[3]}) {
    EXPECT_EQ(get(between(runs[0], against)).test(), v1::DIFFERENCE_TEST_PROBES);
    EXPECT_FALSE(answer_.exact());
    EXPECT_EQ(answer_.arrangements(), 9999);
    EXPECT_THAT(different(answer_), ElementsAre(1));
  }
  auto few = between(runs[0], runs[2]);
  few.set_permutations(99);
  EXPECT_EQ(get(few).arrangements(), 99);
  EXPECT_NEAR(answer_.cells(1).figure().p_value(), 0.01, 0.01);
  EXPECT_THAT(answer_.remarks(), testing::SizeIs(1)) << "0.04 is within reach";
  few.set_alpha(0.02);
  EXPECT_THAT(get(few).remarks(), testing::Contains(HasSubstr("more permutations")));
  few.set_pair_by_seed(true);
  expect_error(few, "pair_by_seed");
}

TEST_F(InfluenceDifference, OfFewProbesSaysThatTheyAreTooFew) {
  const auto runs = house_.submit(2, "few");
  train_with_pairs(runs[0], 0.5F, {}, 5);
  EXPECT_THAT(get(between_steps(runs[0], 9, 0)).remarks(),
              ElementsAre(HasSubstr("5 pairs of probes a class: no p-value can be below 0.0625")));
  EXPECT_THAT(different(answer_), IsEmpty());
  train_with_pairs(runs[1], 0.5F, {}, 3);
  EXPECT_THAT(get(between_steps(runs[1], 9, 0)).remarks(), ElementsAre(HasSubstr("has 3 probes a class")));
  EXPECT_EQ(answer_.test(), v1::DIFFERENCE_TEST_UNSPECIFIED);
}

TEST_F(InfluenceDifference, WithoutAFigureThereIsNoPValueAndAReason) {
  const auto runs = house_.submit(2, "broken");
  for (const auto& run : runs) {
    WorkerEnd worker(house_, house_.lease(run));
    worker.start(100).declare("elasticity/kl", {"a", "b"}, 16);
    worker.matrix("elasticity/kl", 0, {1, 0.5F, 0.5F, 1});
    worker.matrix("elasticity/kl", 9, {1, run == runs[0] ? kNan : 0.5F, 0.5F, 1});
    ASSERT_TRUE(worker.commit());
  }
  const auto answer = get(between_steps("broken", 9, 0));
  EXPECT_FALSE(answer.cells(1).figure().has_p_value());
  EXPECT_TRUE(std::isnan(answer.cells(1).figure().value()));
  EXPECT_EQ(answer.cells(1).figure().untested(), "not finite");
  EXPECT_EQ(answer.dominance().untested(), "not finite");
  EXPECT_EQ(answer.cells(0).figure().p_value(), 1) << "nothing has changed";
  EXPECT_EQ(answer.cells(0).figure().difference(), 0);
  EXPECT_THAT(answer.remarks(), ElementsAre(HasSubstr("over 3 cells")));
}

TEST_F(InfluenceDifference, OfSidesThatDoNotFitIsRefused) {
  const auto runs = house_.submit(2, "fit");
  train(runs[0], 0);
  {
    WorkerEnd worker(house_, house_.lease(runs[1]));
    worker.start(100).declare("elasticity/kl", {"a", "c"}, 16).matrix("elasticity/kl", 0, {1, 0, 0, 1});
    ASSERT_TRUE(worker.commit());
  }
  expect_error(between(runs[0], runs[1]), "different classes: [a, b] and [a, c]");
  expect_error(between(runs[0], runs[0]), "is the same as the other side");
  expect_error(between_steps(runs[0], 9, 9), "is the same as the other side");
  auto request = between_steps(runs[0], 9, 0);
  request.mutable_side()->set_measure("kl");
  request.mutable_against()->set_measure("loss");
  expect_error(request, "'loss' is not the measure of the other side, 'kl'");
}

}  // namespace
}  // namespace hooke::services
