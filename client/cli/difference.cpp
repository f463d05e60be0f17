#include "client/cli/difference.h"

#include <cmath>
#include <ostream>

#include "client/cli/matrix.h"
#include "client/cli/resources.h"
#include "proto/hooke/error.h"

namespace hooke::cli {
namespace {

using Answer = v1::GetInfluenceDifferenceResponse;

void check_difference(const Answer& answer) {
  const int classes = answer.class_names_size();
  if (answer.cells_size() != classes * classes || answer.selectivity_size() != classes)
    throw Error(Code::kInternal, "the server answered " + plural(answer.cells_size(), "cell") + " for " +
                                     plural(classes, "class") + "es");
}

bool differs(const Answer& answer, const v1::InfluenceDifference& figure) {
  return figure.has_p_holm() && figure.p_holm() <= answer.alpha();
}

std::string p_text(bool has, double value, bool csv) {
  return !has ? "" : csv ? number(value) : brief(value);
}

// Both figures, their difference, and the p-values.
std::vector<std::string> row(const v1::InfluenceDifference& figure, bool csv) {
  const auto text = [&](double value) { return csv ? number(value) : cli::figure(value); };
  return {text(figure.value()), text(figure.against()), text(figure.difference()),
          p_text(figure.has_p_value(), figure.p_value(), csv),
          p_text(figure.has_p_holm(), figure.p_holm(), csv)};
}

// The cells, or only those that differ.
Grid cells(const Answer& answer, bool csv) {
  Grid grid{{"responding", "updated", "mean", "against", "difference", "p_value", "p_holm"}, {}};
  const int classes = answer.class_names_size();
  for (int i = 0; i < answer.cells_size(); ++i) {
    const auto& figure = answer.cells(i).figure();
    if (!csv && !differs(answer, figure)) continue;
    grid.rows.push_back({answer.class_names(i / classes), answer.class_names(i % classes)});
    for (std::string& text : row(figure, csv)) grid.rows.back().push_back(std::move(text));
  }
  if (!csv) grid.header[2] = answer.shown() == "mean" ? "mean" : "ratio of means";
  return grid;
}

Grid figures(const Answer& answer) {
  Grid grid{{"figure", "value", "against", "difference", "p_value", "p_holm"}, {}};
  const auto add = [&](const std::string& name, const v1::InfluenceDifference& figure) {
    grid.rows.push_back({name});
    for (std::string& text : row(figure, /*csv=*/false)) grid.rows.back().push_back(std::move(text));
  };
  add("dominance", answer.dominance());
  add("asymmetry", answer.asymmetry());
  for (int i = 0; i < answer.selectivity_size(); ++i)
    add("selectivity of " + answer.class_names(i), answer.selectivity(i));
  return grid;
}

// "k3f9aaaa · elasticity/kl · Adam, lr 0.1 · steps 0 to 90 (11 measurements)".
std::string side_text(const v1::ComparedInfluence& side) {
  std::string text = side.runs_size() == 1
                         ? id_of(side.runs(0))
                         : experiment_of(side.runs(0)) + ", " + plural(side.runs_size(), "run");
  text += " · " + side.key();
  if (!side.description().empty()) text += " · " + side.description();
  if (side.steps_size() == 1) return text + " · step " + std::to_string(side.steps(0));
  return text + " · mean of " + plural(side.steps_size(), "measurement") + ", steps " +
         std::to_string(side.steps(0)) + " to " + std::to_string(side.steps(side.steps_size() - 1));
}

std::string test_text(const Answer& answer) {
  const std::string tried = (answer.exact() ? "all " : "") + std::to_string(answer.arrangements()) +
                            (answer.exact() ? "" : " random");
  const std::string units = std::to_string(answer.side().units());
  const std::string both = units + " against " + std::to_string(answer.against().units());
  switch (answer.test()) {
    case v1::DIFFERENCE_TEST_RUNS:
      return "p-values over runs: " + both + ", " + tried + " exchanges between the sides";
    case v1::DIFFERENCE_TEST_PAIRED_RUNS:
      return "p-values over runs: " + units + " pairs, " + tried + " choices of signs";
    case v1::DIFFERENCE_TEST_PROBES:
      return "p-values over probes: " + both + " a class, " + tried + " exchanges between the sides";
    case v1::DIFFERENCE_TEST_PAIRED_PROBES:
      return "p-values over probes: " + units + " pairs a class, " + tried + " choices of signs";
    default:
      return "no p-values";
  }
}

// Pairs that were left out or are not finite, on both sides; empty where there are none.
std::string odd_pairs_text(const Answer& answer) {
  std::int64_t skipped = 0, nonfinite = 0;
  int with_skipped = 0, with_nonfinite = 0;
  for (const auto& cell : answer.cells()) {
    skipped += cell.skipped() + cell.against_skipped();
    nonfinite += cell.nonfinite() + cell.against_nonfinite();
    with_skipped += cell.skipped() + cell.against_skipped() > 0;
    with_nonfinite += cell.nonfinite() + cell.against_nonfinite() > 0;
  }
  std::string text;
  if (skipped > 0)
    text += " · " + plural(skipped, "pair") + " skipped in " + plural(with_skipped, "cell") +
            " (denominator 0 or not finite)";
  if (nonfinite > 0)
    text += " · " + plural(nonfinite, "pair") + " not finite in " + plural(with_nonfinite, "cell");
  return text;
}

void print_untested(std::ostream& out, const Answer& answer) {
  const int classes = answer.class_names_size();
  const auto tell = [&](const std::string& name, const v1::InfluenceDifference& figure) {
    if (!figure.untested().empty()) out << "no p-value of " << name << ": " << figure.untested() << '\n';
  };
  for (int i = 0; i < answer.cells_size(); ++i)
    tell("[" + answer.class_names(i / classes) + "," + answer.class_names(i % classes) + "]",
         answer.cells(i).figure());
  tell("dominance", answer.dominance());
  tell("asymmetry", answer.asymmetry());
  for (int i = 0; i < answer.selectivity_size(); ++i)
    tell("selectivity of " + answer.class_names(i), answer.selectivity(i));
}

void print_verdict(std::ostream& out, const Answer& answer) {
  if (answer.test() == v1::DIFFERENCE_TEST_UNSPECIFIED) return;
  const Grid different = cells(answer, /*csv=*/false);
  const auto count = static_cast<std::int64_t>(different.rows.size());
  if (count > 0) {
    print_table(out, different);
    out << '\n';
  }
  out << (count == 0 ? "No cell differs" : plural(count, "cell") + (count == 1 ? " differs" : " differ"))
      << " at level " << brief(answer.alpha()) << " after Holm's correction.\n";
}

void print_table_of(Context& context, const Answer& answer) {
  std::ostream& out = context.out;
  out << side_text(answer.side()) << "\nagainst " << side_text(answer.against()) << '\n';
  out << "difference of the " << (answer.shown() == "mean" ? "means" : "ratios of means") << " · "
      << test_text(answer) << odd_pairs_text(answer) << "\n\n";
  const auto text = [&](int responding, int updated) {
    const auto& figure = answer.cells(responding * answer.class_names_size() + updated).figure();
    return (figure.difference() > 0 ? "+" : "") + cli::figure(figure.difference()) +
           (differs(answer, figure) ? " *" : "  ");
  };
  for (const std::string& line : class_table(answer.class_names(), text, context.terminal.colour))
    out << line << '\n';
  out << "[ ] the updated class itself   * differs: p at most " << brief(answer.alpha())
      << " after Holm's correction\n\n";
  print_table(out, figures(answer));
  out << '\n';
  print_verdict(out, answer);
  print_untested(out, answer);
  for (const std::string& remark : answer.remarks()) out << "remark: " << remark << '\n';
}

}  // namespace

void print_difference(Context& context, const v1::GetInfluenceDifferenceRequest& request, Format format) {
  const Answer answer = context.api().get_influence_difference(request);
  check_difference(answer);
  if (format == Format::kTable) return print_table_of(context, answer);
  for (const std::string& remark : answer.remarks()) context.err << "remark: " << remark << '\n';
  if (format == Format::kJson) return print_json(context.out, answer);
  print_csv(context.out, cells(answer, /*csv=*/true));
}

}  // namespace hooke::cli
