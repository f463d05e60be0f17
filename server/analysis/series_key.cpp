#include "server/analysis/series_key.h"

#include <array>
#include <utility>

#include "proto/hooke/error.h"

namespace hooke::analysis {
namespace {

constexpr std::array<std::pair<std::string_view, Figure>, 4> kFigures = {{
    {".dominance", Figure::kDominance},
    {".dominance_ratio", Figure::kDominanceRatio},
    {".selectivity", Figure::kSelectivity},
    {".asymmetry", Figure::kAsymmetry},
}};
constexpr std::string_view kRatio = ".ratio";

[[noreturn]] void refuse(std::string_view text, const std::string& why) {
  throw invalid("keys", "'" + std::string(text) + "' is not a series key: " + why +
                            " (as in train/loss, elasticity/kl[ship,plane], elasticity/kl.dominance, "
                            "elasticity/kl.selectivity[plane])");
}

bool take_suffix(std::string_view& text, std::string_view suffix) {
  if (!text.ends_with(suffix)) return false;
  text.remove_suffix(suffix.size());
  return true;
}

// Takes "[...]" off the end of `rest`; false when there is none.
bool take_brackets(std::string_view text, std::string_view& rest, std::string_view& inside) {
  const auto open = rest.find('[');
  if (open == std::string_view::npos) {
    if (rest.find(']') != std::string_view::npos) refuse(text, "']' without '['");
    return false;
  }
  if (!rest.ends_with(']')) refuse(text, "a class in brackets ends the key");
  inside = rest.substr(open + 1, rest.size() - open - 2);
  if (inside.find_first_of("[]@") != std::string_view::npos)
    refuse(text, "a class name has none of [ ] @ in it");
  rest = rest.substr(0, open);
  return true;
}

void split_classes(std::string_view text, std::string_view inside, SeriesKey& key) {
  const auto comma = inside.find(',');
  if (key.figure == Figure::kSelectivity) {
    if (comma != std::string_view::npos || inside.empty())
      refuse(text, "selectivity is of one updated class");
    key.updated = inside;
    return;
  }
  if (comma == std::string_view::npos || inside.find(',', comma + 1) != std::string_view::npos)
    refuse(text, "an entry is named by two classes, [responding,updated]");
  key.responding = inside.substr(0, comma);
  key.updated = inside.substr(comma + 1);
  if (key.responding.empty() || key.updated.empty()) refuse(text, "a class name is empty");
}

}  // namespace

SeriesKey parse_series_key(std::string_view text) {
  SeriesKey key;
  std::string_view rest = text;
  std::string_view inside;
  const bool brackets = take_brackets(text, rest, inside);
  for (const auto& [suffix, figure] : kFigures) {
    if (take_suffix(rest, suffix)) {
      key.figure = figure;
      break;
    }
  }
  if (key.figure == Figure::kStored && brackets) key.figure = Figure::kEntry;
  if (key.figure == Figure::kSelectivity && !brackets)
    refuse(text, "selectivity needs its updated class in brackets");
  if (brackets && key.figure != Figure::kEntry && key.figure != Figure::kSelectivity)
    refuse(text, "this figure is of the whole matrix and takes no class");
  if (brackets) split_classes(text, inside, key);
  if (key.figure != Figure::kStored && take_suffix(rest, kRatio)) key.plane = Plane::kRatioOfMeans;
  if (rest.empty()) refuse(text, "the name of the series is empty");
  if (rest.find_first_of(", \t\n") != std::string_view::npos)
    refuse(text, "the name of a series has no space and no comma in it");
  key.stored = rest;
  return key;
}

std::string to_string(const SeriesKey& key) {
  std::string text = key.stored;
  if (key.plane == Plane::kRatioOfMeans) text += kRatio;
  for (const auto& [suffix, figure] : kFigures)
    if (figure == key.figure) text += suffix;
  if (key.figure == Figure::kEntry) text += "[" + key.responding + "," + key.updated + "]";
  if (key.figure == Figure::kSelectivity) text += "[" + key.updated + "]";
  return text;
}

}  // namespace hooke::analysis
