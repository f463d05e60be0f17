#include "worker/data/manifold.h"

#include <array>
#include <cmath>
#include <functional>
#include <numbers>

#include "proto/hooke/error.h"
#include "worker/data/synthetic.h"

namespace hooke::data {
namespace {

using std::numbers::pi;
using Position = std::array<double, 3>;

struct Point {
  Position at;
  Place place;
};

// One of the two manifolds, with a way to draw a point of it.
struct Sheet {
  std::string name;
  Surface surface;
  std::function<Point(std::mt19937_64&)> draw;
};

double uniform(double from, double to, std::mt19937_64& random) {
  return std::uniform_real_distribution<double>(from, to)(random);
}

// A curve by its parameter, drawn uniformly from [-end, end], with its speed.
struct Curve {
  double end;
  std::function<Position(double)> at;
  std::function<double(double)> speed;
};

Sheet open_curve(const std::string& name, const Curve& curve) {
  return {name, {Surface::Kind::kFlat, 0}, [curve](std::mt19937_64& random) {
            const double t = uniform(-curve.end, curve.end, random);
            return Point{curve.at(t), {arc_length(curve.speed, -curve.end, t), 0, 0}};
          }};
}

Sheet closed_curve(const std::string& name, const Curve& curve) {
  Sheet sheet = open_curve(name, curve);
  sheet.surface.size = arc_length(curve.speed, -curve.end, curve.end);
  return sheet;
}

Sheet cosine(double s) {
  return open_curve(s < 0 ? "lower" : "upper", {0.6 * pi,
                                                [s](double t) {
                                                  return Position{t, std::cos(t) + 0.2 * s, 0};
                                                },
                                                [](double t) { return std::hypot(1, std::sin(t)); }});
}

Sheet circle(double s) {
  const double r = s < 0 ? 50 : 10;
  return closed_curve(s < 0 ? "outer" : "inner", {pi,
                                                  [r](double t) {
                                                    return Position{r * std::cos(t), r * std::sin(t), 0};
                                                  },
                                                  [r](double) { return r; }});
}

Sheet helix(double s) {
  constexpr double kTurns = 1.5;
  return open_curve(s < 0 ? "second" : "first",
                    {pi / 2,
                     [s](double t) {
                       return Position{s * std::cos(kTurns * t), s * std::sin(kTurns * t), t};
                     },
                     [](double) { return std::hypot(1, kTurns); }});
}

Sheet winding(double s) {
  constexpr double kRadius = 8, kTurns = 4;
  const auto from_axis = [s](double t) { return kRadius + s * std::sin(kTurns * t); };
  return closed_curve(
      s < 0 ? "second" : "first",
      {pi,
       [=](double t) {
         return Position{from_axis(t) * std::cos(t), from_axis(t) * std::sin(t), s * std::cos(kTurns * t)};
       },
       [=](double t) { return std::hypot(from_axis(t), kTurns); }});
}

Sheet folded(double s) {
  constexpr double kSlope = 1.2;
  const double height = 12 + s, width = height / kSlope;  // half the rhombus's diagonals
  const double edge = std::hypot(height, width);
  return {s < 0 ? "inner" : "outer", {Surface::Kind::kFlat, 4 * edge}, [=](std::mt19937_64& random) {
            const double u = uniform(0, 4 * edge, random), z = uniform(-1, 1, random);
            const double along = u / edge;  // from the top, by the right, the bottom and the left corner
            const double x = along < 2 ? 1 - std::abs(along - 1) : std::abs(along - 3) - 1;
            return Point{{width * x, height * (std::abs(along - 2) - 1), z}, {u, z, 0}};
          }};
}

Sheet sphere(double s) {
  const double r = s < 0 ? 20 : 10;
  return {s < 0 ? "outer" : "inner", {Surface::Kind::kSphere, r}, [r](std::mt19937_64& random) {
            const double polar = uniform(0, pi, random), azimuth = uniform(0, 2 * pi, random);
            const Place unit = {std::sin(polar) * std::cos(azimuth), std::sin(polar) * std::sin(azimuth),
                                std::cos(polar)};
            return Point{{r * unit.u, r * unit.v, r * unit.w}, unit};
          }};
}

struct Pair {
  const char* name;
  int dimension;
  Sheet (*sheet)(double s);
};

constexpr Pair kPairs[] = {
    {"two_cosines", 2, cosine},         {"two_circles", 2, circle}, {"double_helix", 3, helix},
    {"two_folded_surfaces", 3, folded}, {"two_spheres", 3, sphere}, {"donut", 3, winding},
};

const Pair& find_pair(const std::string& name) {
  std::string names;
  for (const Pair& pair : kPairs) {
    if (name == pair.name) return pair;
    names += (names.empty() ? "" : ", ") + std::string(pair.name);
  }
  throw invalid("data.manifold", "'" + name + "' is not allowed; one of " + names);
}

void add_points(const Sheet& sheet, int label, int dimension, std::int64_t count, std::mt19937_64& random,
                RawSplit& split) {
  for (std::int64_t n = 0; n < count; ++n) {
    const Point point = sheet.draw(random);
    for (int k = 0; k < dimension; ++k) {
      split.values.push_back(static_cast<float>(point.at[static_cast<std::size_t>(k)]));
    }
    split.places.push_back(point.place);
    split.labels.push_back(label);
  }
}

}  // namespace

Raw make_manifold(const Config& config, std::int64_t seed) {
  const Pair& pair = find_pair(config.manifold);
  if (config.points < 1) throw invalid("data.points", "must be at least 1");
  std::mt19937_64 train = generator(seed, 1), test = generator(seed, 2);
  Raw raw;
  raw.shape = {pair.dimension};
  for (const int label : {0, 1}) {
    const Sheet sheet = pair.sheet(label == 0 ? -1 : 1);
    raw.class_names.push_back(sheet.name);
    raw.surfaces.push_back(sheet.surface);
    add_points(sheet, label, pair.dimension, generated_count(config, config.train_per_class), train,
               raw.train);
    add_points(sheet, label, pair.dimension, generated_count(config, config.test_per_class), test, raw.test);
  }
  return raw;
}

}  // namespace hooke::data
