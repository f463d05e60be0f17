// Axes, figures, and what the drawings of them hold: checked against coordinates worked out by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <regex>

#include "client/plots/axis.h"
#include "client/plots/svg.h"
#include "client/plots/text.h"
#include "proto/hooke/error.h"
#include "tests/unit/client/xml.h"

namespace hooke::plots {
namespace {

using test::Element;
using test::of_class;
using test::parse_xml;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

std::vector<std::string> labels(const Axis& axis) {
  std::vector<std::string> all;
  for (const Tick& tick : axis.ticks) all.push_back(tick.label);
  return all;
}

TEST(Axes, TicksAreRoundAndCoverTheRange) {
  const Axis axis = make_axis(0.13, 2.9, {.round_ends = true});
  EXPECT_THAT(labels(axis), ElementsAre("0.0", "0.5", "1.0", "1.5", "2.0", "2.5", "3.0"));
  EXPECT_EQ(axis.low, 0);
  EXPECT_EQ(axis.high, 3);
  EXPECT_EQ(axis.position(0), 0);
  EXPECT_EQ(axis.position(3), 1);
  EXPECT_DOUBLE_EQ(axis.position(1.5), 0.5);
  EXPECT_THAT(labels(make_axis(-0.25, 0.31, {.round_ends = true})),
              ElementsAre("-0.3", "-0.2", "-0.1", "0.0", "0.1", "0.2", "0.3", "0.4"));
}

TEST(Axes, StepsAreWholeAndLongOnesShort) {
  EXPECT_THAT(labels(make_axis(0, 3, {.whole = true})), ElementsAre("0", "1", "2", "3"));
  EXPECT_THAT(labels(make_axis(0, 320, {.whole = true})), ElementsAre("0", "100", "200", "300"));
  EXPECT_THAT(labels(make_axis(0, 1'500'000, {.whole = true})), ElementsAre("0", "0.5M", "1.0M", "1.5M"));
  EXPECT_THAT(labels(make_axis(0, 250'000, {.whole = true})),
              ElementsAre("0", "50k", "100k", "150k", "200k", "250k"));
}

TEST(Axes, TinyRangesAndHugeOffsetsKeepTheirDigits) {
  const Axis tiny = make_axis(1.1e-7, 4.2e-7, {.round_ends = true});
  EXPECT_THAT(labels(tiny), ElementsAre("1", "2", "3", "4", "5"));
  EXPECT_EQ(tiny.note, "×10⁻⁷");
  EXPECT_EQ(make_axis(1.1e-7, 4.2e-7, {.ascii = true}).note, "x10^-7");
  const Axis offset = make_axis(1'000'000.001, 1'000'000.004, {.round_ends = true});
  EXPECT_THAT(offset.note, HasSubstr("+ 1000000"));
  std::set<std::string> different;
  for (const std::string& label : labels(offset)) different.insert(label);
  EXPECT_EQ(different.size(), offset.ticks.size()) << "no two ticks are called alike";
  const Axis huge = make_axis(0, 3e30, {.round_ends = true});
  EXPECT_THAT(labels(huge), ElementsAre("0.0", "0.5", "1.0", "1.5", "2.0", "2.5", "3.0"));
  EXPECT_EQ(huge.note, "×10³⁰");
}

TEST(Axes, AnyTwoFiniteEndsGiveAnAxisThatHoldsThem) {
  const double most = std::numeric_limits<double>::max(), least = std::numeric_limits<double>::denorm_min();
  const std::pair<double, double> ranges[] = {
      {0, 0},      {5, 5},           {-3, -3},     {1e300, 1e300},    {-most, most},  {0, least},
      {0, 1e-300}, {1e16, 1e16 + 2}, {-1e-9, 1e9}, {7, 7.0000000001}, {-most, -most}, {99.9, 100.1}};
  for (const auto& [low, high] : ranges) {
    for (const bool round : {false, true}) {
      const Axis axis = make_axis(low, high, {.round_ends = round});
      ASSERT_FALSE(axis.ticks.empty()) << low << " " << high;
      EXPECT_LT(axis.low, axis.high) << low << " " << high;
      EXPECT_LE(axis.low, low) << low << " " << high;
      EXPECT_GE(axis.high, high) << low << " " << high;
      EXPECT_LE(axis.ticks.size(), 25u);
      for (const double value : {low, high}) {
        EXPECT_GE(axis.position(value), -1e-9) << low << " " << high;
        EXPECT_LE(axis.position(value), 1 + 1e-9) << low << " " << high;
      }
    }
  }
}

TEST(Axes, LogTicksArePowersOfTenOrTheirTwosAndFives) {
  const Axis decades = make_axis(0.002, 700, {.log = true, .round_ends = true});
  EXPECT_THAT(labels(decades), ElementsAre("0.001", "0.01", "0.1", "1", "10", "100", "1000"));
  EXPECT_DOUBLE_EQ(decades.position(1), 0.5);
  EXPECT_THAT(labels(make_axis(0.9, 22, {.log = true})), ElementsAre("1", "2", "5", "10", "20"));
  EXPECT_THAT(labels(make_axis(1e-9, 1e-6, {.log = true, .at_most = 3})),
              ElementsAre("10⁻⁹", "10⁻⁸", "10⁻⁷", "10⁻⁶"));
  EXPECT_GE(make_axis(3.1, 3.9, {.log = true}).ticks.size(), 2u)
      << "within a decade they are as on a linear axis";
  EXPECT_LE(make_axis(1e-300, 1e300, {.log = true}).ticks.size(), 12u);
  const Axis one = make_axis(5, 5, {.log = true});
  EXPECT_LT(one.low, 5);
  EXPECT_GT(one.high, 5);
}

Figure line_figure() {
  Figure figure;
  figure.y_title = "loss";
  figure.curves.push_back({.name = "a",
                           .x = {0, 10, 20, 30},
                           .y = {0, 1, 3, 2},
                           .low = {},
                           .high = {},
                           .colour = {},
                           .dash = {}});
  return figure;
}

TEST(Figures, GapsAreCountedAndSplitTheCurve) {
  Figure figure = line_figure();
  figure.curves[0].y = {1, kNan, kInf, 2};
  const auto parts = stretches(figure.curves[0]);
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].first, 0u);
  EXPECT_EQ(parts[0].last, 1u);
  EXPECT_EQ(parts[1].first, 3u);
  EXPECT_THAT(gap_notes(figure),
              ElementsAre("a: 2 of 4 values are not finite (1 nan, 1 inf), the first at step 10"));
  EXPECT_THAT(gap_notes(line_figure()), IsEmpty());
}

TEST(Figures, ALogScaleNeedsPositiveValues) {
  Figure figure = line_figure();
  figure.scale = Scale::kLog;
  figure.curves[0].y[1] = -0.5;
  figure.curves[0].y[0] = 1;
  try {
    extent_of(figure);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kInvalidArgument);
    EXPECT_THAT(error.what(), HasSubstr("a is -0.5 at step 10"));
  }
  figure.scale = Scale::kAuto;
  EXPECT_FALSE(extent_of(figure).log);
  figure.curves[0].y = {1, 10, 100, 5000};
  EXPECT_TRUE(extent_of(figure).log) << "1 to 5000";
  figure.scale = Scale::kLinear;
  EXPECT_FALSE(extent_of(figure).log);
  // A band that reaches below zero is cut, not refused.
  figure.scale = Scale::kLog;
  figure.curves[0].low = {-1, 9, 99, 4999};
  figure.curves[0].high = {3, 11, 101, 5001};
  EXPECT_EQ(extent_of(figure).y_low, 1);
  EXPECT_EQ(extent_of(figure).y_high, 5001);
}

using Point = std::pair<double, double>;

// The coordinates of "M1,2L3,4…", and how many subpaths there are.
std::vector<Point> points_of(const std::string& path, int& subpaths) {
  std::vector<Point> points;
  subpaths = 0;
  static const std::regex kPoint("([ML])([-0-9.]+),([-0-9.]+)");
  for (auto at = std::sregex_iterator(path.begin(), path.end(), kPoint); at != std::sregex_iterator(); ++at) {
    subpaths += (*at)[1] == "M";
    points.emplace_back(std::stod((*at)[2]), std::stod((*at)[3]));
  }
  return points;
}

// Where the drawing puts values, from its own ticks: pixels of two labels of each axis.
struct Frame {
  double x0, x1, y0, y1;  // of the ends of the axes
  explicit Frame(const std::vector<Element>& svg) {
    const Element* frame = nullptr;
    for (const Element& one : svg)
      if (one.name == "path" && one.at("fill") == "none" && one.at("d").find('V') != std::string::npos &&
          one.at("class").empty())
        frame = &one;
    static const std::regex kFrame("M([-0-9.]+),([-0-9.]+)V([-0-9.]+)H([-0-9.]+)");
    std::smatch parts;
    const std::string d = frame->at("d");
    EXPECT_TRUE(std::regex_match(d, parts, kFrame));
    x0 = std::stod(parts[1]);
    y1 = std::stod(parts[2]);
    y0 = std::stod(parts[3]);
    x1 = std::stod(parts[4]);
  }
};

TEST(Svg, HasExactlyThePointsAtTheirPlaces) {
  const auto svg_text = svg(line_figure());
  const auto drawing = parse_xml(svg_text);
  const Frame frame(drawing);
  const auto lines = of_class(drawing, "line");
  ASSERT_EQ(lines.size(), 1u);
  int subpaths = 0;
  const auto points = points_of(lines[0].at("d"), subpaths);
  EXPECT_EQ(subpaths, 1);
  ASSERT_EQ(points.size(), 4u);
  // x runs from 0 to 30, y (rounded) from 0 to 3.
  const Point expected[] = {{0, 0}, {1.0 / 3, 1.0 / 3}, {2.0 / 3, 1}, {1, 2.0 / 3}};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(points[i].first, frame.x0 + expected[i].first * (frame.x1 - frame.x0), 0.006);
    EXPECT_NEAR(points[i].second, frame.y0 + expected[i].second * (frame.y1 - frame.y0), 0.006);
  }
}

TEST(Svg, ALogAxisHasEqualDistancesForEqualRatios) {
  Figure figure = line_figure();
  figure.scale = Scale::kLog;
  figure.curves[0].y = {1, 10, 100, 1000};
  const auto drawing = parse_xml(svg(figure));
  const Frame frame(drawing);
  int subpaths = 0;
  const auto points = points_of(of_class(drawing, "line")[0].at("d"), subpaths);
  ASSERT_EQ(points.size(), 4u);
  for (std::size_t i = 0; i < 4; ++i)
    EXPECT_NEAR(points[i].second, frame.y0 + static_cast<double>(i) / 3 * (frame.y1 - frame.y0), 0.006);
}

TEST(Svg, GapsBreakTheLineAndLonePointsAreDots) {
  Figure figure = line_figure();
  figure.curves[0].y = {1, kNan, 3, 2};
  const auto drawing = parse_xml(svg(figure));
  int subpaths = 0;
  EXPECT_EQ(points_of(of_class(drawing, "line")[0].at("d"), subpaths).size(), 3u);
  EXPECT_EQ(subpaths, 2);
  EXPECT_THAT(of_class(drawing, "dots")[0].at("d"), HasSubstr("h0"));
  EXPECT_THAT(of_class(drawing, "notes")[0].text, HasSubstr("1 of 4 values are not finite (1 nan)"));

  figure.curves[0].y = {kNan, kInf, -kInf, kNan};
  const std::string empty = svg(figure);
  EXPECT_THAT(empty, HasSubstr("no finite value"));
  EXPECT_THAT(of_class(parse_xml(empty), "notes")[0].text, HasSubstr("4 of 4"));
  EXPECT_NO_THROW(parse_xml(svg(Figure{})));
}

TEST(Svg, BandsGoThereAndBackWithinTheAxes) {
  Figure figure = line_figure();
  figure.curves[0].low = {-1, 0.5, kNan, 1};
  figure.curves[0].high = {1, 1.5, kNan, 3};
  const auto bands = of_class(parse_xml(svg(figure)), "band");
  ASSERT_EQ(bands.size(), 1u);
  int subpaths = 0;
  EXPECT_EQ(points_of(bands[0].at("d"), subpaths).size(), 6u);
  EXPECT_EQ(subpaths, 2) << "one for each stretch that has both ends";
}

TEST(Svg, NamesAreTextWhateverTheyHold) {
  Figure figure = line_figure();
  const std::string hostile = "<img onerror=\"x()\" src='y'>&\x01\xff\u202e ✓";
  figure.title = figure.y_title = figure.curves[0].name = hostile;
  figure.notes = {hostile};
  figure.lanes.push_back({hostile, {{0, 10, true}, {10, 30, false}}, {{10, 5, 15}}});
  for (const bool document : {true, false}) {
    const std::string text = svg(figure, {.document = document});
    EXPECT_THAT(text, Not(HasSubstr("<img")));
    const auto drawing = parse_xml(text);
    const auto curve = of_class(drawing, "curve");
    ASSERT_EQ(curve.size(), 1u);
    EXPECT_EQ(curve[0].at("data-name"), "<img onerror=\"x()\" src='y'>&\uFFFD\uFFFD\uFFFD ✓");
  }
  figure.curves[0].name = std::string(200, 'n');
  const auto legend = of_class(parse_xml(svg(figure)), "legend");
  EXPECT_LT(width_of(legend[0].text) * 12, 640);
  EXPECT_THAT(legend[0].text, HasSubstr("…"));
}

TEST(Svg, PhasesAndTransitionsStandAtTheirSteps) {
  Figure figure = line_figure();
  figure.lanes.push_back({"run", {{0, 15, true}, {15, 30, false}}, {{15, 12, 18}}});
  const auto drawing = parse_xml(svg(figure));
  const Frame frame(drawing);
  const auto phases = of_class(drawing, "phases");
  ASSERT_EQ(phases.size(), 1u);
  EXPECT_THAT(phases[0].text, HasSubstr("15"));
  bool line = false, interval = false;
  const double width = frame.x1 - frame.x0;
  for (const Element& one : drawing) {
    if (one.within.find("svg/g") != 0) continue;
    line = line || (one.name == "line" && !one.at("stroke-dasharray").empty() && !one.at("x1").empty() &&
                    std::abs(std::stod(one.at("x1")) - (frame.x0 + width / 2)) < 0.01);
    interval = interval ||
               (one.name == "rect" && std::abs(std::stod(one.at("x")) - (frame.x0 + 0.4 * width)) < 0.01 &&
                std::abs(std::stod(one.at("width")) - 0.2 * width) < 0.02);
  }
  EXPECT_TRUE(line);
  EXPECT_TRUE(interval);
  EXPECT_THAT(of_class(drawing, "lanes")[0].text, HasSubstr("inelastic"));
}

TEST(Svg, ThousandPointsStaySmall) {
  Figure figure = line_figure();
  figure.curves[0].x.clear();
  figure.curves[0].y.clear();
  for (int i = 0; i < 1000; ++i) {
    figure.curves[0].x.push_back(i);
    figure.curves[0].y.push_back(std::sin(i));
  }
  EXPECT_LT(svg(figure).size(), 20'000u);
}

HeatMap small_map() {
  HeatMap map;
  map.title = "elasticity/kl";
  map.names = {"plane", "ship"};
  map.values = {1, 0.25, 0.5, kNan};
  map.texts = {"1.00", "0.25", "0.50", "nan"};
  return map;
}

TEST(HeatMaps, RowsRespondColumnsWereUpdatedAndTheOwnClassIsMarked) {
  const auto drawing = parse_xml(svg(small_map()));
  const auto cells = of_class(drawing, "cell");
  ASSERT_EQ(cells.size(), 4u);
  EXPECT_THAT(cells[1].text, HasSubstr("plane responding, ship updated: 0.25"));
  EXPECT_THAT(of_class(drawing, "names")[0].text, HasSubstr("plane"));
  int own = 0;
  for (const Element& one : drawing)
    own += one.name == "rect" && one.at("fill") == "none" && one.at("stroke-width") == "2";
  EXPECT_EQ(own, 2);
}

TEST(HeatMaps, SignedOnesAreWhiteAtZeroAndSymmetric) {
  HeatMap map = small_map();
  map.is_signed = true;
  map.values = {2, -0.5, 0, kInf};
  const ColourScale scale(map);
  EXPECT_EQ(scale.low(), -2);
  EXPECT_EQ(scale.high(), 2);
  EXPECT_EQ(scale.colour(0).hex(), "#f7f7f7");
  EXPECT_EQ(scale.colour(-2).hex(), "#053061");
  EXPECT_EQ(scale.colour(2).hex(), "#7f3b08");
  EXPECT_EQ(scale.colour(kInf).hex(), scale.colour(kNan).hex());
  EXPECT_TRUE(scale.colour(2).is_dark());
  EXPECT_FALSE(scale.colour(0).is_dark());
}

TEST(HeatMaps, ManyClassesHaveNoFiguresAndStaySmall) {
  HeatMap map;
  for (int i = 0; i < 100; ++i) map.names.push_back("class " + std::to_string(i));
  for (int i = 0; i < 10'000; ++i) {
    map.values.push_back(i);
    map.texts.push_back("x");
  }
  const std::string text = svg(map);
  EXPECT_LT(text.size(), 700'000u);
  EXPECT_THAT(of_class(parse_xml(text), "cell"), IsEmpty());
  map.values.assign(10'000, kNan);
  EXPECT_NO_THROW(parse_xml(svg(map)));
}

TEST(Text, IsShortenedInItsMiddleByCharacters) {
  EXPECT_EQ(shortened("abcdefgh", 5), "ab…gh");
  EXPECT_EQ(shortened("abcdefgh", 6, true), "ab...h");
  EXPECT_EQ(shortened("ääääää", 3), "ä…ä");
  EXPECT_EQ(shortened("abc", 3), "abc");
  EXPECT_EQ(columns_of("a漢é"), 4u);
  EXPECT_EQ(coordinate(12.5), "12.5");
  EXPECT_EQ(coordinate(3.0), "3");
  EXPECT_EQ(coordinate(-0.001), "0");
  EXPECT_EQ(printable("a\x1b[31mb", false), "a\uFFFD[31mb");
}

}  // namespace
}  // namespace hooke::plots
