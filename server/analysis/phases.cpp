#include "server/analysis/phases.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "proto/hooke/error.h"
#include "server/analysis/curve.h"
#include "server/analysis/phase_models.h"
#include "server/analysis/prepare.h"
#include "server/analysis/simulation.h"
#include "server/analysis/statistics.h"

namespace hooke::analysis {
namespace {

constexpr double kLead = 2;              // of BIC, to count as one
constexpr double kBeyondDoubt = 10;      // of BIC (Kass & Raftery 1995)
constexpr double kConstantRange = 1e-4;  // of the values: predictions are float32, their rounding drifts too
constexpr std::size_t kFittedPoints = 500;

// A fit with what it says of phases.
struct Judged {
  Fit fit;
  Curve curve;
  std::vector<Segment> segments;
  std::vector<std::size_t> changes;  // ends of segments at which there is a transition
  bool unfinished = false;           // a relaxation that has not levelled off

  bool has_transition() const { return unfinished || !changes.empty(); }
};

// First point after the end of a segment.
std::vector<Step>::const_iterator first_after(const Prepared& p, const Fit& fit, double end) {
  // A jump's place is the first point of the new segment, a knot may be on the last of the old.
  const bool jump = fit.shape.kind == Shape::Kind::kJumps;
  const double at = p.step_of(end) + (jump ? -1e-9 : 1e-9) * p.steps;
  return std::upper_bound(p.points.step.begin(), p.points.step.end(), at,
                          [](double k, Step step) { return k < static_cast<double>(step); });
}

// The step of a break; a jump's is a stored one.
double step_at(const Prepared& p, const Fit& fit, double place) {
  if (fit.shape.kind != Shape::Kind::kJumps) return p.step_of(place);
  return static_cast<double>(*first_after(p, fit, place));
}

std::vector<Segment> segments_of(const Prepared& p, const Fit& fit, const Curve& curve,
                                 const PhaseOptions& options) {
  const double scale = p.range / p.steps;
  const double t = t_quantile(1 - options.level / 2, std::max(curve.degrees, 4.0));
  std::vector<Segment> segments;
  auto begin = p.points.step.begin();
  for (std::size_t s = 0; s < curve.slopes.size(); ++s) {
    const auto end = s < curve.ends.size() ? first_after(p, fit, curve.ends[s]) : p.points.step.end();
    Segment segment;
    segment.from = *begin;
    segment.to = *(end - 1);
    const double slope = curve.slopes[s], half = t * curve.slope_se[s];
    segment.slope = slope * scale;
    segment.slope_low = (slope - half) * scale;
    segment.slope_high = (slope + half) * scale;
    segment.elastic = std::abs(slope) > half && curve.steepest > 0 &&
                      std::abs(slope) >= options.elastic_slope * curve.steepest;
    segments.push_back(segment);
    begin = end;
  }
  return segments;
}

Judged judge(const Prepared& p, const Fit& fit, const PhaseOptions& options) {
  Judged judged{fit, curve_of(p.sample, fit, options.elastic_slope), {}, {}, false};
  judged.segments = segments_of(p, fit, judged.curve, options);
  const bool always =
      fit.shape.kind == Shape::Kind::kJumps || (fit.shape.kind == Shape::Kind::kHinges && options.every_knot);
  for (std::size_t s = 0; s + 1 < judged.segments.size(); ++s)
    if (always || judged.segments[s].elastic != judged.segments[s + 1].elastic) judged.changes.push_back(s);
  judged.unfinished = fit.shape.kind == Shape::Kind::kRelaxation && judged.curve.ends.empty();
  return judged;
}

// The question whether there are transitions, for one series.
struct Question {
  const Prepared& p;
  const PhaseOptions& options;
  std::optional<Contest> contest;  // for tests

  std::optional<double> test(const Fit& null, const Fit& with) const {
    if (!contest) return std::nullopt;
    return p_value(p.sample, *contest, null, with, options.resamples, options.level, options.seed);
  }

  // The largest over several; those after one that is not significant are not asked.
  std::optional<double> test(const std::vector<const Fit*>& nulls, const Fit& with) const {
    std::optional<double> largest;
    for (const Fit* null : nulls) {
      largest = std::max(largest, test(*null, with));
      if (!largest || *largest >= options.level) break;
    }
    return largest;
  }
};

Question question_of(const Prepared& p, const PhaseOptions& options) {
  Question question{p, options, std::nullopt};
  if (options.resamples > 0)
    question.contest.emplace(p.sample, options.models, static_cast<std::size_t>(options.max_knots), p.fewest,
                             quick_effort());
  return question;
}

const Judged* best_of(const std::vector<Judged>& models, bool with_transition) {
  for (const Judged& model : models)  // best first
    if (model.has_transition() == with_transition) return &model;
  return nullptr;
}

// What `with` is tested against: the models without a transition that are part of it, as far as they are not
// beyond doubt worse than the best of them. A weak trend in few points may well be taken for none.
std::vector<const Fit*> nulls_of(const std::vector<Judged>& models, const Judged& with) {
  std::vector<const Fit*> nulls;
  for (const Judged& model : models) {
    const Shape& shape = model.fit.shape;
    const bool part =
        shape.plain() || (shape.kind == with.fit.shape.kind && shape.breaks < with.fit.shape.breaks);
    if (!part || model.has_transition()) continue;
    const bool known =
        std::any_of(nulls.begin(), nulls.end(), [&](const Fit* null) { return null->shape == shape; });
    if (known || (!nulls.empty() && model.fit.bic > nulls.front()->bic + kBeyondDoubt)) continue;
    nulls.push_back(&model.fit);
  }
  return nulls;
}

// The best model without one of several breaks keeps the others near their places.
Fit fit_without(const Prepared& p, const Fit& fit, std::size_t index) {
  auto others = fit.breaks;
  double reach = 1;
  for (std::size_t k = 0; k < others.size(); ++k)
    if (k != index) reach = std::min(reach, std::abs(others[k] - others[index]) / 4);
  others.erase(others.begin() + static_cast<std::ptrdiff_t>(index));
  const Family family = fit.shape.kind == Shape::Kind::kJumps ? Family::kJumps : Family::kHinges;
  return fit_near(p.sample, family, others, reach, p.fewest);
}

// A curve bends somewhere between two points: a knot's or a relaxation's interval is never narrower than half
// their distance on either side.
void widen_to_points(const Prepared& p, Transition& transition) {
  const auto& steps = p.points.step;
  const auto above = std::upper_bound(steps.begin() + 1, steps.end() - 1, transition.step,
                                      [](double k, Step step) { return k < static_cast<double>(step); });
  const auto below = std::lower_bound(steps.begin() + 1, steps.end() - 1, transition.step,
                                      [](Step step, double k) { return static_cast<double>(step) < k; }) -
                     1;
  const double at = transition.step;
  const double after = static_cast<double>(*above - *(above - 1)) / 2;
  const double before = static_cast<double>(*(below + 1) - *below) / 2;
  transition.low = std::max(static_cast<double>(steps.front()), std::min(transition.low, at - before));
  transition.high = std::min(static_cast<double>(steps.back()), std::max(transition.high, at + after));
}

std::vector<Transition> transitions_of(const Question& question, const Judged& with, double best_without,
                                       std::optional<double> whole_p) {
  const auto& [p, options, contest] = question;
  std::vector<Interval> intervals;
  if (options.resamples > 0)
    intervals = break_intervals(p.sample, with.fit, p.fewest, options.level, options.resamples, options.seed);
  std::vector<Transition> transitions;
  for (const std::size_t change : with.changes) {
    Transition transition;
    transition.step = step_at(p, with.fit, with.curve.ends[change]);
    transition.low = transition.high = std::numeric_limits<double>::quiet_NaN();
    if (!intervals.empty()) {
      const bool relaxation = with.fit.shape.kind == Shape::Kind::kRelaxation;
      const double unit = relaxation ? with.curve.ends[change] / with.fit.time : 1;
      transition.low = step_at(p, with.fit, intervals[change].low * unit);
      transition.high = step_at(p, with.fit, intervals[change].high * unit);
      if (with.fit.shape.kind != Shape::Kind::kJumps) widen_to_points(p, transition);
    }
    transition.bic_gain = best_without - with.fit.bic;
    transition.p_value = whole_p;
    if (with.changes.size() > 1) {
      const Fit without = fit_without(p, with.fit, change);
      transition.bic_gain = std::min(best_without, without.bic) - with.fit.bic;
      transition.p_value = question.test(without, with.fit);
    }
    transitions.push_back(transition);
  }
  return transitions;
}

void list_models(const Prepared& p, const std::vector<Judged>& models, Phases& phases) {
  // The fits are of y = (value - low) / range: the likelihood of the values differs by a constant.
  const double shift = 2 * static_cast<double>(p.sample.size()) * std::log(p.range);
  for (const Judged& model : models) {
    ComparedModel compared{model.fit.name(), model.fit.bic + shift, model.curve.rss * p.range * p.range, {}};
    for (const double end : model.curve.ends) compared.breaks.push_back(step_at(p, model.fit, end));
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
  const double value = mean(points.value);
  phases.fitted_step = {first, last};
  phases.fitted_value.assign(2, phases.scale == Scale::kLog ? std::exp(value) : value);
  phases.remarks.push_back("the series is constant: it moves by no more than 0.01 % of its values");
}

std::string undecided(const Prepared& p, const Judged& with, const Judged& without,
                      std::optional<double> p_value) {
  const double lead = without.fit.bic - with.fit.bic;
  std::string remark = "undecided: the best model with a transition (" + with.fit.name();
  if (with.unfinished) {
    remark += ", which has not levelled off at the last point";
  } else {
    remark += ", at step";
    for (const std::size_t change : with.changes)
      remark += " " + text_of(std::round(step_at(p, with.fit, with.curve.ends[change])));
  }
  remark += ") has a BIC " + text_of(std::abs(lead)) + (lead >= 0 ? " better" : " worse") +
            " than the best without (" + without.fit.name() + ")";
  if (p_value) remark += ", p = " + text_of(*p_value);
  return remark;
}

// Weighs the best model that has a transition against the best that has none.
void decide(const Question& question, const std::vector<Judged>& models, Phases& phases) {
  const Judged* with = best_of(models, true);
  const Judged* without = best_of(models, false);
  if (with == nullptr) {
    show(question.p, *without, phases);
    return;
  }
  const double lead = without->fit.bic - with->fit.bic;
  const auto p_value = question.test(nulls_of(models, *with), with->fit);
  const bool significant = p_value ? *p_value < question.options.level : lead > 0;
  const bool yes = lead >= kLead && significant;
  if (yes && !with->unfinished) {
    phases.verdict = Verdict::kTransition;
    phases.transitions = transitions_of(question, *with, without->fit.bic, p_value);
    show(question.p, *with, phases);
    return;
  }
  show(question.p, yes ? *with : *without, phases);
  if (lead <= -kLead && !significant) return;
  phases.verdict = Verdict::kUndecided;
  phases.remarks.push_back(undecided(question.p, *with, *without, p_value));
}

}  // namespace

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
  if (options.resamples < 0 || options.resamples > kMostResamples)
    refuse("resamples", options.resamples, "from 0 to " + std::to_string(kMostResamples));
}

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
  // On the log scale a difference is a share of the value already.
  const double size = phases.scale == Scale::kLog ? 1 : std::max(std::abs(*low), std::abs(*high));
  if (*high - *low <= kConstantRange * size) {
    answer_constant(points, phases);
    return phases;
  }
  if (points.step.size() > kMostPoints)
    phases.remarks.push_back("neighbouring points were averaged: " + std::to_string(phases.points) +
                             " are too many to be fitted one by one");
  const Prepared p = prepare(std::move(points), options.min_segment);
  const Contest contest(p.sample, options.models, static_cast<std::size_t>(options.max_knots), p.fewest,
                        full_effort());
  std::vector<Judged> models;
  for (const Fit& fit : contest.fits(p.sample.y)) models.push_back(judge(p, fit, options));
  std::sort(models.begin(), models.end(),
            [](const Judged& a, const Judged& b) { return a.fit.bic < b.fit.bic; });
  list_models(p, models, phases);
  decide(question_of(p, options), models, phases);
  return phases;
}

}  // namespace hooke::analysis
