// The manifolds' points by their equations, and distances along them against independent answers.
#include "worker/data/manifold.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "proto/hooke/error.h"

namespace hooke::data {
namespace {

using ::testing::ElementsAre;

DataSet manifold(const std::string& name, int points = 60) {
  Config config;
  config.set = "manifold";
  config.manifold = name;
  config.points = points;
  return load(config, {}, 1);
}

const float* at(const DataSet& data, std::size_t i) {
  return data.train.inputs.data() + i * static_cast<std::size_t>(data.shape[0]);
}

double along(const DataSet& data, std::size_t i, std::size_t j) {
  return geodesic(data.surfaces[static_cast<std::size_t>(data.train.labels[i])], data.train.places[i],
                  data.train.places[j]);
}

// Calls check(i, j) for all pairs of training points on the same manifold.
template <class Check>
void for_pairs(const DataSet& data, Check check) {
  for (std::size_t i = 0; i < data.train.count(); ++i) {
    for (std::size_t j = 0; j < data.train.count(); ++j) {
      if (data.train.labels[i] == data.train.labels[j]) check(i, j);
    }
  }
}

// Length of the curve sampled at n points: chords of a fine polygon, from `from` to `to`.
template <class Curve>
double polygon(Curve curve, double from, double to, int n) {
  double length = 0;
  auto last = curve(from);
  for (int i = 1; i <= n; ++i) {
    const auto next = curve(from + (to - from) * i / n);
    length += std::hypot(next[0] - last[0], next[1] - last[1], next[2] - last[2]);
    last = next;
  }
  return length;
}

TEST(Geodesic, OfASphereIsTheGreatCircle) {
  const Surface sphere = {Surface::Kind::kSphere, 10};
  EXPECT_NEAR(geodesic(sphere, {1, 0, 0}, {0, 1, 0}), 10 * M_PI / 2, 1e-12);
  EXPECT_NEAR(geodesic(sphere, {0, 0, 1}, {0, 0, -1}), 10 * M_PI, 1e-12);
  EXPECT_NEAR(geodesic(sphere, {0, 0, 1}, {std::sin(1e-8), 0, std::cos(1e-8)}), 1e-7, 1e-15);
}

TEST(Geodesic, OfAClosedCurveTakesTheShorterWay) {
  const Surface loop = {Surface::Kind::kFlat, 10};
  EXPECT_DOUBLE_EQ(geodesic(loop, {1}, {4}), 3);
  EXPECT_DOUBLE_EQ(geodesic(loop, {1}, {9}), 2);
  EXPECT_DOUBLE_EQ(geodesic(loop, {1, 4}, {9, 5.5}), 2.5);
  EXPECT_DOUBLE_EQ(geodesic({Surface::Kind::kFlat, 0}, {1}, {9}), 8);
}

TEST(ArcLength, AgreesWithClosedForms) {
  EXPECT_NEAR(arc_length([](double) { return 3.0; }, 1, 5), 12, 1e-12);
  EXPECT_NEAR(arc_length([](double t) { return std::exp(t); }, 2, 0), 1 - std::exp(2), 1e-8);
  // sqrt(1 + sin^2 t) = sqrt(2) sqrt(1 - sin^2(pi/2 - t) / 2): an elliptic integral.
  const double k = std::sqrt(0.5);
  for (const double x : {0.3, 1.0, 1.5}) {
    EXPECT_NEAR(arc_length([](double t) { return std::hypot(1, std::sin(t)); }, 0, x),
                std::sqrt(2) * (std::ellint_2(k, M_PI / 2) - std::ellint_2(k, M_PI / 2 - x)), 1e-9);
  }
}

TEST(TwoCosines, LieOnTheirCurvesWithTheLengthOfAFinePolygon) {
  const DataSet data = manifold("two_cosines");
  EXPECT_THAT(data.shape, ElementsAre(2));
  EXPECT_THAT(data.class_names, ElementsAre("lower", "upper"));
  for (std::size_t i = 0; i < data.train.count(); ++i) {
    EXPECT_LE(std::abs(at(data, i)[0]), 0.6 * M_PI + 1e-6);
    EXPECT_NEAR(at(data, i)[1], std::cos(at(data, i)[0]) + (data.train.labels[i] ? 0.2 : -0.2), 1e-6);
  }
  const auto curve = [](double t) { return std::array{t, std::cos(t), 0.0}; };
  for_pairs(data, [&](std::size_t i, std::size_t j) {
    EXPECT_NEAR(along(data, i, j), std::abs(polygon(curve, at(data, i)[0], at(data, j)[0], 2000)), 1e-5);
  });
}

TEST(TwoCircles, HaveTheArcAsDistance) {
  const DataSet data = manifold("two_circles");
  for_pairs(data, [&](std::size_t i, std::size_t j) {
    const double r = data.train.labels[i] ? 10 : 50;
    EXPECT_NEAR(std::hypot(at(data, i)[0], at(data, i)[1]), r, 1e-4);
    const double chord = std::hypot(at(data, i)[0] - at(data, j)[0], at(data, i)[1] - at(data, j)[1]);
    EXPECT_NEAR(2 * r * std::sin(along(data, i, j) / (2 * r)), chord, 1e-4);
  });
}

TEST(DoubleHelix, HasTheLengthOfItsThread) {
  const DataSet data = manifold("double_helix");
  for_pairs(data, [&](std::size_t i, std::size_t j) {
    const double s = data.train.labels[i] ? 1 : -1, z = at(data, i)[2];
    EXPECT_NEAR(at(data, i)[0], s * std::cos(1.5 * z), 1e-6);
    EXPECT_NEAR(at(data, i)[1], s * std::sin(1.5 * z), 1e-6);
    EXPECT_NEAR(along(data, i, j), std::sqrt(3.25) * std::abs(z - at(data, j)[2]), 1e-6);
  });
}

TEST(TwoFoldedSurfaces, HaveTheDistanceOfTheUnfoldedTube) {
  const DataSet data = manifold("two_folded_surfaces", 100);
  for_pairs(data, [&](std::size_t i, std::size_t j) {
    const float *a = at(data, i), *b = at(data, j);
    const double height = data.train.labels[i] ? 13 : 11;
    EXPECT_NEAR(1.2 * std::abs(a[0]) + std::abs(a[1]), height, 1e-5);
    EXPECT_LE(std::abs(a[2]), 1);
    const double straight = std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
    EXPECT_GE(along(data, i, j), straight - 1e-5);
    // On the same side of the rhombus the straight line lies within the surface.
    if (a[0] * b[0] > 0 && a[1] * b[1] > 0) {
      EXPECT_NEAR(along(data, i, j), straight, 1e-5);
    }
    // Across the right or left corner: along both sides, or around the other way.
    if (a[0] * b[0] > 0 && a[1] * b[1] < 0) {
      const double way = std::hypot(1, 1 / 1.2) * (std::abs(a[1]) + std::abs(b[1]));
      const double around = 4 * std::hypot(height, height / 1.2) - way;
      EXPECT_NEAR(along(data, i, j), std::hypot(std::min(way, around), a[2] - b[2]), 1e-4);
    }
  });
}

TEST(TwoSpheres, HaveTheGreatCircleOfTheirChord) {
  const DataSet data = manifold("two_spheres");
  for_pairs(data, [&](std::size_t i, std::size_t j) {
    const float *a = at(data, i), *b = at(data, j);
    const double r = data.train.labels[i] ? 10 : 20;
    EXPECT_NEAR(std::hypot(a[0], a[1], a[2]), r, 1e-4);
    const double chord = std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
    EXPECT_NEAR(2 * r * std::sin(along(data, i, j) / (2 * r)), chord, 1e-4);
  });
}

TEST(Donut, WindsAroundATorusWithTheLengthOfAFinePolygon) {
  const DataSet data = manifold("donut", 25);
  for_pairs(data, [&](std::size_t i, std::size_t j) {
    const float *a = at(data, i), *b = at(data, j);
    EXPECT_NEAR(std::hypot(std::hypot(a[0], a[1]) - 8, a[2]), 1, 1e-5);  // on the tube of radius 1
    const double s = data.train.labels[i] ? 1 : -1;
    const auto curve = [s](double t) {
      const double r = 8 + s * std::sin(4 * t);
      return std::array{r * std::cos(t), r * std::sin(t), s * std::cos(4 * t)};
    };
    const double from = std::atan2(a[1], a[0]), to = std::atan2(b[1], b[0]);
    const double one_way = std::abs(polygon(curve, from, to, 3000));
    EXPECT_NEAR(along(data, i, j), std::min(one_way, data.surfaces[0].size - one_way), 1e-3);
  });
  EXPECT_NEAR(data.surfaces[0].size, data.surfaces[1].size, 1e-9);
}

TEST(Manifold, GivesDistancesOfProbesAndNoneBetweenTwoManifolds) {
  Config config;
  config.set = "manifold";
  config.manifold = "two_spheres";
  config.points = 5;
  config.classes = {1, 0};
  const DataSet data = load(config, {}, 1);
  EXPECT_THAT(data.class_names, ElementsAre("inner", "outer"));
  const std::vector<double> distances = geodesics(data, {0, 3, 5, 6});
  ASSERT_EQ(distances.size(), 16u);
  EXPECT_EQ(distances[0], 0);
  EXPECT_EQ(distances[1], along(data, 0, 3));
  EXPECT_EQ(distances[1], distances[4]);
  EXPECT_EQ(distances[11], along(data, 5, 6));
  EXPECT_TRUE(std::isnan(distances[2]));
  EXPECT_TRUE(std::isnan(distances[8]));
  EXPECT_EQ(data.surfaces[static_cast<std::size_t>(data.train.labels[0])].size,
            std::round(std::hypot(at(data, 0)[0], at(data, 0)[1], at(data, 0)[2])));
}

TEST(Manifold, OfAnUnknownNameIsRefusedNamingThoseThereAre) {
  try {
    manifold("klein_bottle");
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.field(), "data.manifold");
    EXPECT_THAT(error.what(), ::testing::HasSubstr("two_cosines, two_circles, double_helix"));
  }
}

}  // namespace
}  // namespace hooke::data
