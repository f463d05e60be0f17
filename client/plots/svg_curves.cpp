#include <algorithm>
#include <cmath>

#include "client/plots/axis.h"
#include "client/plots/palette.h"
#include "client/plots/svg_parts.h"

namespace hooke::plots {
namespace {

constexpr double kMargin = 12;
constexpr double kSample = 26;  // a line in the legend
constexpr double kLaneHeight = 15;
constexpr double kPixelsPerXTick = 80, kPixelsPerYTick = 50;
constexpr std::size_t kMostMarked = 60;  // points of a curve that are shown one by one
constexpr const char* kElastic = "#e69f00";
constexpr const char* kInelastic = "#7f7f7f";

std::string phase_style(const Phase& phase, const char* elastic, const char* inelastic) {
  return std::string(" fill=\"") + (phase.elastic ? kElastic : kInelastic) + "\" fill-opacity=\"" +
         (phase.elastic ? elastic : inelastic) + "\"";
}

class SvgCurves {
 public:
  SvgCurves(const Figure& figure, const SvgOptions& options)
      : figure_(figure), options_(options), page_(options), extent_(extent_of(figure)) {
    y_ = make_axis(
        extent_.y_low, extent_.y_high,
        {.log = extent_.log, .round_ends = true, .at_most = ticks(options.height, kPixelsPerYTick)});
    double labels = 0;
    for (const Tick& tick : y_.ticks) labels = std::max(labels, width_of(tick.label) * kSmallFontSize);
    for (const Lane& lane : figure.lanes)
      labels = std::max(labels, width_of(lane_name(lane)) * kSmallFontSize);
    left_ = kMargin + (figure.y_title.empty() ? 0 : 1.5 * kLineHeight) + labels + 8;
    right_ = options.width - 2 * kMargin;
    x_ = make_axis(extent_.x_low, extent_.x_high,
                   {.whole = true, .at_most = ticks(right_ - left_, kPixelsPerXTick)});
  }

  std::string draw() {
    double at = heading();
    top_ = at + (y_.note.empty() && transitions().empty() ? 8 : kLineHeight + 4);
    bottom_ = top_ + options_.height;
    phases();
    axes();
    page_.open("curves");
    std::size_t number = 0;
    for (const Curve& curve : figure_.curves) draw(curve, stroke_of(curve, number));
    page_.close();
    at = lanes();
    x_labels(at);
    at += 2.6 * kLineHeight;
    const double end = notes(at);
    return page_.finish(options_.width, end + 6, label());
  }

 private:
  static int ticks(double pixels, double each) { return std::max(2, static_cast<int>(pixels / each)); }
  static std::string lane_name(const Lane& lane) { return shortened(lane.name, 16); }
  double x_at(double x) const { return left_ + x_.position(x) * (right_ - left_); }
  double y_at(double y) const {
    return bottom_ - y_.position(std::clamp(y, y_.low, y_.high)) * (bottom_ - top_);
  }
  std::string at(double x, double y) const { return point(x_at(x), y_at(y)); }

  // Of one lane those that it has, of several those that they share.
  const std::vector<Transition>& transitions() const {
    return figure_.lanes.size() == 1 ? figure_.lanes[0].transitions : figure_.transitions;
  }

  std::string label() const {
    std::string text = figure_.title.empty() ? figure_.y_title : figure_.title;
    for (const Curve& curve : figure_.curves)
      if (!curve.name.empty()) text += "; " + curve.name;
    return text;
  }

  // Title and legend; returns where they end.
  double heading() {
    double at = kMargin;
    if (!figure_.title.empty())
      for (const std::string& row : wrapped({shortened(figure_.title, 200)}, right_ - kMargin, 14)) {
        at += kLineHeight + 2;
        page_.text(kMargin, at, row, "start", " font-size=\"14\" font-weight=\"bold\"");
      }
    page_.open("legend");
    double x = kMargin;
    bool row_open = false;
    std::size_t number = 0;
    const auto longest =
        static_cast<std::size_t>(std::max(8.0, (right_ - kMargin - kSample) / kFontSize / 0.6));
    for (const Curve& curve : figure_.curves) {
      const Stroke style = stroke_of(curve, number);
      if (curve.name.empty()) continue;
      const std::string name = shortened(curve.name, longest);
      const double wide = kSample + 6 + width_of(name) * kFontSize + 18;
      if (!row_open || x + wide > right_ + 18) {
        x = kMargin;
        at += kLineHeight + 2;
        row_open = true;
      }
      page_.line(x, at - 4, x + kSample, at - 4, line_style(curve, style));
      page_.text(x + kSample + 6, at, name);
      x += wide;
    }
    page_.close();
    return at;
  }

  std::string colour_of(const Stroke& style) const { return style.colour ? style.colour->hex : page_.ink(); }

  std::string line_style(const Curve& curve, const Stroke& style) const {
    std::string text = attribute("stroke", colour_of(style));
    text += attribute("stroke-width", curve.is_fit ? 1.2 : 1.7);
    const std::string dashes = curve.is_fit ? "3 2" : style.dash->svg;
    if (!dashes.empty()) text += attribute("stroke-dasharray", dashes);
    return text;
  }

  void phases() {
    page_.open("phases");
    if (figure_.lanes.size() == 1)
      for (const Phase& phase : figure_.lanes[0].phases)
        if (phase.elastic)
          page_.rect(x_at(phase.from), top_, x_at(phase.to) - x_at(phase.from), bottom_ - top_,
                     phase_style(phase, "0.1", "0"));
    double last = -1000;
    for (const Transition& transition : transitions()) {
      const double x = x_at(std::clamp(transition.at, x_.low, x_.high));
      if (std::isfinite(transition.low) && std::isfinite(transition.high)) {
        const double low = x_at(std::clamp(transition.low, x_.low, x_.high)),
                     high = x_at(std::clamp(transition.high, x_.low, x_.high));
        page_.rect(low, top_, std::max(1.0, high - low), bottom_ - top_,
                   attribute("fill", std::string(page_.ink())) + " fill-opacity=\"0.13\"");
      }
      page_.line(x, top_, x, bottom_,
                 attribute("stroke", std::string(page_.ink())) + " stroke-dasharray=\"5 3\"");
      const std::string text = coordinate(std::round(transition.at), 0);
      if (x - last > width_of(text) * kSmallFontSize + 6) {
        page_.text(x, top_ - 4, text, "middle", attribute("font-size", kSmallFontSize));
        last = x;
      }
    }
    page_.close();
  }

  void axes() {
    const std::string ink = attribute("stroke", std::string(page_.ink()));
    page_.open("axes");
    for (const Tick& tick : y_.ticks) {
      const double y = y_at(tick.at);
      page_.line(left_, y, right_, y, ink + " stroke-opacity=\"0.13\"");
      page_.text(left_ - 7, y + 4, tick.label, "end", attribute("font-size", kSmallFontSize));
    }
    for (const Tick& tick : x_.ticks) page_.line(x_at(tick.at), bottom_, x_at(tick.at), bottom_ + 4, ink);
    if (figure_.zero_line && y_.low < 0 && y_.high > 0 && !y_.log)
      page_.line(left_, y_at(0), right_, y_at(0), ink + " stroke-opacity=\"0.6\"");
    page_.path("M" + point(left_, top_) + "V" + coordinate(bottom_) + "H" + coordinate(right_),
               ink + " fill=\"none\"");
    if (!y_.note.empty())
      page_.text(left_ - 7, top_ - 10, y_.note, "end", attribute("font-size", kSmallFontSize));
    if (!figure_.y_title.empty()) {
      const double y = (top_ + bottom_) / 2;
      const auto longest = static_cast<std::size_t>((bottom_ - top_) / kFontSize / 0.55);
      page_.text(kMargin + 8, y, shortened(figure_.y_title, longest), "middle",
                 " transform=\"rotate(-90 " + coordinate(kMargin + 8) + " " + coordinate(y) + ")\"");
    }
    if (extent_.empty) page_.text((left_ + right_) / 2, (top_ + bottom_) / 2, "no finite value", "middle");
    page_.close();
  }

  void draw(const Curve& curve, const Stroke& style) {
    const std::string colour = colour_of(style);
    page_.raw("<g class=\"" + std::string(curve.is_fit ? "fit" : "curve") + "\"" +
              attribute("data-name", curve.name) + "><title>" + escaped(curve.name) + "</title>\n");
    band(curve, colour);
    std::string lines, dots;
    std::size_t finite = 0;
    for (const Stretch& stretch : stretches(curve)) {
      finite += stretch.last - stretch.first;
      for (std::size_t i = stretch.first; i < stretch.last; ++i)
        lines += (i == stretch.first ? "M" : "L") + at(curve.x[i], curve.y[i]);
    }
    for (const Stretch& stretch : stretches(curve))
      if (!curve.is_fit && (finite <= kMostMarked || stretch.last - stretch.first == 1))
        for (std::size_t i = stretch.first; i < stretch.last; ++i)
          dots += "M" + at(curve.x[i], curve.y[i]) + "h0";
    if (!lines.empty())
      page_.path(lines, " class=\"line\" fill=\"none\" stroke-linejoin=\"round\"" + line_style(curve, style));
    if (!dots.empty())
      page_.path(dots, " class=\"dots\" fill=\"none\" stroke-linecap=\"round\"" +
                           attribute("stroke", colour) + attribute("stroke-width", 4));
    page_.close();
  }

  // Along its upper end and back along the lower one, for each stretch that has both.
  void band(const Curve& curve, const std::string& colour) {
    if (curve.low.empty()) return;
    std::string data;
    const auto has = [&](std::size_t i) {
      return std::isfinite(curve.y[i]) && std::isfinite(curve.low[i]) && std::isfinite(curve.high[i]);
    };
    for (std::size_t i = 0; i < curve.x.size(); ++i) {
      if (!has(i)) continue;
      const std::size_t first = i;
      while (i + 1 < curve.x.size() && has(i + 1)) ++i;
      for (std::size_t k = first; k <= i; ++k)
        data += (k == first ? "M" : "L") + at(curve.x[k], curve.high[k]);
      for (std::size_t k = i + 1; k-- > first;) data += "L" + at(curve.x[k], curve.low[k]);
      data += "Z";
    }
    if (!data.empty())
      page_.path(data, " class=\"band\"" + attribute("fill", colour) + " fill-opacity=\"0.18\"");
  }

  // Below the axis; returns where they end.
  double lanes() {
    double at = bottom_ + (figure_.lanes.empty() ? 0 : 8);
    const std::string ink = attribute("stroke", std::string(page_.ink()));
    page_.open("lanes");
    for (const Lane& lane : figure_.lanes) {
      const double middle = at + kLaneHeight / 2 - 1;
      page_.text(left_ - 7, middle + 4, lane_name(lane), "end", attribute("font-size", kSmallFontSize));
      for (const Phase& phase : lane.phases) {
        const double from = x_at(phase.from), wide = x_at(phase.to) - from;
        page_.rect(from, at, std::max(1.0, wide), kLaneHeight - 2, phase_style(phase, "0.45", "0.25"));
        const std::string kind = phase.elastic ? "elastic" : "inelastic";
        if (wide > width_of(kind) * 10 + 6)
          page_.text(from + wide / 2, middle + 3.5, kind, "middle", " font-size=\"10\"");
      }
      for (const Transition& transition : lane.transitions) {
        const double x = x_at(std::clamp(transition.at, x_.low, x_.high));
        page_.line(x, at - 1, x, at + kLaneHeight - 1, ink + " stroke-width=\"1.6\"");
        if (std::isfinite(transition.low) && std::isfinite(transition.high))
          page_.line(x_at(std::clamp(transition.low, x_.low, x_.high)), middle,
                     x_at(std::clamp(transition.high, x_.low, x_.high)), middle, ink);
      }
      at += kLaneHeight + 2;
    }
    page_.close();
    return at;
  }

  void x_labels(double at) {
    page_.open("x-labels");
    for (const Tick& tick : x_.ticks)
      page_.text(x_at(tick.at), at + kLineHeight, tick.label, "middle",
                 attribute("font-size", kSmallFontSize));
    page_.text((left_ + right_) / 2, at + 2.2 * kLineHeight, figure_.x_title, "middle");
    page_.close();
  }

  double notes(double at) {
    std::vector<std::string> lines = gap_notes(figure_);
    lines.insert(lines.begin(), figure_.notes.begin(), figure_.notes.end());
    page_.open("notes");
    for (const std::string& row : wrapped(lines, options_.width - 2 * kMargin, kSmallFontSize)) {
      at += kLineHeight;
      page_.text(kMargin, at, row, "start", attribute("font-size", kSmallFontSize) + " fill-opacity=\"0.8\"");
    }
    page_.close();
    return at;
  }

  const Figure& figure_;
  const SvgOptions& options_;
  SvgPage page_;
  const Extent extent_;
  Axis x_, y_;
  double left_ = 0, right_ = 0, top_ = 0, bottom_ = 0;
};

}  // namespace

std::string svg(const Figure& figure, const SvgOptions& options) {
  return SvgCurves(figure, options).draw();
}

}  // namespace hooke::plots
