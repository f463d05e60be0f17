#include "server/analysis/phases.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "proto/hooke/error.h"
#include "server/analysis/phase_models.h"
#include "server/analysis/statistics.h"

namespace hooke::analysis {
namespace {

constexpr double kLead = 2;               // of BIC, to count as one
constexpr double kConstantRange = 1e-12;  // relative range of a constant series
constexpr std::size_t kFittedPoints = 500;

std::string text_of(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.6g", value);
  return buffer;
}

// The usable points, on the analysed scale.
struct Points {
  std::vector<Step> step;
  std::vector<double> value;
  std::vector<double> weight;
};

// The sample, and how to get back from it.
struct Prepared {
  Points points;
  Sample sample;
  std::size_t fewest = 1;
  double first_step = 0, steps = 1;  // step = first_step + steps * x
  double low = 0, range = 1;         // value = low + range * y

  double step_of(double x) const { return first_step + steps * x; }
};

// A fit with what it says of phases.
struct Judged {
  Fit fit;
  Curve curve;
  std::vector<Segment> segments;
  std::vector<std::size_t> changes;  // knots between segments of different kinds
};

void check(const PhaseOptions& options) {
  const auto refuse = [](const char* field, double value, const std::string& allowed) {
    throw invalid(field, text_of(value) + " is not allowed; it is " + allowed);
  };
  if (options.max_knots < 0 || options.max_knots > kMostKnots)
    refuse("max_knots", options.max_knots, "from 0 to " + std::to_string(kMostKnots));
  if (options.min_segment < 2) refuse("min_segment", options.min_segment, "at least 2");
  if (!(options.level >= 0.001 && options.level <= 0.5)) refuse("level", options.level, "from 0.001 to 0.5");
  if (!(options.elastic_slope >= 0 && options.elastic_slope <= 1))
    refuse("elastic_slope", options.elastic_slope, "from 0 to 1");
}

Scale choose_scale(std::span<const Step> steps, std::span<const double> values, Scale wanted,
                   std::vector<std::string>& remarks) {
  if (wanted == Scale::kLinear) return wanted;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i]) || values[i] > 0) continue;
    if (wanted == Scale::kLog)
      throw invalid("scale", "the log scale needs positive values; at step " + std::to_string(steps[i]) +
                                 " the value is " + text_of(values[i]) + " (ask for the linear scale)");
    remarks.push_back("values that are not positive (the first at step " + std::to_string(steps[i]) +
                      "): linear scale");
    return Scale::kLinear;
  }
  return Scale::kLog;
}

Points usable(std::span<const Step> steps, std::span<const double> values, std::span<const double> sd,
              Scale scale, std::vector<std::string>& remarks) {
  Points points;
  bool weighted = !sd.empty();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) continue;
    points.step.push_back(steps[i]);
    points.value.push_back(scale == Scale::kLog ? std::log(values[i]) : values[i]);
    if (!weighted) continue;
    const double spread = scale == Scale::kLog ? sd[i] / values[i] : sd[i];
    if (!(spread > 0) || !std::isfinite(1 / (spread * spread))) {
      remarks.push_back("no usable standard deviation at step " + std::to_string(steps[i]) +
                        ": points weigh the same");
      weighted = false;
      continue;
    }
    points.weight.push_back(1 / (spread * spread));
  }
  if (!weighted) points.weight.assign(points.value.size(), 1.0);
  return points;
}

Prepared prepare(Points points, int min_segment) {
  Prepared p;
  const std::size_t n = points.step.size();
  const std::size_t bucket = (n + kMostPoints - 1) / kMostPoints;
  p.first_step = static_cast<double>(points.step.front());
  p.steps = static_cast<double>(points.step.back()) - p.first_step;
  const auto [low, high] = std::minmax_element(points.value.begin(), points.value.end());
  p.low = *low;
  p.range = *high - *low;
  std::vector<double> weights;
  for (std::size_t begin = 0; begin < n; begin += bucket) {
    const std::size_t end = std::min(begin + bucket, n);
    double weight = 0, x = 0, y = 0;
    for (std::size_t i = begin; i < end; ++i) {
      weight += points.weight[i];
      x += points.weight[i] * (static_cast<double>(points.step[i]) - p.first_step);
      y += points.weight[i] * (points.value[i] - p.low);
    }
    p.sample.x.push_back(x / weight / p.steps);
    p.sample.y.push_back(y / weight / p.range);
    weights.push_back(weight);
  }
  const double usual = mean(weights);
  for (const double weight : weights) p.sample.root_weight.push_back(std::sqrt(weight / usual));
  std::vector<double> gaps;
  for (std::size_t i = 1; i < p.sample.size(); ++i) gaps.push_back(p.sample.x[i] - p.sample.x[i - 1]);
  const double median = quantile(gaps, 0.5);
  p.sample.gap.push_back(0);
  for (const double gap : gaps) {
    const double units = gap / median;
    p.sample.gap.push_back(std::abs(units - 1) < 1e-9 ? 1 : units);
  }
  p.fewest = std::max<std::size_t>(2, (static_cast<std::size_t>(min_segment) + bucket - 1) / bucket);
  p.points = std::move(points);
  return p;
}

std::vector<Segment> segments_of(const Prepared& p, const Fit& fit, const Curve& curve,
                                 const PhaseOptions& options) {
  const double scale = p.range / p.steps;
  const double t = t_quantile(1 - options.level / 2, std::max(curve.degrees, 4.0));
  double steepest = 0;
  for (const double slope : curve.slopes) steepest = std::max(steepest, std::abs(slope));
  std::vector<Segment> segments;
  auto begin = p.points.step.begin();
  for (std::size_t s = 0; s < curve.slopes.size(); ++s) {
    auto end = p.points.step.end();
    if (s < fit.knots.size()) {
      const double knot = p.step_of(fit.knots[s]) + 1e-9 * p.steps;
      end = std::upper_bound(begin, end, knot,
                             [](double k, Step step) { return k < static_cast<double>(step); });
    }
    Segment segment;
    segment.from = *begin;
    segment.to = *(end - 1);
    const double slope = curve.slopes[s], half = t * curve.slope_se[s];
    segment.slope = slope * scale;
    segment.slope_low = (slope - half) * scale;
    segment.slope_high = (slope + half) * scale;
    segment.elastic =
        std::abs(slope) > half && steepest > 0 && std::abs(slope) >= options.elastic_slope * steepest;
    segments.push_back(segment);
    begin = end;
  }
  return segments;
}

Judged judge(const Prepared& p, const Fit& fit, const PhaseOptions& options) {
  Judged judged{fit, curve_of(p.sample, fit), {}, {}};
  judged.segments = segments_of(p, fit, judged.curve, options);
  for (std::size_t s = 0; s + 1 < judged.segments.size(); ++s)
    if (judged.segments[s].elastic != judged.segments[s + 1].elastic) judged.changes.push_back(s);
  return judged;
}

// BIC of the best fit with at most `knots` knots minus that of the best with more.
double gain_of_more(const Sample& sample, std::size_t knots, std::size_t most, std::size_t fewest) {
  double few = std::numeric_limits<double>::infinity(), more = few;
  for (const Fit& fit : fit_models(sample, most, fewest, quick_effort())) {
    double& best = fit.knots.size() <= knots ? few : more;
    best = std::min(best, fit.bic);
  }
  return few - more;
}

// How often a series simulated from `without` gains as much by more knots as this one: the p-value
// of the hypothesis that there are no more.
std::optional<double> test(const Prepared& p, const Fit& without, const PhaseOptions& options) {
  if (options.resamples <= 0) return std::nullopt;
  const auto most = static_cast<std::size_t>(options.max_knots);
  const double observed = gain_of_more(p.sample, without.knots.size(), most, p.fewest);
  const Simulation simulation(p.sample, without);
  std::mt19937_64 random(options.seed);
  int as_large = 1;
  for (int i = 0; i < options.resamples; ++i)
    as_large += gain_of_more(simulation.draw(random), without.knots.size(), most, p.fewest) >= observed;
  return static_cast<double>(as_large) / (options.resamples + 1);
}

const Judged* best_of(const std::vector<Judged>& models, bool with_changes,
                      std::size_t fewer_than = static_cast<std::size_t>(-1)) {
  for (const Judged& model : models)  // best first
    if (!model.changes.empty() == with_changes && model.fit.knots.size() < fewer_than) return &model;
  return nullptr;
}

Transition transition_at(const Prepared& p, const Judged& with, std::size_t knot, double best_without,
                         std::optional<double> whole_p, const PhaseOptions& options) {
  Transition transition;
  transition.step = p.step_of(with.fit.knots[knot]);
  const auto interval = knot_interval(p.sample, with.fit, knot, options.level, p.fewest);
  transition.low = p.step_of(interval.low);
  transition.high = p.step_of(interval.high);
  transition.bic_gain = best_without - with.fit.bic;
  transition.p_value = whole_p;
  if (with.changes.size() == 1) return transition;  // without it there is none at all
  // The best model without this knot keeps the others near their places.
  auto others = with.fit.knots;
  double reach = 1;
  for (std::size_t k = 0; k < others.size(); ++k)
    if (k != knot) reach = std::min(reach, std::abs(others[k] - others[knot]) / 4);
  others.erase(others.begin() + static_cast<std::ptrdiff_t>(knot));
  const Fit without = fit_near(p.sample, others, reach, p.fewest);
  transition.bic_gain = std::min(best_without, without.bic) - with.fit.bic;
  transition.p_value = test(p, without, options);
  return transition;
}

void list_models(const Prepared& p, const std::vector<Judged>& models, Phases& phases) {
  // The fits are of y = (value - low) / range: the likelihood of the values differs by a constant.
  const double shift = 2 * static_cast<double>(p.sample.size()) * std::log(p.range);
  for (const Judged& model : models) {
    ComparedModel compared{model.fit.name(), model.fit.bic + shift, model.curve.rss * p.range * p.range, {}};
    for (const double knot : model.fit.knots) compared.breaks.push_back(p.step_of(knot));
    phases.models.push_back(std::move(compared));
  }
}

void show(const Prepared& p, const Judged& model, Phases& phases) {
  phases.segments = model.segments;
  const std::size_t n = p.sample.size(), count = std::min(n, kFittedPoints);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = count == 1 ? 0 : (n - 1) * i / (count - 1);
    const double value = p.low + p.range * model.curve.fitted[at];
    phases.fitted_step.push_back(static_cast<Step>(std::llround(p.step_of(p.sample.x[at]))));
    phases.fitted_value.push_back(phases.scale == Scale::kLog ? std::exp(value) : value);
  }
}

void answer_constant(const Points& points, Phases& phases) {
  const Step first = points.step.front(), last = points.step.back();
  phases.segments = {{first, last, false, 0, 0, 0}};
  phases.models = {{"constant", -std::numeric_limits<double>::infinity(), 0, {}}};
  const double value = points.value.front();
  phases.fitted_step = {first, last};
  phases.fitted_value.assign(2, phases.scale == Scale::kLog ? std::exp(value) : value);
  phases.remarks.push_back("the series is constant");
}

// Weighs the best model that has a transition against the best that has none.
void decide(const Prepared& p, const std::vector<Judged>& models, const PhaseOptions& options,
            Phases& phases) {
  const Judged* with = best_of(models, true);
  const Judged* without = best_of(models, false);
  if (with == nullptr) {
    show(p, *without, phases);
    return;
  }
  const double lead = without->fit.bic - with->fit.bic;
  const auto p_value = test(p, best_of(models, false, with->fit.knots.size())->fit, options);
  const bool significant = p_value ? *p_value < options.level : lead > 0;
  if (lead >= kLead && significant) {
    phases.verdict = Verdict::kTransition;
    for (const std::size_t knot : with->changes)
      phases.transitions.push_back(transition_at(p, *with, knot, without->fit.bic, p_value, options));
    show(p, *with, phases);
    return;
  }
  show(p, *without, phases);
  if (lead <= -kLead && !significant) return;
  phases.verdict = Verdict::kUndecided;
  std::string remark = "undecided: the best model with a transition (" + with->fit.name() + ", at step";
  for (const std::size_t knot : with->changes)
    remark += " " + text_of(std::round(p.step_of(with->fit.knots[knot])));
  remark += ") has a BIC " + text_of(std::abs(lead)) + (lead >= 0 ? " better" : " worse");
  if (p_value) remark += ", p = " + text_of(*p_value);
  phases.remarks.push_back(remark);
}

}  // namespace

Phases find_phases(std::span<const Step> steps, std::span<const double> values, std::span<const double> sd,
                   const PhaseOptions& options) {
  check(options);
  Phases phases;
  phases.scale = choose_scale(steps, values, options.scale, phases.remarks);
  Points points = usable(steps, values, sd, phases.scale, phases.remarks);
  phases.points = std::ssize(points.step);
  phases.omitted = std::ssize(values) - phases.points;
  if (points.step.size() < kFewestPoints)
    throw Error(Code::kFailedPrecondition, "phases need at least " + std::to_string(kFewestPoints) +
                                               " points; there are " + std::to_string(phases.points) +
                                               " usable ones and " + std::to_string(phases.omitted) +
                                               " that are NaN or infinite");
  const auto [low, high] = std::minmax_element(points.value.begin(), points.value.end());
  if (*high - *low <= kConstantRange * std::max(std::abs(*low), std::abs(*high))) {
    answer_constant(points, phases);
    return phases;
  }
  if (points.step.size() > kMostPoints)
    phases.remarks.push_back("neighbouring points were averaged: " + std::to_string(phases.points) +
                             " are too many to be fitted one by one");
  const Prepared p = prepare(std::move(points), options.min_segment);
  std::vector<Judged> models;
  for (const Fit& fit :
       fit_models(p.sample, static_cast<std::size_t>(options.max_knots), p.fewest, full_effort()))
    models.push_back(judge(p, fit, options));
  std::sort(models.begin(), models.end(),
            [](const Judged& a, const Judged& b) { return a.fit.bic < b.fit.bic; });
  list_models(p, models, phases);
  decide(p, models, options, phases);
  return phases;
}

}  // namespace hooke::analysis
