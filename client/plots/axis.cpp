#include "client/plots/axis.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

namespace hooke::plots {
namespace {

constexpr double kLargest = std::numeric_limits<double>::max();
// Below this share of a value, neighbouring doubles are too few for ticks.
constexpr double kFinest = 1e-12;
constexpr double kSmallest = 1e-300;  // below it powers of ten lose their digits
constexpr double kSlack = 1e-9;       // of a tick's distance

// The power of ten at or below a positive value.
int exponent_of(double value) {
  return static_cast<int>(std::floor(std::log10(value) + kSlack));
}

double power_of_ten(int exponent) {
  return std::pow(10.0, exponent);
}

// The smallest of 1, 2, 5 times a power of ten that is not below `raw`.
double round_step(double raw) {
  const double unit = power_of_ten(exponent_of(raw));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * unit >= raw * (1 - kSlack)) return factor * unit;
  return 10 * unit;
}

std::string fixed(double value, int decimals) {
  char text[400];
  std::snprintf(text, sizeof text, "%.*f", std::clamp(decimals, 0, 60), value);
  const std::string shown = text;
  // "-0.0" is 0.
  return shown.find_first_not_of("-0.") == std::string::npos && shown[0] == '-' ? shown.substr(1) : shown;
}

std::string power_text(int exponent, bool ascii) {
  if (ascii) return "10^" + std::to_string(exponent);
  static constexpr const char* kDigits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string text = "10";
  for (const char c : std::to_string(exponent)) text += c == '-' ? "⁻" : kDigits[c - '0'];
  return text;
}

int decimals_of(double step) {
  return std::max(0, -exponent_of(step));
}

// "150k", "2.5M": steps of long trainings.
std::string count_text(double value, double largest, double step) {
  struct Unit {
    double size;
    const char* name;
  };
  constexpr double kLargestPlain = 1e5;
  if (largest < kLargestPlain || value == 0) return fixed(value, 0);
  for (const Unit unit : {Unit{1e15, "P"}, Unit{1e12, "T"}, Unit{1e9, "G"}, Unit{1e6, "M"}, Unit{1e3, "k"}})
    if (largest >= unit.size) return fixed(value / unit.size, decimals_of(step / unit.size)) + unit.name;
  return fixed(value, 0);
}

// Labels for ticks a step apart, with what they have in common in the note.
void label_linear(Axis& axis, double step, const AxisOptions& options) {
  constexpr double kSmallestPlain = 1e-3, kLargestPlain = 1e5, kMostDigits = 1e5;
  const double largest = std::max(std::abs(axis.low), std::abs(axis.high));
  if (options.whole) {
    for (Tick& tick : axis.ticks) tick.label = count_text(tick.at, largest, step);
    return;
  }
  double offset = 0;
  std::string note;
  if (largest / step > kMostDigits) {
    const int unit = exponent_of(axis.high / 2 - axis.low / 2) + 2;
    offset = std::floor(axis.low / power_of_ten(unit)) * power_of_ten(unit);
    note = (offset < 0 ? " − " : " + ") + fixed(std::abs(offset), -unit);
    if (options.ascii && offset < 0) note = " - " + fixed(std::abs(offset), -unit);
  }
  double rest = 0;
  for (const Tick& tick : axis.ticks) rest = std::max(rest, std::abs(tick.at - offset));
  int shared = 0;
  if (rest > 0 && (rest < kSmallestPlain || rest >= kLargestPlain)) {
    shared = exponent_of(rest);
    note = (options.ascii ? "x" : "×") + power_text(shared, options.ascii) + note;
  }
  const int decimals = std::max(0, shared - exponent_of(step));
  for (Tick& tick : axis.ticks) {
    // Two divisions, as 10^-308 has no reciprocal.
    const double value = (tick.at - offset) / power_of_ten(shared / 2) / power_of_ten(shared - shared / 2);
    tick.label = fixed(value, decimals);
  }
  axis.note = note.starts_with(" ") ? note.substr(1) : note;
}

void add_linear_ticks(Axis& axis, const AxisOptions& options) {
  const double half = axis.high / 2 - axis.low / 2;
  double step = round_step(half / options.at_most * 2);
  if (options.whole) step = std::max(step, 1.0);
  if (options.round_ends) {
    axis.low = std::clamp(std::floor(axis.low / step + kSlack) * step, -kLargest, axis.low);
    axis.high = std::clamp(std::ceil(axis.high / step - kSlack) * step, axis.high, kLargest);
  }
  const double first = std::ceil(axis.low / step - kSlack), last = std::floor(axis.high / step + kSlack);
  for (int i = 0; first + i <= last && i <= 4 * options.at_most; ++i) {
    const double at = (first + i) * step;
    if (std::isfinite(at)) axis.ticks.push_back({std::clamp(at, axis.low, axis.high), {}});
  }
  if (axis.ticks.empty()) axis.ticks.push_back({axis.low, {}});
  label_linear(axis, step, options);
}

std::string decade_text(double factor, int exponent, bool ascii) {
  constexpr int kSmallestPlain = -3, kLargestPlain = 4;
  if (exponent >= kSmallestPlain && exponent <= kLargestPlain)
    return fixed(factor * power_of_ten(exponent), std::max(0, -exponent));
  if (factor == 1) return power_text(exponent, ascii);
  return fixed(factor, 0) + (ascii ? "x" : "×") + power_text(exponent, ascii);
}

// Powers of ten, every few of them over many decades, and 2 and 5 times them over few.
void add_log_ticks(Axis& axis, const AxisOptions& options) {
  const double decades = std::log10(axis.high) - std::log10(axis.low);
  const std::vector<double> factors =
      3 * decades <= options.at_most ? std::vector<double>{1, 2, 5} : std::vector<double>{1};
  const int every = std::max(1, static_cast<int>(std::ceil(decades / options.at_most)));
  std::vector<Tick> candidates;
  const int first = exponent_of(axis.low) - every, last = exponent_of(axis.high) + every;
  for (int exponent = first; exponent <= last; ++exponent) {
    if (exponent % every != 0) continue;
    for (const double factor : factors) {
      const double at = factor * power_of_ten(exponent);
      if (std::isfinite(at) && at > 0)
        candidates.push_back({at, decade_text(factor, exponent, options.ascii)});
    }
  }
  const double low = axis.low * (1 + kSlack), high = axis.high * (1 - kSlack);
  if (options.round_ends) {
    for (const Tick& tick : candidates)
      if (tick.at <= low) axis.low = tick.at;
    for (auto tick = candidates.rbegin(); tick != candidates.rend(); ++tick)
      if (tick->at >= high) axis.high = tick->at;
  }
  for (const Tick& tick : candidates)
    if (tick.at >= axis.low * (1 - kSlack) && tick.at <= axis.high * (1 + kSlack)) axis.ticks.push_back(tick);
}

}  // namespace

double Axis::position(double value) const {
  if (log) return (std::log(value) - std::log(low)) / (std::log(high) - std::log(low));
  // In halves, that the range of all doubles has a width.
  return (value / 2 - low / 2) / (high / 2 - low / 2);
}

Axis make_axis(double low, double high, const AxisOptions& options) {
  Axis axis;
  axis.log = options.log;
  axis.low = std::min(low, high);
  axis.high = std::max(low, high);
  if (options.log) {
    if (axis.high / axis.low < 1 + kFinest) {
      axis.low /= 2;
      axis.high *= 2;
    }
    add_log_ticks(axis, options);
    if (axis.ticks.size() >= 2) return axis;
    axis.ticks.clear();  // less than from one round number to the next
    Axis linear = make_axis(axis.low, axis.high, {.ascii = options.ascii, .at_most = options.at_most});
    axis.ticks = std::move(linear.ticks);
    axis.note = std::move(linear.note);
    return axis;
  }
  const double largest = std::max(std::abs(axis.low), std::abs(axis.high));
  if (axis.high / 2 - axis.low / 2 <= std::max(largest * kFinest, kSmallest)) {
    const double margin = options.whole || largest <= kSmallest ? 1 : largest * 0.05;
    axis.low = std::max(-kLargest, axis.low - margin);
    axis.high = std::min(kLargest, axis.high + margin);
  }
  add_linear_ticks(axis, options);
  return axis;
}

}  // namespace hooke::plots
