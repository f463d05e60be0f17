#include "client/plots/figure.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "proto/hooke/error.h"

namespace hooke::plots {
namespace {

std::string exact(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

struct Span {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  void add(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  bool empty() const { return low > high; }
};

[[noreturn]] void refuse_log(const Curve& curve) {
  for (std::size_t i = 0; i < curve.y.size(); ++i)
    if (std::isfinite(curve.y[i]) && curve.y[i] <= 0)
      throw invalid("", "a log scale shows positive values only; " +
                            (curve.name.empty() ? std::string("one") : curve.name) + " is " +
                            exact(curve.y[i]) + " at step " + exact(curve.x[i]));
  throw Error(Code::kInternal, "no value of " + curve.name + " is negative");
}

}  // namespace

std::vector<Stretch> stretches(const Curve& curve) {
  std::vector<Stretch> all;
  for (std::size_t i = 0; i < curve.y.size(); ++i) {
    if (!std::isfinite(curve.y[i])) continue;
    if (all.empty() || all.back().last != i) all.push_back({i, i});
    all.back().last = i + 1;
  }
  return all;
}

std::vector<std::string> gap_notes(const Figure& figure) {
  std::vector<std::string> notes;
  for (const Curve& curve : figure.curves) {
    const auto count = [&](auto is) { return std::count_if(curve.y.begin(), curve.y.end(), is); };
    const auto nan = count([](double y) { return std::isnan(y); });
    const auto above = count([](double y) { return std::isinf(y) && y > 0; });
    const auto below = count([](double y) { return std::isinf(y) && y < 0; });
    if (nan + above + below == 0) continue;
    std::string kinds;
    for (const auto& [number, kind] :
         {std::pair(nan, "nan"), std::pair(above, "inf"), std::pair(below, "-inf")})
      if (number > 0) kinds += (kinds.empty() ? "" : ", ") + std::to_string(number) + " " + kind;
    const auto first =
        std::find_if(curve.y.begin(), curve.y.end(), [](double y) { return !std::isfinite(y); });
    notes.push_back((curve.name.empty() ? "" : curve.name + ": ") + std::to_string(nan + above + below) +
                    " of " + std::to_string(curve.y.size()) + " values are not finite (" + kinds +
                    "), the first at step " +
                    exact(curve.x[static_cast<std::size_t>(first - curve.y.begin())]));
  }
  return notes;
}

Extent extent_of(const Figure& figure) {
  Span x, y, with_bands;
  for (const Curve& curve : figure.curves) {
    for (const double at : curve.x) x.add(at);
    for (const double value : curve.y) y.add(value);
    for (const double value : curve.low) with_bands.add(value);
    for (const double value : curve.high) with_bands.add(value);
  }
  Extent extent;
  extent.empty = y.empty();
  if (!x.empty()) {
    extent.x_low = x.low;
    extent.x_high = x.high;
  }
  if (y.empty()) return extent;
  extent.log =
      figure.scale == Scale::kLog || (figure.scale == Scale::kAuto && y.low > 0 && y.high / y.low > kLogSpan);
  if (extent.log && y.low <= 0)
    for (const Curve& curve : figure.curves)
      if (std::any_of(curve.y.begin(), curve.y.end(), [](double v) { return std::isfinite(v) && v <= 0; }))
        refuse_log(curve);
  // A band that reaches below 0 is cut where a log scale ends.
  if (!with_bands.empty()) {
    y.add(with_bands.high);
    if (!extent.log || with_bands.low > 0) y.add(with_bands.low);
  }
  if (figure.zero_line && !extent.log) y.add(0);
  extent.y_low = y.low;
  extent.y_high = y.high;
  return extent;
}

double clamp_y(const Extent& extent, double value) {
  return std::clamp(value, extent.y_low, extent.y_high);
}

}  // namespace hooke::plots
