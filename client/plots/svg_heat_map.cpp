#include <algorithm>
#include <cmath>

#include "client/plots/axis.h"
#include "client/plots/svg_parts.h"

namespace hooke::plots {
namespace {

constexpr double kPageMargin = 12;
constexpr double kBar = 14;      // width of the colour bar
constexpr double kBarRoom = 80;  // with its labels
constexpr double kLargestCell = 72, kSmallestCell = 5;
constexpr std::size_t kMostTexts = 12;       // classes whose cells have their figures in them
constexpr std::size_t kMostNames = 40;       // classes whose names are all there
constexpr std::size_t kLongestSvgName = 24;  // characters
constexpr double kFewestBarTicks = 3;

class SvgHeatMap {
 public:
  SvgHeatMap(const HeatMap& map, const SvgOptions& options)
      : map_(map), page_(options), scale_(map), classes_(map.names.size()) {
    double longest = 0;
    for (const std::string& name : map.names) longest = std::max(longest, width_of(shown(name)));
    const double names = longest * kSmallFontSize;
    left_ = kPageMargin + 1.5 * kLineHeight + names + 6;
    const double room = options.width - left_ - kBarRoom - kPageMargin;
    cell_ = std::clamp(room / static_cast<double>(std::max<std::size_t>(1, classes_)), kSmallestCell,
                       kLargestCell);
    tilted_ = names > cell_ - 4;
    side_ = cell_ * static_cast<double>(classes_);
    names_height_ = tilted_ ? names * 0.75 + 12 : kLineHeight;
    width_ = std::max<double>(left_ + side_ + kBarRoom + kPageMargin, 240);
  }

  std::string draw() {
    double at = kPageMargin;
    if (!map_.title.empty())
      for (const std::string& row : wrapped({shortened(map_.title, 200)}, width_ - 2 * kPageMargin, 14)) {
        at += kLineHeight + 2;
        page_.text(kPageMargin, at, row, "start", " font-size=\"14\" font-weight=\"bold\"");
      }
    at += kLineHeight;
    page_.text(left_ + side_ / 2, at, "updated class", "middle");
    top_ = at + names_height_ + 8;
    names();
    cells();
    bar();
    at = top_ + side_ + 6;
    page_.open("notes");
    for (const std::string& row : wrapped(map_.notes, width_ - 2 * kPageMargin, kSmallFontSize)) {
      at += kLineHeight;
      page_.text(kPageMargin, at, row, "start",
                 attribute("font-size", kSmallFontSize) + " fill-opacity=\"0.8\"");
    }
    page_.close();
    return page_.finish(width_, at + 10, map_.title.empty() ? map_.value_title : map_.title);
  }

 private:
  static std::string shown(const std::string& name) { return shortened(name, kLongestSvgName); }

  void names() {
    const std::string small = attribute("font-size", kSmallFontSize);
    const double middle = top_ + side_ / 2;
    page_.text(kPageMargin + 8, middle, "responding class", "middle",
               " transform=\"rotate(-90 " + coordinate(kPageMargin + 8) + " " + coordinate(middle) + ")\"");
    page_.open("names");
    // Of many classes every few, that they can be read.
    const std::size_t every = 1 + (classes_ - 1) / kMostNames;
    for (std::size_t i = 0; i < classes_; i += every) {
      const double centre = (static_cast<double>(i) + 0.5) * cell_;
      page_.text(left_ - 6, top_ + centre + 4, shown(map_.names[i]), "end", small);
      const double x = left_ + centre, y = top_ - 6;
      if (tilted_)
        page_.text(x + 3, y, shown(map_.names[i]), "start",
                   small + " transform=\"rotate(-45 " + coordinate(x) + " " + coordinate(y) + ")\"");
      else
        page_.text(x, y, shown(map_.names[i]), "middle", small);
    }
    page_.close();
  }

  void cells() {
    page_.open("cells");
    const bool figures = classes_ <= kMostTexts;
    for (std::size_t row = 0; row < classes_; ++row)
      for (std::size_t column = 0; column < classes_; ++column) cell(row, column, figures);
    page_.close();
    page_.open("own");
    for (std::size_t i = 0; i < classes_; ++i) {
      const double at = static_cast<double>(i) * cell_;
      page_.rect(left_ + at + 1, top_ + at + 1, cell_ - 2, cell_ - 2,
                 " fill=\"none\"" + attribute("stroke", std::string(page_.ink())) +
                     attribute("stroke-width", cell_ > 20 ? 2 : 1));
    }
    page_.close();
  }

  void cell(std::size_t row, std::size_t column, bool figures) {
    const std::size_t at = row * classes_ + column;
    const double x = left_ + static_cast<double>(column) * cell_, y = top_ + static_cast<double>(row) * cell_;
    const Rgb colour = scale_.colour(map_.values[at]);
    const std::string fill = " fill=\"" + colour.hex() + "\"";
    if (!figures) {  // short, as there are many
      page_.path(
          "M" + point(x, y) + "h" + coordinate(cell_) + "v" + coordinate(cell_) + "h-" + coordinate(cell_),
          fill);
      return;
    }
    std::string tip = map_.names[row] + " responding, " + map_.names[column] + " updated: " + map_.texts[at];
    if (!map_.tips.empty() && !map_.tips[at].empty()) tip += ", " + map_.tips[at];
    page_.raw("<g class=\"cell\"><title>" + escaped(tip) + "</title>\n");
    page_.rect(x, y, cell_, cell_, fill);
    const double wide = width_of(map_.texts[at]);
    const double size = std::clamp((cell_ - 6) / std::max(1.0, wide), 6.0, kFontSize);
    page_.text(x + cell_ / 2, y + cell_ / 2 + size * 0.35, map_.texts[at], "middle",
               attribute("font-size", size) + " fill=\"" + (colour.is_dark() ? "#ffffff" : "#000000") + "\"");
    page_.close();
  }

  void bar() {
    constexpr int kSteps = 48;
    const double x = left_ + side_ + 16, height = std::max(side_, 60.0);
    const Axis axis =
        make_axis(scale_.low(), scale_.high(),
                  {.log = scale_.log(), .at_most = static_cast<int>(std::max(kFewestBarTicks, height / 45))});
    const auto value_at = [&](double share) {
      return scale_.log() ? scale_.low() * std::pow(scale_.high() / scale_.low(), share)
                          : scale_.low() + share * (scale_.high() - scale_.low());
    };
    page_.open("bar");
    for (int i = 0; i < kSteps; ++i) {
      const double share = (i + 0.5) / kSteps;
      // A little over its place, so that no seam shows between two.
      page_.rect(x, top_ + height * (1 - (i + 1.0) / kSteps), kBar, height / kSteps + (i > 0 ? 0.5 : 0),
                 " fill=\"" + scale_.colour(value_at(share)).hex() + "\"");
    }
    const std::string ink = attribute("stroke", std::string(page_.ink()));
    page_.rect(x, top_, kBar, height, " fill=\"none\"" + ink + " stroke-opacity=\"0.5\"");
    for (const Tick& tick : axis.ticks) {
      const double y = top_ + height * (1 - axis.position(tick.at));
      page_.line(x + kBar, y, x + kBar + 4, y, ink);
      page_.text(x + kBar + 7, y + 4, tick.label, "start", attribute("font-size", kSmallFontSize));
    }
    if (!axis.note.empty())
      page_.text(x, top_ - 6, axis.note, "start", attribute("font-size", kSmallFontSize));
    page_.close();
  }

  const HeatMap& map_;
  SvgPage page_;
  const ColourScale scale_;
  const std::size_t classes_;
  double left_ = 0, top_ = 0, cell_ = 0, side_ = 0, width_ = 0, names_height_ = 0;
  bool tilted_ = false;
};

}  // namespace

std::string svg(const HeatMap& map, const SvgOptions& options) {
  return SvgHeatMap(map, options).draw();
}

}  // namespace hooke::plots
