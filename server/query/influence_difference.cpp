#include "server/query/influence_difference.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>
#include <set>

#include "server/analysis/differences.h"
#include "server/query/influence.h"
#include "server/query/measures.h"
#include "server/query/subjects.h"
#include "server/query/values.h"
#include "server/storage/attempts.h"

namespace hooke::query {
namespace {

using analysis::PermutationTest;
using analysis::Units;
using storage::Snapshot;

constexpr double kLowestAlpha = 0.001, kHighestAlpha = 0.5;
constexpr int kFewestPermutations = 99, kMostPermutations = 99'999;
// Arrangements times units times quantities: about half a minute.
constexpr double kMostWork = 5e10;

struct Options {
  double alpha = 0.05;
  int permutations = 9999;
};

Options options_of(const v1::GetInfluenceDifferenceRequest& request) {
  Options options;
  if (request.has_alpha()) options.alpha = request.alpha();
  if (!(options.alpha >= kLowestAlpha && options.alpha <= kHighestAlpha))
    throw invalid("alpha", std::to_string(options.alpha) + " is not allowed; from 0.001 to 0.5");
  if (request.has_permutations()) options.permutations = request.permutations();
  if (options.permutations < kFewestPermutations || options.permutations > kMostPermutations)
    throw invalid("permutations", std::to_string(options.permutations) + " is not allowed; from " +
                                      std::to_string(kFewestPermutations) + " to " +
                                      std::to_string(kMostPermutations));
  return options;
}

// Calls f; an error's field is that of a side, as "against.step".
template <class F>
auto of_side(const char* name, F f) {
  try {
    return f();
  } catch (const Error& error) {
    if (error.field().empty()) throw;
    throw Error(error.code(), error.what(), std::string(name) + "." + error.field());
  }
}

struct Side {
  v1::InfluenceSide question;
  std::vector<Subject> subjects;
  std::vector<analysis::Cells> cells;  // of each subject
  KeptPairs pairs;                     // where each side is one run
};

struct Sides {
  Side side, against;
  std::string measure;
};

void complete(Sides& sides) {
  auto &side = sides.side.question, &against = sides.against.question;
  of_side("side", [&] { check(side); });
  of_side("against", [&] { check(against); });
  if (!says_when(against)) {
    if (side.has_step()) against.set_step(side.step());
    if (side.has_from_step()) against.set_from_step(side.from_step());
    if (side.has_to_step()) against.set_to_step(side.to_step());
    if (side.has_phase()) against.set_phase(side.phase());
  }
  if (!side.measure().empty() && !against.measure().empty() && side.measure() != against.measure())
    throw invalid("against.measure", "'" + against.measure() + "' is not the measure of the other side, '" +
                                         side.measure() + "'; figures of one measure can be compared");
  sides.measure = side.measure().empty() ? against.measure() : side.measure();
}

const std::vector<std::string>& classes_of(const Side& side) {
  return side.subjects.front().series.declaration.class_names;
}

void check_classes(const Sides& sides) {
  const auto &one = classes_of(sides.side), &other = classes_of(sides.against);
  if (one == other) return;
  const auto quoted = [](const std::vector<std::string>& names) { return "[" + list_of(names) + "]"; };
  throw Error(Code::kFailedPrecondition,
              "the sides have different classes: " + quoted(one) + " and " + quoted(other), "against");
}

bool same_runs(const Sides& sides) {
  std::set<RunId> one, other;
  for (const auto& subject : sides.side.subjects) one.insert(subject.run.id);
  for (const auto& subject : sides.against.subjects) other.insert(subject.run.id);
  return one == other;
}

// A run that is on both sides.
const storage::Run* shared_run(const Sides& sides) {
  for (const auto& one : sides.side.subjects)
    for (const auto& other : sides.against.subjects)
      if (one.run.id == other.run.id) return &one.run;
  return nullptr;
}

void check_different(const Sides& sides) {
  const auto &one = sides.side.subjects, &other = sides.against.subjects;
  if (one.size() != other.size()) return;
  for (std::size_t i = 0; i < one.size(); ++i)
    if (one[i].series.id != other[i].series.id || one[i].steps != other[i].steps) return;
  throw invalid("against",
                "is the same as the other side; name another run, experiment, update, step, window "
                "or phase");
}

void find_all_subjects(Snapshot& snapshot, Sides& sides) {
  for (Side* side : {&sides.side, &sides.against})
    of_side(side == &sides.side ? "side" : "against", [&] {
      const Parent parent = find_parent(snapshot, side->question.parent(), "parent");
      side->subjects = find_subjects(snapshot, parent, sides.measure, side->question);
    });
  check_classes(sides);
}

void choose_all_steps(Snapshot& snapshot, Sides& sides) {
  auto &one = sides.side.subjects, &other = sides.against.subjects;
  if (!says_when(sides.side.question) && !says_when(sides.against.question)) {
    std::vector<Subject> both = one;
    both.insert(both.end(), other.begin(), other.end());
    choose_steps(snapshot, both, {});
    for (auto* subjects : {&one, &other})
      for (auto& subject : *subjects) subject.steps = both.front().steps;
  } else {
    of_side("side", [&] { choose_steps(snapshot, one, sides.side.question); });
    of_side("against", [&] { choose_steps(snapshot, other, sides.against.question); });
  }
  check_different(sides);
}

Sides read(Snapshot& snapshot, const v1::GetInfluenceDifferenceRequest& request) {
  Sides sides{{request.side(), {}, {}, {}}, {request.against(), {}, {}, {}}, {}};
  complete(sides);
  find_all_subjects(snapshot, sides);
  choose_all_steps(snapshot, sides);
  const bool single = sides.side.subjects.size() == 1 && sides.against.subjects.size() == 1;
  for (Side* side : {&sides.side, &sides.against}) {
    for (const auto& subject : side->subjects) side->cells.push_back(cells_of(snapshot, subject));
    if (single) side->pairs = tables_of(snapshot, side->subjects.front());
  }
  return sides;
}

// Whether two runs have the same examples as probes; no where one of them does not say.
bool same_probes(Snapshot& snapshot, const storage::Run& one, const storage::Run& other) {
  if (one.id == other.id) return true;
  const auto probes_of = [&](const storage::Run& run) {
    v1::Provenance provenance;
    const std::string json = storage::provenance_json(snapshot, run.id);
    std::map<std::string, std::vector<std::int64_t>> probes;
    if (json.empty() || !google::protobuf::util::JsonStringToMessage(json, &provenance).ok()) return probes;
    for (const auto& set : provenance.probes())
      probes[set.class_name()] = {set.dataset_index().begin(), set.dataset_index().end()};
    // Indices are into the files of a data set.
    for (const auto& [file, checksum] : provenance.data_checksums()) probes["file " + file + " " + checksum];
    return probes;
  };
  const auto mine = probes_of(one);
  return !mine.empty() && mine == probes_of(other);
}

std::string seeds_text(const std::vector<Subject>& subjects) {
  std::vector<std::string> seeds;
  for (const auto& subject : subjects) seeds.push_back(std::to_string(subject.run.seed));
  return list_of(seeds);
}

// Brings the runs of `against` into the order of those of `side`, by `key`, which must be distinct and the
// same on both sides; false where it is not.
template <class Key>
bool pair_off(Sides& sides, Key key) {
  std::map<decltype(key(sides.side.subjects.front())), std::size_t> places;
  for (std::size_t i = 0; i < sides.against.subjects.size(); ++i)
    places.emplace(key(sides.against.subjects[i]), i);
  std::vector<Subject> subjects;
  std::vector<analysis::Cells> cells;
  for (const auto& subject : sides.side.subjects) {
    const auto found = places.find(key(subject));
    if (found == places.end()) return false;
    subjects.push_back(sides.against.subjects[found->second]);
    cells.push_back(sides.against.cells[found->second]);
    places.erase(found);
  }
  if (subjects.size() != sides.against.subjects.size()) return false;
  sides.against.subjects = std::move(subjects);
  sides.against.cells = std::move(cells);
  return true;
}

bool over_probes(v1::DifferenceTest test) {
  return test == v1::DIFFERENCE_TEST_PROBES || test == v1::DIFFERENCE_TEST_PAIRED_PROBES;
}

bool is_paired(v1::DifferenceTest test) {
  return test == v1::DIFFERENCE_TEST_PAIRED_RUNS || test == v1::DIFFERENCE_TEST_PAIRED_PROBES;
}

struct Plan {
  v1::DifferenceTest test = v1::DIFFERENCE_TEST_UNSPECIFIED;
  std::vector<std::string> remarks;
};

Plan plan_over_probes(Snapshot& snapshot, const Sides& sides) {
  Plan plan;
  const auto &one = sides.side, &other = sides.against;
  for (const Side* side : {&one, &other})
    if (side->pairs.tables.empty()) {
      plan.remarks.push_back("one run on each side: p-values need its pairs, and " + side->pairs.missing);
      return plan;
    }
  const auto &run = one.subjects.front().run, &other_run = other.subjects.front().run;
  const bool paired = one.pairs.tables.front().per_class == other.pairs.tables.front().per_class &&
                      same_probes(snapshot, run, other_run);
  plan.test = paired ? v1::DIFFERENCE_TEST_PAIRED_PROBES : v1::DIFFERENCE_TEST_PROBES;
  if (run.id != other_run.id)
    plan.remarks.push_back(
        "over probes: whether these two runs differ, not whether their configurations do; that takes "
        "experiments of several seeds");
  return plan;
}

Plan plan_over_runs(Sides& sides, bool by_seed) {
  const std::size_t n = sides.side.subjects.size(), m = sides.against.subjects.size();
  const auto by_id = [](const Subject& subject) { return subject.run.id; };
  if (same_runs(sides)) {
    pair_off(sides, by_id);
    return {v1::DIFFERENCE_TEST_PAIRED_RUNS, {}};
  }
  if (const auto* run = shared_run(sides))
    return {{},
            {"run " + run->run_id +
             " is on both sides, which are neither the same runs nor different "
             "ones: no p-values"}};
  if (n < 2 || m < 2)
    return {{}, {"one side has a single run: no p-values, which need at least two runs on each side"}};
  if (!by_seed) return {v1::DIFFERENCE_TEST_RUNS, {}};
  if (!pair_off(sides, [](const Subject& subject) { return subject.run.seed; }))
    throw invalid("pair_by_seed",
                  "the runs do not pair off by their seeds: " + seeds_text(sides.side.subjects) +
                      " against " + seeds_text(sides.against.subjects));
  return {v1::DIFFERENCE_TEST_PAIRED_RUNS, {}};
}

Plan plan_of(Snapshot& snapshot, Sides& sides, bool by_seed) {
  const bool single = sides.side.subjects.size() == 1 && sides.against.subjects.size() == 1;
  const Plan plan = single ? plan_over_probes(snapshot, sides) : plan_over_runs(sides, by_seed);
  if (by_seed && plan.test != v1::DIFFERENCE_TEST_PAIRED_RUNS)
    throw invalid("pair_by_seed", "is for two different experiments with at least two runs each");
  return plan;
}

struct Tested {
  Units side, against;
  std::optional<PermutationTest> test;
};

Tested run_test(const Sides& sides, v1::DifferenceTest kind, analysis::Plane plane, const Options& options) {
  Tested tested;
  if (kind == v1::DIFFERENCE_TEST_UNSPECIFIED) return tested;
  const bool probes = over_probes(kind);
  const auto units = [&](const Side& side) {
    return probes ? analysis::units_of_probes(side.pairs.tables, plane)
                  : analysis::units_of_runs(side.cells, plane);
  };
  tested.side = units(sides.side);
  tested.against = units(sides.against);
  const auto values = static_cast<double>(tested.side.values.size() + tested.against.values.size());
  if (values * options.permutations > kMostWork)
    throw invalid("permutations", std::to_string(options.permutations) +
                                      " would take too long here; at most " +
                                      std::to_string(static_cast<int>(kMostWork / values)));
  const bool paired = is_paired(kind);
  tested.test = paired ? paired_test(tested.side, tested.against, options.permutations)
                       : two_sample_test(tested.side, tested.against, options.permutations);
  return tested;
}

void fill(v1::ComparedInfluence& to, const Side& side, const Units& units) {
  const auto& declaration = side.subjects.front().series.declaration;
  to.set_key(declaration.key);
  to.set_description(declaration.description);
  std::set<Step> steps;
  for (const auto& subject : side.subjects) {
    steps.insert(subject.steps.begin(), subject.steps.end());
    to.add_runs(resource_name(subject.run));
  }
  to.mutable_steps()->Add(steps.begin(), steps.end());
  to.set_units(static_cast<std::int32_t>(units.size()));
}

void fill(v1::InfluenceDifference& to, const analysis::Difference& from, bool tested) {
  to.set_value(from.value);
  to.set_against(from.against);
  to.set_difference(from.difference);
  if (from.p_value) to.set_p_value(*from.p_value);
  if (from.p_holm) to.set_p_holm(*from.p_holm);
  if (!tested || from.p_value) return;
  to.set_untested(std::isfinite(from.difference) ? "not finite in every unit of the test" : "not finite");
}

void fill_figures(v1::GetInfluenceDifferenceResponse& response, const analysis::Cells& side,
                  const analysis::Cells& against, const std::vector<analysis::Difference>& differences,
                  bool tested) {
  std::size_t at = 0;
  for (; at < side.cells.size(); ++at) {
    const auto &one = side.cells[at], &other = against.cells[at];
    auto* cell = response.add_cells();
    fill(*cell->mutable_figure(), differences[at], tested);
    if (tested && (one.count == 0 || other.count == 0))
      cell->mutable_figure()->set_untested("no pair: all were skipped");
    cell->set_count(one.count);
    cell->set_skipped(one.skipped);
    cell->set_nonfinite(one.nonfinite);
    cell->set_against_count(other.count);
    cell->set_against_skipped(other.skipped);
    cell->set_against_nonfinite(other.nonfinite);
  }
  fill(*response.mutable_dominance(), differences[at++], tested);
  fill(*response.mutable_asymmetry(), differences[at++], tested);
  if (over_probes(response.test()) && std::isfinite(differences[at - 1].difference))
    response.mutable_asymmetry()->set_untested("not over probes: such a test would not hold its level");
  while (at < differences.size()) fill(*response.add_selectivity(), differences[at++], tested);
}

std::string figure(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

// "3 against 3 runs".
std::string sizes_text(const Tested& tested, v1::DifferenceTest kind) {
  const bool probes = over_probes(kind);
  const bool paired = is_paired(kind);
  const std::string what = probes ? " probes a class" : " runs";
  if (paired) return std::to_string(tested.side.size()) + " pairs of" + what;
  return std::to_string(tested.side.size()) + " against " + std::to_string(tested.against.size()) + what;
}

// Where no data whatever could be significant, the figure that says so.
void remark_on_reach(v1::GetInfluenceDifferenceResponse& response, const Tested& tested) {
  const double alpha = response.alpha(), smallest = tested.test->smallest_p;
  const auto p_values = [](const auto& p, std::size_t from, std::size_t to) {
    return std::count_if(p.begin() + static_cast<std::ptrdiff_t>(from),
                         p.begin() + static_cast<std::ptrdiff_t>(to),
                         [](double x) { return !std::isnan(x); });
  };
  const auto cells = static_cast<std::size_t>(response.cells_size());
  const auto in_cells = p_values(tested.test->p, 0, cells);
  const auto in_figures = p_values(tested.test->p, cells, tested.test->p.size());
  const auto reach = [&](std::int64_t family) {
    return std::min(1.0, static_cast<double>(family) * smallest);
  };
  if (reach(in_cells) <= alpha && reach(in_figures) <= alpha) return;
  std::string text = sizes_text(tested, response.test()) + ": no p-value can be below " + figure(smallest);
  const auto add = [&](std::int64_t family, const char* what) {
    if (reach(family) > alpha)
      text += ", after Holm's correction over " + std::to_string(family) + what + " none below " +
              figure(reach(family));
  };
  add(in_cells, " cells");
  add(in_figures, " figures");
  if (!tested.test->exact) text += "; more permutations can show smaller ones";
  response.add_remarks(text + ". Level " + figure(alpha) + " is out of reach whatever the data.");
}

}  // namespace

v1::GetInfluenceDifferenceResponse get_influence_difference(
    storage::Readers& readers, const v1::GetInfluenceDifferenceRequest& request) {
  const Options options = options_of(request);
  Sides sides;
  Plan plan;
  {
    auto snapshot = readers.snapshot();
    sides = read(snapshot, request);
    plan = plan_of(snapshot, sides, request.pair_by_seed());
  }
  const auto plane = analysis::shown_plane(sides.measure);
  const Tested tested = run_test(sides, plan.test, plane, options);

  v1::GetInfluenceDifferenceResponse response;
  fill(*response.mutable_side(), sides.side, tested.side);
  fill(*response.mutable_against(), sides.against, tested.against);
  const auto& classes = classes_of(sides.side);
  response.mutable_class_names()->Add(classes.begin(), classes.end());
  response.set_shown(shown_name(plane));
  response.set_is_signed(is_signed_measure(sides.measure));
  response.set_test(plan.test);
  response.set_alpha(options.alpha);
  const auto mean = [](const Side& side) {
    return side.cells.size() > 1 ? analysis::average(side.cells) : side.cells.front();
  };
  const analysis::Cells side = mean(sides.side), against = mean(sides.against);
  const auto quantities = [&](const analysis::Cells& cells) {
    return analysis::quantities_of(analysis::plane_of(cells, plane), cells.classes);
  };
  fill_figures(response, side, against,
               analysis::differences(quantities(side), quantities(against), classes.size(), tested.test),
               tested.test.has_value());
  for (const std::string& remark : plan.remarks) response.add_remarks(remark);
  if (tested.test) {
    response.set_arrangements(tested.test->arrangements);
    response.set_exact(tested.test->exact);
    response.set_smallest_p(tested.test->smallest_p);
    remark_on_reach(response, tested);
  }
  return response;
}

}  // namespace hooke::query
