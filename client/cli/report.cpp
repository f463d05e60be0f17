// hooke report
#include <algorithm>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "client/cli/commands.h"
#include "client/cli/curves.h"
#include "client/cli/heat_maps.h"
#include "client/cli/matrix.h"
#include "client/cli/phase_text.h"
#include "client/cli/resources.h"
#include "client/formats/out_file.h"
#include "client/plots/svg.h"
#include "client/plots/text.h"
#include "proto/hooke/error.h"

namespace hooke::cli {
namespace {

constexpr std::size_t kMostRuns = 200;    // with a row of their own
constexpr int kMostPhases = 4;            // with a matrix of their own
constexpr std::size_t kOpenMeasures = 2;  // further ones are folded

constexpr const char* kStyle = R"(
:root { color-scheme: light dark; --ink: #1f2328; --dim: #59636e; --paper: #fff; --line: #d1d9e0; --soft: #f6f8fa }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --dim: #9198a1; --paper: #0d1117; --line: #3d444d; --soft: #151b23 } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
       max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; overflow-wrap: anywhere }
h1 { font-size: 1.7rem; margin: 0 } h2 { margin: 2.2rem 0 .6rem; border-bottom: 1px solid var(--line) }
h3 { margin: 1.6rem 0 .4rem } p { margin: .4rem 0 } .dim { color: var(--dim) }
svg { max-width: 100%; height: auto; display: block; margin: .8rem 0 }
.wide { overflow-x: auto } .row { display: flex; flex-wrap: wrap; gap: 1rem 2rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem }
th, td { text-align: left; padding: .2rem .9rem .2rem 0; border-bottom: 1px solid var(--line); vertical-align: top;
         overflow-wrap: normal; white-space: nowrap }
code, pre { font: 13px/1.45 ui-monospace, monospace } code { background: var(--soft); padding: .1rem .3rem }
pre { background: var(--soft); padding: .8rem; white-space: pre-wrap }
details { margin: .6rem 0 } summary { cursor: pointer }
@media print { body { max-width: none } h2, h3 { break-after: avoid } svg, table { break-inside: avoid } }
)";

struct ReportOptions {
  std::string target;
  std::string out;
};

std::string html(const std::string& text) {
  return plots::escaped(text);
}

std::string paragraph(const std::string& text, const char* kind = "") {
  return "<p class=\"" + std::string(kind) + "\">" + html(text) + "</p>\n";
}

// A word of a command line.
std::string shell_quoted(const std::string& word) {
  const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("-_./@:=,").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (plain) return word;
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

std::string command(const std::vector<std::string>& words) {
  std::string line = "hooke";
  for (const std::string& word : words) line += " " + shell_quoted(word);
  return "<p class=\"dim\"><code>" + html(line) + "</code></p>\n";
}

std::string table(const Grid& grid) {
  std::string text = "<div class=\"wide\"><table><thead><tr>";
  for (const std::string& name : grid.header) text += "<th>" + html(name) + "</th>";
  text += "</tr></thead><tbody>\n";
  for (const auto& row : grid.rows) {
    text += "<tr>";
    for (const std::string& cell : row) text += "<td>" + html(cell) + "</td>";
    text += "</tr>\n";
  }
  return text + "</tbody></table></div>\n";
}

std::string folded(const std::string& title, const std::string& body, bool open = false) {
  return "<details" + std::string(open ? " open" : "") + "><summary>" + html(title) + "</summary>\n" + body +
         "</details>\n";
}

template <class Drawn>
std::string drawing(const Drawn& drawn) {
  return plots::svg(drawn, {.width = 640, .height = 320, .document = false});
}

// Makes the page, part by part.
class Report {
 public:
  Report(Context& context, const v1::LookupResponse& found)
      : context_(context),
        api_(context.api()),
        parent_(found.has_run() ? found.run().name() : found.experiment().name()),
        name_(found.has_run() ? found.run().run_id() : id_of(parent_)),
        subjects_(subjects_of(api_, found)) {
    for (const Subject& subject : subjects_)
      for (const v1::Run& run : subject.runs) runs_.push_back(run);
  }

  std::string page() {
    std::string body = head() + runs() + configuration() + training();
    const auto measures = measured();
    if (measures.empty()) body += "<h2>Influence</h2>\n" + paragraph("Nothing has been measured.");
    for (std::size_t i = 0; i < measures.size(); ++i) {
      context_.note("reading " + measures[i] + ", " + std::to_string(i + 1) + " of " +
                    std::to_string(measures.size()));
      const std::string part = measure(measures[i]);
      body += i < kOpenMeasures ? "<h2>" + html(measures[i]) + "</h2>\n" + part : folded(measures[i], part);
    }
    return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
           "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" +
           html(name_) + " · Hooke</title><style>" + kStyle + "</style></head>\n<body>\n" + body +
           "</body></html>\n";
  }

 private:
  std::string head() {
    std::vector<std::string> states;
    for (const v1::Run& run : runs_) states.push_back(state_name(run.state()));
    std::sort(states.begin(), states.end());
    std::string counts;
    for (auto at = states.begin(); at != states.end();) {
      const auto next = std::upper_bound(at, states.end(), *at);
      counts += (counts.empty() ? "" : ", ") + std::to_string(next - at) + " " + *at;
      at = next;
    }
    return "<h1>" + html(name_) + "</h1>\n" +
           paragraph(plural(static_cast<std::int64_t>(runs_.size()), "run") + ": " + counts, "dim") +
           command({"report", name_, "--out", "report.html"});
  }

  std::string runs() {
    Grid grid{{"run", "seed", "state", "steps", "attempt", "worker", "loss", "accuracy"}, {}};
    const bool swept =
        std::any_of(runs_.begin(), runs_.end(), [](const v1::Run& run) { return !run.sweep().empty(); });
    if (swept) grid.header.emplace_back("sweep");
    std::string details;
    for (std::size_t i = 0; i < std::min(runs_.size(), kMostRuns); ++i) {
      const v1::Run run = api_.get_run(runs_[i].name());
      std::string sweep;
      for (const auto& [key, value] : run.sweep()) sweep += (sweep.empty() ? "" : ", ") + key + " " + value;
      const auto newest = [&](const char* test, const char* train) {
        const auto value = latest(run, test);
        if (value) return brief(*value) + " (test)";
        const auto other = latest(run, train);
        return other ? brief(*other) + " (train)" : std::string();
      };
      grid.rows.push_back({run.run_id(), std::to_string(run.seed()), state_name(run.state()),
                           std::to_string(run.step() + 1) + " of " + std::to_string(run.total_steps()),
                           std::to_string(run.attempt()), run.worker(), newest("test/loss", "train/loss"),
                           newest("test/accuracy", "train/accuracy")});
      if (swept) grid.rows.back().push_back(sweep);
      std::string about = "<pre>" + html(json_text(run.provenance())) + "</pre>\n";
      if (is_final(run.state()) && run.state() != v1::RUN_STATE_SUCCEEDED)
        about = paragraph(end_of(run)) + about;
      details += folded(run.run_id() + ", seed " + std::to_string(run.seed()), about,
                        run.state() == v1::RUN_STATE_FAILED);
    }
    std::string more;
    if (runs_.size() > kMostRuns)
      more = paragraph(std::to_string(runs_.size() - kMostRuns) + " more runs are not listed here.");
    return "<h2>Runs</h2>\n" + table(grid) + more + folded("Where and with what each run was made", details);
  }

  std::string configuration() {
    const v1::Run run = api_.get_run(subjects_.front().example().name());
    return "<h2>Configuration</h2>\n" +
           folded("Configuration of run " + run.run_id() + ", every default filled in; its hash is " +
                      run.config_hash(),
                  "<pre>" + html(json_text(run.config())) + "</pre>\n") +
           command({"runs", "show", run.run_id(), "-o", "json"});
  }

  // Curves of these keys over all subjects; says why there are none.
  std::string curves(const std::string& title, const std::vector<std::string>& keys,
                     const v1::GetPhasesResponse* phases = nullptr) {
    plots::Figure figure;
    try {
      WantedCurves wanted = expand_keys(api_, subjects_.front(), keys);
      figure.title = title;
      figure.y_title = axis_title(wanted.curves.front().key);
      figure.notes = wanted.notes;
      add_curves(api_, subjects_, wanted.curves, {}, figure);
    } catch (const Error& error) {
      if (error.code() != Code::kNotFound && error.code() != Code::kFailedPrecondition) throw;
      return paragraph(title + ": " + error.what(), "dim");
    }
    if (phases != nullptr) mark(*phases, figure);
    std::vector<std::string> words = {"plot", name_};
    words.insert(words.end(), keys.begin(), keys.end());
    if (phases != nullptr) words.emplace_back("--phases");
    return drawing(figure) + command(words);
  }

  static void mark(const v1::GetPhasesResponse& answer, plots::Figure& figure) {
    for (const v1::RunPhases& run : answer.runs()) {
      plots::Lane lane = lane_of(run);
      lane.name = id_of(run.run());
      figure.lanes.push_back(std::move(lane));
      figure.curves.push_back(fit_of(run));
    }
    for (const v1::PhaseAgreement& agreement : answer.agreements())
      if (agreement.members_size() > 1) figure.transitions.push_back(mark_of(agreement));
  }

  std::string training() {
    context_.note("reading loss and accuracy");
    std::string text = "<h2>Training</h2>\n";
    for (const char* what : {"loss", "accuracy"}) {
      std::vector<std::string> keys;
      for (const char* of : {"train/", "test/"}) {
        const std::string key = std::string(of) + what;
        if (std::any_of(runs_.begin(), runs_.end(),
                        [&](const v1::Run& run) { return latest(run, key).has_value(); }))
          keys.push_back(key);
      }
      if (!keys.empty()) text += curves(what, keys);
    }
    return text;
  }

  // Keys of what was measured, as "elasticity/kl@small"; first the configuration's first.
  std::vector<std::string> measured() {
    std::vector<std::string> keys;
    for (const Subject& subject : subjects_) {
      for (const v1::SeriesInfo& series : api_.list_series(subject.example().name(), "elasticity/")) {
        if (series.kind() == v1::SERIES_KIND_PAIRS || series.key().starts_with("elasticity/size.")) continue;
        if (std::find(keys.begin(), keys.end(), series.key()) == keys.end()) keys.push_back(series.key());
        if (series.kind() == v1::SERIES_KIND_MATRIX) matrices_.push_back(series.key());
      }
    }
    if (keys.empty()) return keys;
    const std::string first = stored_key(expand_keys(api_, subjects_.front(), {}).curves.front().key);
    std::stable_partition(keys.begin(), keys.end(), [&](const std::string& key) { return key == first; });
    return keys;
  }

  std::string measure(const std::string& key) {
    const bool matrix = std::find(matrices_.begin(), matrices_.end(), key) != matrices_.end();
    std::string text = curves("S over training", {key});
    if (!matrix) return text + phases(key);
    std::vector<std::string> targets;
    for (const Subject& subject : subjects_) {
      if (!subject.parent.empty()) {
        targets.push_back(subject.parent);
        continue;
      }
      for (const v1::Run& run : subject.runs) targets.push_back(run.name());
    }
    std::string matrices, plane;
    int most_phases = 0;
    if (const auto last = influence(targets.front(), key, 0))
      plane = last->shown() == "ratio_of_means" ? ".ratio" : "";
    text += phases(key + plane + ".dominance", &most_phases);
    for (const std::string& target : targets) {
      if (targets.size() > 1) matrices += "<h3>" + html(id_of(target)) + "</h3>\n";
      matrices += influences(target, key, most_phases);
    }
    return text + "<h3>Which class influences which</h3>\n" + matrices;
  }

  // The answer, of a phase from 1 on, or nothing when there is none.
  std::optional<v1::GetInfluenceResponse> influence(const std::string& target, const std::string& key,
                                                    int phase) {
    v1::GetInfluenceRequest request;
    request.set_parent(target);
    const std::string what = key.substr(key.find('/') + 1);
    const auto at = std::min(what.find('@'), what.size());
    request.set_measure(what.substr(0, at));
    if (at < what.size()) request.set_update(what.substr(at + 1));
    if (phase > 0) request.set_phase(phase);
    try {
      v1::GetInfluenceResponse answer = api_.get_influence(request);
      check_shape(answer);
      return answer;
    } catch (const Error& error) {
      if (error.code() != Code::kNotFound && error.code() != Code::kFailedPrecondition) throw;
      why_not_ = error.what();
      return std::nullopt;
    }
  }

  std::string influences(const std::string& target, const std::string& key, int phases) {
    std::string text;
    for (int phase = 0; phase <= std::min(phases, kMostPhases); ++phase) {
      if (phase == 1 && phases < 2) break;  // one phase is all of it
      const std::string title = phase > 0 ? "Phase " + std::to_string(phase) : "At the end";
      std::vector<std::string> words = {"influence", id_of(target), "--measure",
                                        key.substr(key.find('/') + 1)};
      if (const auto at = words.back().find('@'); at != std::string::npos) {
        words.insert(words.end(), {"--update", words.back().substr(at + 1)});
        words[3].resize(at);
      }
      if (phase > 0) words.insert(words.end(), {"--phase", std::to_string(phase)});
      text += "<h3>" + title + "</h3>\n";
      if (const auto answer = influence(target, key, phase)) {
        text += matrix(*answer, phase == 0);
      } else {
        text += paragraph(why_not_, "dim");
      }
      text += command(words);
    }
    return text;
  }

  static std::string matrix(const v1::GetInfluenceResponse& answer, bool in_words) {
    std::string text = drawing(heat_map_of(answer));
    Grid grid{{"figure", "value"}, {}};
    grid.rows.push_back({"dominance", estimate_text(answer.dominance())});
    for (int i = 0; i < std::min(answer.selectivity_size(), answer.class_names_size()); ++i)
      grid.rows.push_back({"selectivity of " + answer.class_names(i), estimate_text(answer.selectivity(i))});
    grid.rows.push_back({"asymmetry", estimate_text(answer.asymmetry())});
    std::int64_t skipped = 0, nonfinite = 0;
    for (const v1::InfluenceCell& cell : answer.cells()) {
      skipped += cell.skipped();
      nonfinite += cell.nonfinite();
    }
    grid.rows.push_back({"pairs skipped", std::to_string(skipped)});
    grid.rows.push_back({"pairs that are not finite", std::to_string(nonfinite)});
    text += folded("Figures, and the cells with their intervals", table(grid) + table(cells(answer)));
    if (in_words)
      for (const std::string& sentence : sentences(answer)) text += paragraph(sentence);
    return text;
  }

  static Grid cells(const v1::GetInfluenceResponse& answer) {
    Grid grid{{"responding", "updated", "S", "of"}, {}};
    const int classes = answer.class_names_size();
    for (int i = 0; i < answer.cells_size(); ++i)
      grid.rows.push_back({answer.class_names(i / classes), answer.class_names(i % classes),
                           figure(shown_value(answer, i / classes, i % classes)),
                           cell_details(answer, i / classes, i % classes)});
    return grid;
  }

  std::string phases(const std::string& series, int* most = nullptr) {
    v1::GetPhasesRequest request;
    request.set_parent(parent_);
    request.add_series(series);
    v1::GetPhasesResponse answer;
    std::string text = "<h3>Phases</h3>\n";
    try {
      answer = api_.get_phases(request);
    } catch (const Error& error) {
      if (error.code() != Code::kNotFound && error.code() != Code::kFailedPrecondition) throw;
      return text + paragraph(error.what(), "dim");
    }
    text += curves(series, {series}, &answer);
    Grid segments{{"run", "from", "to", "kind", "slope per step", "95% interval"}, {}};
    std::string words;
    for (const v1::RunPhases& run : answer.runs()) {
      const std::string who = id_of(run.run());
      for (const v1::PhaseSegment& segment : run.segments())
        segments.rows.push_back({who, std::to_string(segment.from_step()), std::to_string(segment.to_step()),
                                 kind_name(segment.kind()), brief(segment.slope()),
                                 brief(segment.slope_low()) + " to " + brief(segment.slope_high())});
      if (most != nullptr) *most = std::max(*most, run.segments_size());
      words += paragraph(who + ": " + verdict(run));
      for (const v1::PhaseTransition& transition : run.transitions())
        words += paragraph(who + ": " + transition_text(transition, 1, "95%"));
      for (const std::string& remark : run.remarks()) words += paragraph(who + ": " + remark, "dim");
    }
    for (const v1::PhaseAgreement& agreement : answer.agreements())
      words += paragraph(agreement_text(agreement, "95%"));
    for (const v1::LeftOutSeries& one : answer.left_out())
      words += paragraph("left out: " + id_of(one.run()) + ": " + one.reason(), "dim");
    return text + table(segments) + words + command({"phases", name_, "--series", series});
  }

  Context& context_;
  Api& api_;
  const std::string parent_, name_;
  const std::vector<Subject> subjects_;
  std::vector<v1::Run> runs_;
  std::vector<std::string> matrices_;  // keys of the measured series that are matrices
  std::string why_not_;                // the last influence that was not there
};

void report(Context& context, const ReportOptions& options) {
  Report page(context, context.api().lookup(options.target));
  formats::replace_file(options.out, page.page());
  context.note("wrote " + options.out);
}

}  // namespace

void add_report(CLI::App& app, Context& context) {
  auto options = std::make_shared<ReportOptions>();
  CLI::App* command = add_command<ReportOptions>(
      app, "report", "One self-contained page of an experiment: curves, matrices, phases, configuration",
      "  hooke report fashion-mnist --out fashion-mnist.html\n"
      "\n"
      "Under each figure stands the command that makes it again. The page needs no network.",
      options, [&](const ReportOptions& given) { report(context, given); });
  command->add_option("TARGET", options->target, "An experiment, or a run")
      ->required()
      ->option_text("EXPERIMENT|RUN");
  command->add_option("--out", options->out, "The file; replaced when it is there")
      ->required()
      ->type_name("FILE.html");
}

}  // namespace hooke::cli
