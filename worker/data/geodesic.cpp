#include "worker/data/geodesic.h"

#include <algorithm>
#include <cmath>

namespace hooke::data {

double geodesic(const Surface& surface, const Place& a, const Place& b) {
  if (surface.kind == Surface::Kind::kSphere) {
    const double cross = std::hypot(a.v * b.w - a.w * b.v, a.w * b.u - a.u * b.w, a.u * b.v - a.v * b.u);
    const double dot = a.u * b.u + a.v * b.v + a.w * b.w;
    return surface.size * std::atan2(cross, dot);  // unlike acos, exact for small angles
  }
  double along = std::abs(a.u - b.u);
  if (surface.size > 0) along = std::min(along, surface.size - along);
  return std::hypot(along, a.v - b.v);
}

double arc_length(const std::function<double(double)>& speed, double from, double to) {
  constexpr double kPanelsPerUnit = 64;
  const int panels = 2 * std::max(1, static_cast<int>(std::ceil(std::abs(to - from) * kPanelsPerUnit / 2)));
  const double width = (to - from) / panels;
  double sum = speed(from) + speed(to);
  for (int i = 1; i < panels; ++i) sum += (i % 2 ? 4 : 2) * speed(from + i * width);
  return sum * width / 3;
}

}  // namespace hooke::data
