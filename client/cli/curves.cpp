#include "client/cli/curves.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "client/cli/output.h"
#include "client/cli/resources.h"

namespace hooke::cli {
namespace {

// Classes whose every entry is drawn; of more the diagonal; of still more the dominance.
constexpr int kMostEntries = 3, kMostDiagonal = 12;
constexpr const char* kElasticity = "elasticity/";
constexpr const char* kRatio = ".ratio";
constexpr const char* kSelectivity = ".selectivity";

std::string sweep_label(const v1::Run& run) {
  std::string label;
  for (const auto& [field, value] : std::map(run.sweep().begin(), run.sweep().end()))
    if (field != "training.seed") label += (label.empty() ? "" : ", ") + field + " " + value;
  return label;
}

const v1::SeriesInfo* find_info(const std::vector<v1::SeriesInfo>& all, const std::string& key) {
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const v1::SeriesInfo& one) { return one.key() == key; });
  return found == all.end() ? nullptr : &*found;
}

// The plane that the server shows first of a matrix, as a key has it: ".ratio" or nothing.
std::string shown_plane(Api& api, const std::string& run, const std::string& key) {
  if (!key.starts_with(kElasticity)) return {};
  const std::string measure = key.substr(std::string(kElasticity).size());
  const auto at = measure.find('@');
  v1::GetInfluenceRequest request;
  request.set_parent(run);
  request.set_measure(measure.substr(0, at));
  if (at != std::string::npos) request.set_update(measure.substr(at + 1));
  request.set_resamples(100);  // only what is shown is asked for
  return api.get_influence(request).shown() == "ratio_of_means" ? kRatio : "";
}

// The entries of a matrix, or what stands for them.
void add_entries(const v1::SeriesInfo& matrix, const std::string& plane, WantedCurves& wanted) {
  const int classes = matrix.class_names_size();
  const std::string key = matrix.key() + plane;
  if (classes > kMostDiagonal) {
    wanted.curves.push_back({key + ".dominance", key + ".dominance", {}, {}});
    wanted.notes.push_back(key + " has " + std::to_string(classes) +
                           " classes: its dominance is shown; name entries as in '" + key + "[" +
                           matrix.class_names(0) + "," + matrix.class_names(1) + "]'");
    return;
  }
  if (classes > kMostEntries)
    wanted.notes.push_back(key + " has " + std::to_string(classes) +
                           " classes: each own class is shown; name others as in '" + key + "[" +
                           matrix.class_names(0) + "," + matrix.class_names(1) + "]'");
  for (int updated = 0; updated < classes; ++updated)
    for (int responding = 0; responding < classes; ++responding) {
      if (classes > kMostEntries && responding != updated) continue;
      const std::string entry =
          key + "[" + matrix.class_names(responding) + "," + matrix.class_names(updated) + "]";
      // A colour for each updated class; its own response is solid.
      wanted.curves.push_back({entry, entry, static_cast<std::size_t>(updated),
                               static_cast<std::size_t>((responding - updated + classes) % classes)});
    }
}

// True where the key stood for several.
bool expand(Api& api, const v1::Run& run, const std::vector<v1::SeriesInfo>& all, const std::string& key,
            WantedCurves& wanted) {
  const auto* info = find_info(all, key);
  if (info != nullptr && info->kind() == v1::SERIES_KIND_MATRIX && info->count() > 0) {
    add_entries(*info, shown_plane(api, run.name(), key), wanted);
    return true;
  }
  for (const std::string suffix : {kRatio, kSelectivity}) {
    if (info != nullptr || !key.ends_with(suffix)) continue;
    std::string stored = key.substr(0, key.size() - suffix.size());
    if (suffix == kSelectivity && stored.ends_with(kRatio)) stored = stored_key(stored + ".dominance");
    const auto* matrix = find_info(all, stored);
    if (matrix == nullptr || matrix->kind() != v1::SERIES_KIND_MATRIX) continue;
    if (suffix == kRatio)
      add_entries(*matrix, kRatio, wanted);
    else
      for (const std::string& name : matrix->class_names())
        wanted.curves.push_back({key + "[" + name + "]", key + "[" + name + "]", {}, {}});
    return true;
  }
  return false;
}

std::vector<v1::SeriesInfo> stored_series(Api& api, const v1::Run& run) {
  auto all = api.list_series(run.name());
  std::erase_if(all, [](const v1::SeriesInfo& one) { return one.count() == 0; });
  return all;
}

// What a researcher looks at first: S of the first measure, without measurements the loss.
std::string default_key(const v1::Run& run, const std::vector<v1::SeriesInfo>& all) {
  const auto config = nlohmann::json::parse(run.config_json(), nullptr, false);
  if (config.is_object() && config.contains("measures") && config["measures"].is_array())
    for (const auto& measure : config["measures"])
      if (const auto* info =
              measure.is_string() ? find_info(all, kElasticity + measure.get<std::string>()) : nullptr;
          info != nullptr && info->kind() != v1::SERIES_KIND_PAIRS)
        return info->key();
  if (find_info(all, "train/loss") != nullptr) return "train/loss";
  for (const v1::SeriesInfo& info : all)
    if (info.kind() == v1::SERIES_KIND_SCALAR) return info.key();
  throw Error(Code::kFailedPrecondition,
              run.run_id() + " (" + state_name(run.state()) + ") has nothing stored to plot yet");
}

plots::Curve curve_of(const v1::SeriesColumn& column) {
  if (column.value_size() != column.step_size())
    throw Error(Code::kInternal, "the server answered steps and values of different numbers");
  plots::Curve curve;
  curve.x.assign(column.step().begin(), column.step().end());
  curve.y.assign(column.value().begin(), column.value().end());
  if (column.sd_size() == 0 || column.sd_size() != column.step_size()) return curve;
  for (int i = 0; i < column.step_size(); ++i) {
    curve.low.push_back(column.value(i) - column.sd(i));
    curve.high.push_back(column.value(i) + column.sd(i));
  }
  return curve;
}

// Where the number of runs behind a mean falls.
std::string runs_note(const v1::SeriesColumn& column, std::size_t runs) {
  if (column.runs_size() != column.step_size() || column.runs_size() == 0) return {};
  const auto [fewest, most] = std::minmax_element(column.runs().begin(), column.runs().end());
  const std::string of = " of " + plural(static_cast<std::int64_t>(runs), "run");
  if (*fewest == *most) return *most == static_cast<int>(runs) ? "" : "mean of " + std::to_string(*most) + of;
  return "mean of " + std::to_string(*most) + of + ", of " + std::to_string(*fewest) + " from step " +
         std::to_string(column.step(static_cast<int>(fewest - column.runs().begin()))) + " on";
}

// Each note once, in order.
void add_note(plots::Figure& figure, const std::string& note) {
  if (!note.empty() && std::find(figure.notes.begin(), figure.notes.end(), note) == figure.notes.end())
    figure.notes.push_back(note);
}

void add_column(const v1::SeriesColumn& column, const Subject& subject, const WantedCurve& wanted,
                const CurveRange& range, plots::Figure& figure) {
  plots::Curve curve = curve_of(column);
  curve.name = subject.label.empty() ? wanted.name : subject.label + " " + wanted.name;
  curve.colour = wanted.colour;
  curve.dash = wanted.dash;
  const bool band = !curve.low.empty();
  figure.curves.push_back(std::move(curve));
  if (column.step_size() == 0) add_note(figure, figure.curves.back().name + " has no points there");
  if (subject.mean) {
    const std::string note = runs_note(column, subject.runs.size());
    add_note(figure, note.empty() ? "mean of " + plural(static_cast<std::int64_t>(subject.runs.size()), "run")
                                  : note);
  }
  if (band)
    add_note(figure, std::string("band: ± sd over ") + (subject.mean ? "runs" : "pairs") + " (n − 1)");
  if (column.step_size() < column.count() && !subject.mean)
    add_note(figure, plural(column.step_size(), "point") + " of " + std::to_string(column.count()) +
                         ", extremes included");
  if (subject.mean && column.count() > range.points)
    add_note(figure, plural(column.step_size(), "point") + " of " + std::to_string(column.count()) +
                         ", where the runs' own curves need them");
}

}  // namespace

const v1::Run& Subject::example() const {
  for (const v1::Run& run : runs)
    if (run.step() >= 0) return run;
  return runs.front();
}

std::vector<Subject> subjects_of(Api& api, const v1::LookupResponse& found) {
  if (found.has_run()) return {{"", found.run().name(), {found.run()}, false}};
  const std::string name = found.experiment().name();
  const auto runs = api.list_runs(name, {.archived = true});
  if (runs.empty()) throw Error(Code::kFailedPrecondition, "experiment " + id_of(name) + " has no runs");
  std::vector<Subject> subjects;
  for (const v1::Run& run : runs) {
    const std::string label = sweep_label(run);
    auto at = std::find_if(subjects.begin(), subjects.end(),
                           [&](const Subject& one) { return one.label == label; });
    if (at == subjects.end()) at = subjects.insert(subjects.end(), {label, {}, {}, false});
    at->runs.push_back(run);
  }
  for (Subject& subject : subjects) {
    subject.mean = subject.runs.size() > 1;
    if (!subject.mean)
      subject.parent = subject.runs.front().name();
    else if (subjects.size() == 1)
      subject.parent = name;
  }
  if (subjects.size() == 1) subjects.front().label.clear();
  return subjects;
}

WantedCurves expand_keys(Api& api, const Subject& subject, const std::vector<std::string>& keys) {
  const v1::Run& run = subject.example();
  const auto all = stored_series(api, run);
  WantedCurves wanted;
  std::vector<std::string> asked = keys;
  if (asked.empty()) asked.push_back(default_key(run, all));
  for (const std::string& key : asked)
    if (!expand(api, run, all, key, wanted)) wanted.curves.push_back({key, key, {}, {}});
  // Colours by class tell the entries of one matrix apart, not those of two.
  if (asked.size() > 1)
    for (WantedCurve& curve : wanted.curves) curve.colour = curve.dash = std::nullopt;
  std::set<std::string> seen;
  std::erase_if(wanted.curves, [&](const WantedCurve& curve) { return !seen.insert(curve.key).second; });
  if (keys.empty()) wanted.notes.insert(wanted.notes.begin(), "no KEY: " + asked.front());
  return wanted;
}

void add_curves(Api& api, const std::vector<Subject>& subjects, const std::vector<WantedCurve>& wanted,
                const CurveRange& range, plots::Figure& figure) {
  std::optional<Error> missing;
  bool any = false;
  std::size_t number = 0;
  for (const Subject& subject : subjects) {
    v1::GetSeriesRequest request;
    if (!subject.parent.empty()) request.set_run(subject.parent);
    if (subject.parent.empty())
      for (const v1::Run& run : subject.runs) request.add_runs(run.name());
    for (const WantedCurve& one : wanted) request.add_keys(one.key);
    if (range.from) request.set_from_step(*range.from);
    if (range.to) request.set_to_step(*range.to);
    request.set_points(range.points);
    v1::GetSeriesResponse answer;
    try {
      answer = api.get_series(request);
    } catch (const Error& error) {
      if (error.code() != Code::kNotFound || subjects.size() == 1) throw;
      add_note(figure, subject.label + ": not measured");
      if (!missing) missing = error;
      continue;
    }
    if (answer.columns_size() != static_cast<int>(wanted.size()))
      throw Error(Code::kInternal, "the server answered " + plural(answer.columns_size(), "column") +
                                       " for " + plural(static_cast<std::int64_t>(wanted.size()), "key"));
    any = true;
    for (int i = 0; i < answer.columns_size(); ++i) {
      WantedCurve one = wanted[static_cast<std::size_t>(i)];
      // Of a sweep each combination has its colour.
      if (subjects.size() > 1) one.colour = number++, one.dash = std::nullopt;
      add_column(answer.columns(i), subject, one, range, figure);
    }
  }
  if (!any && missing) throw Error(*missing);
  for (const plots::Curve& curve : figure.curves)
    for (const double y : curve.y) figure.zero_line = figure.zero_line || (std::isfinite(y) && y < 0);
}

std::string stored_key(const std::string& key) {
  std::string stored = key.substr(0, key.find('['));
  for (const std::string suffix : {".dominance", ".dominance_ratio", ".selectivity", ".asymmetry", kRatio})
    if (stored.ends_with(suffix)) stored.resize(stored.size() - suffix.size());
  return stored;
}

std::string axis_title(const std::string& key) {
  if (key.ends_with("/loss")) return key + " (mean over examples)";
  if (key.ends_with("/accuracy")) return key + " (share of examples)";
  if (!key.starts_with(kElasticity)) return key;
  const std::string stored = stored_key(key), measure = stored.substr(std::string(kElasticity).size());
  const std::string ratio = key.find(kRatio) != std::string::npos ? ", ratio of means" : "";
  const std::string whole = key.substr(0, key.find('['));
  if (whole.ends_with(".dominance")) return "dominance of " + measure + " (own − others" + ratio + ")";
  if (whole.ends_with(".dominance_ratio")) return "dominance of " + measure + " (own / others" + ratio + ")";
  if (whole.ends_with(".selectivity"))
    return "selectivity of " + measure + " (own / column mean" + ratio + ")";
  if (whole.ends_with(".asymmetry")) return "asymmetry of " + measure + " (‖A − Aᵀ‖ / ‖A‖" + ratio + ")";
  return "S under " + measure + " (ratio" + (ratio.empty() ? "" : " of means") + ")";
}

std::vector<std::string> descriptions(Api& api, const Subject& subject,
                                      const std::vector<WantedCurve>& wanted) {
  const auto all = api.list_series(subject.example().name());
  std::vector<std::string> texts;
  for (const WantedCurve& curve : wanted) {
    const auto* info = find_info(all, stored_key(curve.key));
    if (info == nullptr || info->description().empty()) continue;
    const std::string text = info->key() + ": " + info->description();
    if (std::find(texts.begin(), texts.end(), text) == texts.end()) texts.push_back(text);
  }
  return texts;
}

}  // namespace hooke::cli
