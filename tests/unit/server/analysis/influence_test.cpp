#include "server/analysis/influence.h"
#include "server/analysis/statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "proto/hooke/error.h"

namespace hooke::analysis {
namespace {

// A measurement whose cells have these means (ratio of means: ten times as much) and 4 pairs each.
Cells matrix_of(const std::vector<double>& means) {
  Cells cells{static_cast<std::size_t>(std::lround(std::sqrt(static_cast<double>(means.size())))), {}};
  for (const double mean : means) cells.cells.push_back({mean, 0.5, 4, 1, 10 * mean, 2});
  return cells;
}

template <class T>
void append(std::string& bytes, std::vector<T> values) {
  bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

TEST(Influence, PlanesAreDecodedAndCountIsEligibleMinusSkipped) {
  std::string planes;
  append<float>(planes, {1, 2, 3, 4});
  append<float>(planes, {0.1F, 0.2F, 0.3F, 0.4F});
  append<float>(planes, {5, 6, 7, std::numeric_limits<float>::infinity()});
  append<std::uint32_t>(planes, {0, 1, 2, 3});
  append<std::uint32_t>(planes, {9, 8, 7, 6});
  const std::vector<std::int64_t> eligible = {400, 400, 400, 380};
  const Cells cells = decode_cells(planes, 2, eligible);
  EXPECT_EQ(cells.at(0, 1), (Cell{2, 0.2F, 399, 1, 6, 8}));
  EXPECT_EQ(cells.at(1, 0), (Cell{3, 0.3F, 398, 2, 7, 7}));
  EXPECT_EQ(cells.at(1, 1).count, 377);
  EXPECT_TRUE(std::isinf(cells.at(1, 1).ratio_of_means));
  planes.pop_back();
  EXPECT_THROW(decode_cells(planes, 2, eligible), Error);
}

TEST(Influence, FiguresAreTheDefinitionsByHand) {
  // Row responds, column is updated.
  const std::vector<double> a = {4, 1, 0,  //
                                 2, 5, 1,  //
                                 0, 3, 6};
  EXPECT_DOUBLE_EQ(dominance(a, 3), 5.0 - 7.0 / 6);
  EXPECT_DOUBLE_EQ(dominance_ratio(a, 3), 5.0 / (7.0 / 6));
  EXPECT_DOUBLE_EQ(selectivity(a, 3, 0), 4.0 / 2.0);  // column 4, 2, 0
  EXPECT_DOUBLE_EQ(selectivity(a, 3, 1), 5.0 / 3.0);  // column 1, 5, 3
  EXPECT_DOUBLE_EQ(selectivity(a, 3, 2), 6.0 / (7.0 / 3));
  // Differences 1, 0 and 2, each twice; squares of all entries 92.
  EXPECT_DOUBLE_EQ(asymmetry(a, 3), std::sqrt(10.0 / 92));
}

TEST(Influence, ASingleClassHasNoOffDiagonal) {
  const std::vector<double> a = {2};
  EXPECT_TRUE(std::isnan(dominance(a, 1)));
  EXPECT_TRUE(std::isnan(dominance_ratio(a, 1)));
  EXPECT_DOUBLE_EQ(selectivity(a, 1, 0), 1);
  EXPECT_DOUBLE_EQ(asymmetry(a, 1), 0);
}

TEST(Influence, AMeanOverStepsAveragesMeansAndSumsCounts) {
  const std::vector<Cells> steps = {matrix_of({1, 2, 3, 4}), matrix_of({3, 2, 3, 8})};
  const Cells mean = average(steps);
  EXPECT_EQ(mean.at(0, 0), (Cell{2, std::sqrt(2.0), 8, 2, 20, 4}));
  EXPECT_EQ(mean.at(1, 1).mean, 6);
  EXPECT_DOUBLE_EQ(mean.at(0, 1).sd, 0);
  const Cells one = average(std::span(steps).first(1));
  EXPECT_EQ(one.at(1, 1).mean, 4);
  EXPECT_TRUE(std::isnan(one.at(1, 1).sd)) << "there is no deviation of one";
}

TEST(Influence, ACellWithoutPairsIsLeftOutAndNanIsKept) {
  std::vector<Cells> steps = {matrix_of({1, 2, 3, 4}), matrix_of({3, 2, 3, 8})};
  steps[1].cells[0] = {kNan, kNan, 0, 5, kNan, 0};
  steps[1].cells[1].mean = kNan;
  const Cells mean = average(steps);
  EXPECT_EQ(mean.at(0, 0).mean, 1);
  EXPECT_EQ(mean.at(0, 0).count, 4);
  EXPECT_EQ(mean.at(0, 0).skipped, 6);
  EXPECT_TRUE(std::isnan(mean.at(0, 1).mean)) << "a diverged measurement is data";
}

TEST(Influence, IntervalsOverRunsAreStudents) {
  const std::vector<Cells> runs = {matrix_of({4, 1, 1, 4}), matrix_of({5, 1, 1, 5}), matrix_of({6, 1, 1, 6}),
                                   matrix_of({7, 1, 1, 7})};
  const Summary one = summarise(std::span(runs).first(1), Plane::kMean);
  EXPECT_FALSE(one.dominance.low);
  EXPECT_FALSE(one.cells[0].low);
  // Dominances 3 and 4: their mean has standard error 1/2, t with one degree of freedom is 12.706.
  const Summary two = summarise(std::span(runs).first(2), Plane::kMean);
  EXPECT_DOUBLE_EQ(two.dominance.value, 3.5);
  EXPECT_NEAR(two.dominance.low.value(), 3.5 - 12.7062 / 2, 1e-4);
  const Summary four = summarise(runs, Plane::kMean);
  EXPECT_DOUBLE_EQ(four.dominance.value, 4.5);
  // 3, 4, 5, 6: sd 1.29099, t with three degrees of freedom 3.18245.
  EXPECT_NEAR(four.dominance.low.value(), 4.5 - 3.18245 * 1.29099 / 2, 1e-4);
  EXPECT_NEAR(four.dominance.high.value(), 4.5 + 3.18245 * 1.29099 / 2, 1e-4);
  EXPECT_NEAR(summarise(runs, Plane::kMean, 0.5).dominance.low.value(), 4.5 - 0.764892 * 1.29099 / 2, 1e-4);
  EXPECT_NEAR(four.cells[3].low.value(), 5.5 - 3.18245 * 1.29099 / 2, 1e-4);
  EXPECT_DOUBLE_EQ(four.cells[1].low.value(), 1) << "all alike";
  EXPECT_DOUBLE_EQ(four.own.value, 5.5);
  EXPECT_NEAR(four.own.low.value(), *four.cells[3].low, 1e-9);
  EXPECT_DOUBLE_EQ(four.others.value, 1);
  ASSERT_EQ(four.selectivity.size(), 2u);
  EXPECT_DOUBLE_EQ(four.selectivity[0].value, 5.5 / 3.25);
  EXPECT_DOUBLE_EQ(four.asymmetry.value, 0);
}

TEST(Influence, RanksCellsOfTwoClassesBySize) {
  const std::vector<double> a = {9, 0.5, -3, 0.7, 9, kNan, 1, std::numeric_limits<double>::infinity(), 9};
  EXPECT_THAT(ranking(a, 3), testing::ElementsAre(2, 6, 3, 1)) << "what is not finite is left out";
  EXPECT_TRUE(ranking(std::vector<double>{1}, 1).empty());
}

TEST(Influence, TheRatioOfMeansIsWhatIsShownOfTheSignedLossOnly) {
  EXPECT_EQ(shown_plane("loss"), Plane::kRatioOfMeans);
  EXPECT_EQ(shown_plane("kl"), Plane::kMean);
  const std::vector<Cells> run = {matrix_of({4, 1, 1, 4})};
  EXPECT_DOUBLE_EQ(summarise(run, Plane::kRatioOfMeans).dominance.value, 30);
}

}  // namespace
}  // namespace hooke::analysis
