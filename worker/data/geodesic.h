// Distances along manifolds that are known exactly: curves, a curve times an interval, spheres.
// Pure functions.
#pragma once

#include <functional>

namespace hooke::data {

// Where a point lies on its surface. Flat: arc length along the curve, height, 0. Sphere: the unit
// vector from its centre.
struct Place {
  double u = 0, v = 0, w = 0;
};

// A surface that unrolls into the plane without stretching (a curve when it has no height), or a
// sphere.
struct Surface {
  enum class Kind { kFlat, kSphere };
  Kind kind = Kind::kFlat;
  double size = 0;  // flat: length of the closed curve, 0 when it is open; sphere: radius
};

// Length of the shortest path within the surface.
double geodesic(const Surface& surface, const Place& a, const Place& b);

// Integral of `speed` (of a smooth curve, by its parameter) between two parameters: Simpson's rule,
// exact to about 1e-10 for speeds that vary on the scale of 1. Negative when to < from.
double arc_length(const std::function<double(double)>& speed, double from, double to);

}  // namespace hooke::data
