#include "client/plots/heat_map.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

#include "client/plots/figure.h"

namespace hooke::plots {
namespace {

constexpr Rgb kNotFinite = {158, 158, 158};

// Blue to orange, as ColorBrewer's RdBu and PuOr have their arms: told apart with any colour vision.
constexpr std::array<Rgb, 9> kDiverging = {{{5, 48, 97},
                                            {33, 102, 172},
                                            {67, 147, 195},
                                            {146, 197, 222},
                                            {247, 247, 247},
                                            {253, 184, 99},
                                            {224, 130, 20},
                                            {179, 88, 6},
                                            {127, 59, 8}}};
// ColorBrewer's Blues: lightness alone tells the values.
constexpr std::array<Rgb, 9> kSequential = {{{247, 251, 255},
                                             {222, 235, 247},
                                             {198, 219, 239},
                                             {158, 202, 225},
                                             {107, 174, 214},
                                             {66, 146, 198},
                                             {33, 113, 181},
                                             {8, 81, 156},
                                             {8, 48, 107}}};

Rgb between(const std::array<Rgb, 9>& stops, double share) {
  const double place = share * static_cast<double>(stops.size() - 1);
  const auto below = std::min(static_cast<std::size_t>(place), stops.size() - 2);
  const double rest = place - static_cast<double>(below);
  const auto mix = [rest](int a, int b) { return static_cast<int>(std::lround(a + rest * (b - a))); };
  const Rgb a = stops[below], b = stops[below + 1];
  return {mix(a.red, b.red), mix(a.green, b.green), mix(a.blue, b.blue)};
}

}  // namespace

std::string Rgb::hex() const {
  char text[16];
  std::snprintf(text, sizeof text, "#%02x%02x%02x", static_cast<unsigned>(red) & 0xFF,
                static_cast<unsigned>(green) & 0xFF, static_cast<unsigned>(blue) & 0xFF);
  return text;
}

bool Rgb::is_dark() const {
  // Relative luminance as WCAG 2 defines it; black and white stand out alike at 0.179.
  const auto linear = [](int channel) {
    const double c = channel / 255.0;
    return c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4);
  };
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue) < 0.179;
}

ColourScale::ColourScale(const HeatMap& map) : diverging_(map.is_signed) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const double value : map.values) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  if (low > high) return;  // nothing is finite
  if (diverging_) {
    high_ = std::max({std::abs(low), std::abs(high), std::numeric_limits<double>::min()});
    low_ = -high_;
    return;
  }
  log_ = low > 0 && high / low > kLogSpan;
  low_ = log_ ? low : std::min(0.0, low);
  high_ = high > low_ ? high : low_ + 1;
}

double ColourScale::share(double value) const {
  if (!std::isfinite(value)) return 0;
  const double share = log_ ? std::log(value / low_) / std::log(high_ / low_)
                            : (value / 2 - low_ / 2) / (high_ / 2 - low_ / 2);
  return std::clamp(share, 0.0, 1.0);
}

Rgb ColourScale::colour(double value) const {
  if (!std::isfinite(value)) return kNotFinite;
  return between(diverging_ ? kDiverging : kSequential, share(value));
}

}  // namespace hooke::plots
