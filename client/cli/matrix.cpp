#include "client/cli/matrix.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "proto/hooke/error.h"

namespace hooke::cli {
namespace {

constexpr const char* kBold = "\x1b[1;36m";
constexpr const char* kPlain = "\x1b[0m";

bool shows_ratio(const v1::GetInfluenceResponse& influence) {
  return influence.shown() == "ratio_of_means";
}

const v1::InfluenceCell& cell(const v1::GetInfluenceResponse& influence, int responding, int updated) {
  return influence.cells(responding * influence.class_names_size() + updated);
}

// Of one value, as of an experiment's only run, there is no standard deviation anywhere.
bool shows_spread(const v1::GetInfluenceResponse& influence) {
  return !shows_ratio(influence) &&
         std::any_of(influence.cells().begin(), influence.cells().end(),
                     [](const v1::InfluenceCell& one) { return !std::isnan(one.sd()); });
}

// " (0.38 to 0.44)".
template <class WithInterval>
std::string range(const WithInterval& one) {
  return " (" + figure(one.low()) + " to " + figure(one.high()) + ")";
}

std::string cell_text(const v1::GetInfluenceResponse& influence, int responding, int updated) {
  const std::string value = figure(shown_value(influence, responding, updated));
  const v1::InfluenceCell& one = cell(influence, responding, updated);
  if (one.has_low() && one.has_high()) return value + range(one);
  if (!shows_spread(influence)) return value;
  return value + " ± " + figure(one.sd());
}

// What the standard deviation is over: see InfluenceCell.sd.
const char* spread_over(const v1::GetInfluenceResponse& influence) {
  if (influence.runs_size() > 1) return "runs";
  return influence.steps_size() > 1 ? "steps" : "pairs";
}

// What stands in a cell, as "mean ± sd over pairs" or "mean (95% interval over probes, 1000 resamples)".
std::string figures_text(const v1::GetInfluenceResponse& influence) {
  const std::string shown = shows_ratio(influence) ? "ratio of means" : "mean";
  if (influence.interval() == v1::INTERVAL_KIND_UNSPECIFIED)
    return shows_spread(influence) ? shown + " ± sd over " + spread_over(influence) : shown;
  const bool probes = influence.interval() == v1::INTERVAL_KIND_PROBES;
  std::string text = shown + " (" + brief(100 * influence.level()) + "% interval over ";
  text += probes ? "probes, " + plural(influence.resamples(), "resample") : "runs";
  return text + ")";
}

}  // namespace

std::string figure(double value) {
  constexpr double kLargestPlain = 1e5;
  if (!std::isfinite(value)) return number(value);
  const double size = std::abs(value);
  const char* format = "%.2f";
  if (size >= 10) format = "%.1f";
  if (size >= 100) format = "%.0f";
  if (size >= kLargestPlain || (size > 0 && size < 0.01)) format = "%.1e";
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

void check_shape(const v1::GetInfluenceResponse& influence) {
  const int classes = influence.class_names_size();
  if (influence.cells_size() != classes * classes)
    throw Error(Code::kInternal, "the server answered " + plural(influence.cells_size(), "cell") + " for " +
                                     plural(classes, "class") + "es");
}

double shown_value(const v1::GetInfluenceResponse& influence, int responding, int updated) {
  const v1::InfluenceCell& one = cell(influence, responding, updated);
  return shows_ratio(influence) ? one.ratio_of_means() : one.mean();
}

std::string cell_details(const v1::GetInfluenceResponse& influence, int responding, int updated) {
  const v1::InfluenceCell& one = cell(influence, responding, updated);
  std::string text =
      one.has_low() && one.has_high() ? figure(one.low()) + " to " + figure(one.high()) + ", " : "";
  if (shows_spread(influence)) text += "sd " + figure(one.sd()) + ", ";
  text += plural(one.count(), "pair");
  if (one.skipped() > 0) text += ", " + std::to_string(one.skipped()) + " skipped";
  if (one.nonfinite() > 0) text += ", " + std::to_string(one.nonfinite()) + " not finite";
  return text;
}

std::vector<std::string> class_table(const google::protobuf::RepeatedPtrField<std::string>& classes,
                                     const std::function<std::string(int, int)>& text, bool colour) {
  const int count = classes.size();
  const std::string corner = "responds \\ updated";
  std::size_t names = width(corner);
  for (const std::string& name : classes) names = std::max(names, width(name));

  std::vector<std::string> lines{pad_right(corner, names)};
  std::vector<std::size_t> widths;
  for (int updated = 0; updated < count; ++updated) {
    std::size_t widest = width(classes.Get(updated));
    for (int responding = 0; responding < count; ++responding)
      widest = std::max(widest, width(text(responding, updated)) + 1);
    widths.push_back(widest);
    lines[0] += "   " + pad_left(classes.Get(updated), widest);
  }
  for (int responding = 0; responding < count; ++responding) {
    std::string line = pad_right(classes.Get(responding), names);
    for (int updated = 0; updated < count; ++updated) {
      const bool own = responding == updated;
      // The bracket or the space at the right edge keeps the figures in line.
      std::string shown =
          pad_left((own ? "[" : "") + text(responding, updated) + (own ? "]" : " "), widths[updated] + 3);
      if (own && colour) shown = kBold + shown + kPlain;
      line += shown;
    }
    lines.push_back(line);
  }
  for (std::string& line : lines) line.erase(line.find_last_not_of(' ') + 1);
  return lines;
}

std::vector<std::string> matrix_lines(const v1::GetInfluenceResponse& influence, bool colour) {
  const auto text = [&](int responding, int updated) { return cell_text(influence, responding, updated); };
  return class_table(influence.class_names(), text, colour);
}

std::vector<std::string> caption(const v1::GetInfluenceResponse& influence) {
  std::string text = influence.key();
  if (!influence.description().empty()) text += " · " + influence.description();
  if (influence.steps_size() == 1)
    text += " · step " + std::to_string(influence.steps(0));
  else if (influence.steps_size() > 1)
    text += " · mean of " + plural(influence.steps_size(), "measurement") + ", steps " +
            std::to_string(influence.steps(0)) + " to " +
            std::to_string(influence.steps(influence.steps_size() - 1));
  if (influence.runs_size() > 1) text += " · mean of " + plural(influence.runs_size(), "run");
  std::string figures = figures_text(influence);
  std::int64_t fewest = 0;
  std::int64_t most = 0;
  std::int64_t skipped = 0;
  std::int64_t nonfinite = 0;
  for (const v1::InfluenceCell& one : influence.cells()) {
    fewest = &one == &influence.cells(0) ? one.count() : std::min<std::int64_t>(fewest, one.count());
    most = std::max<std::int64_t>(most, one.count());
    skipped += one.skipped();
    nonfinite += one.nonfinite();
  }
  figures +=
      " · " + (fewest == most ? "" : std::to_string(fewest) + " to ") + plural(most, "pair") + " a cell";
  if (skipped > 0) figures += " · " + plural(skipped, "pair") + " skipped (denominator 0 or not finite)";
  if (nonfinite > 0) figures += " · " + plural(nonfinite, "pair") + " not finite";
  return {text, figures};
}

std::vector<std::string> sentences(const v1::GetInfluenceResponse& influence) {
  const int classes = influence.class_names_size();
  std::vector<std::string> all;
  for (int updated = 0; updated < classes; ++updated) {
    std::vector<int> order(classes);
    std::iota(order.begin(), order.end(), 0);
    std::erase_if(order,
                  [&](int responding) { return std::isnan(shown_value(influence, responding, updated)); });
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
      return shown_value(influence, a, updated) > shown_value(influence, b, updated);
    });
    const auto named = [&](int responding) {
      return influence.class_names(responding) + " (" + figure(shown_value(influence, responding, updated)) +
             ")";
    };
    std::string text = "An update on " + influence.class_names(updated);
    if (order.empty()) {
      all.push_back(text + " gave no finite figure.");
      continue;
    }
    const auto value_of = [&](int responding) { return shown_value(influence, responding, updated); };
    // A signed measure is positive where the update helped as it did at the updated example.
    const bool is_signed = influence.is_signed();
    if (is_signed && value_of(order[0]) <= 0) {
      all.push_back(text + " helps no class.");
      continue;
    }
    text += (is_signed ? " helps " : " moves ") + influence.class_names(order[0]) + " most (" +
            figure(value_of(order[0])) + ")";
    if (order.size() > 1 && !(is_signed && value_of(order[1]) < 0)) text += ", then " + named(order[1]);
    if (is_signed && value_of(order.back()) < 0) text += ", and hurts " + named(order.back());
    all.push_back(text + ".");
  }
  return all;
}

std::string estimate_text(const v1::Estimate& estimate) {
  std::string text = figure(estimate.value());
  if (estimate.has_low() && estimate.has_high()) text += range(estimate);
  return text;
}

}  // namespace hooke::cli
