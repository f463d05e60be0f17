// Figures as lines of text.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "client/plots/canvas.h"
#include "client/plots/sparkline.h"
#include "client/plots/terminal.h"
#include "client/plots/text.h"

namespace hooke::plots {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Curve curve(const std::string& name, std::vector<double> x, std::vector<double> y) {
  Curve one;
  one.name = name;
  one.x = std::move(x);
  one.y = std::move(y);
  return one;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

TEST(Canvases, DotsAreBrailleBitsAndLettersWithoutUtf8) {
  Canvas dots(2, 1, false);
  EXPECT_EQ(dots.width(), 4);
  EXPECT_EQ(dots.height(), 4);
  dots.dot(0, 0, 1, '*');
  dots.dot(1, 3, 1, '*');
  dots.dot(2, 1, 1, '*');
  dots.dot(9, 9, 1, '*');  // outside: nothing
  EXPECT_EQ(dots.row(0, false), "⢁⠂");
  Canvas line(2, 1, false);
  line.line(0, 3, 3, 0, {1, '*'});
  EXPECT_EQ(line.row(0, false), "⡠⠊");
  Canvas letters(3, 3, true);
  letters.line(0, 2, 2, 0, {1, '*'});
  EXPECT_EQ(letters.row(0, false), "  *");
  EXPECT_EQ(letters.row(1, false), " * ");
  EXPECT_EQ(letters.row(2, false), "*  ");
  EXPECT_EQ(letters.row(2, true), "\x1b[38;5;1m*\x1b[0m  ");
}

TEST(Terminals, AKnownLineInLetters) {
  Figure figure;
  figure.y_title = "loss";
  figure.curves = {curve("", {0, 10, 20, 30}, {0, 1, 2, 3})};
  const auto lines = terminal_lines(figure, {.columns = 30, .rows = 8, .ascii = true});
  EXPECT_EQ(joined(lines),
            "loss\n"
            // 27 columns: the points are at 0, 9, 17 and 26, and each line changes row in its middle.
            "3 +                      *****\n"
            "2 +             *********\n"
            "1 +     ********\n"
            "0 +*****\n"
            "  ++----------------+---------\n"
            "   0               20\n"
            "          training step\n");
}

TEST(Terminals, FitTheirSizeWhateverTheyShow) {
  Figure figure;
  figure.title = std::string(300, 't');
  figure.y_title = "S under kl (ratio)";
  for (int i = 0; i < 9; ++i) {
    figure.curves.push_back(
        curve("a long name of curve " + std::to_string(i), {0, 50, 100}, {0.1 * i, 1, 2.0 - i}));
    figure.curves.back().low = {-1, 0, -1};
    figure.curves.back().high = {1, 2, 3};
  }
  figure.lanes.push_back({"k3f9aaaa", {{0, 40, true}, {40, 100, false}}, {{40, 30, 50}}});
  figure.notes = {"a note that is so long that it needs more than one row of a narrow terminal to be said"};
  for (const bool ascii : {false, true})
    for (const bool colour : {false, true})
      for (const auto& [columns, rows] : {std::pair(30, 30), std::pair(80, 24), std::pair(160, 50)}) {
        const auto lines = terminal_lines(figure, {columns, rows, colour, ascii});
        for (std::string line : lines) {
          for (auto at = line.find('\x1b'); at != std::string::npos; at = line.find('\x1b'))
            line.erase(at, line.find('m', at) - at + 1);
          EXPECT_LE(columns_of(line), static_cast<std::size_t>(columns)) << line;
          if (ascii) {
            for (const char c : line) EXPECT_GT(c, 0) << line;
          }
        }
        if (rows >= 24 && columns >= 80) {
          EXPECT_EQ(lines.size(), static_cast<std::size_t>(rows));
        }
        EXPECT_EQ(joined(lines).find('\x1b') != std::string::npos, colour);
      }
}

TEST(Terminals, WhatIsNotFiniteIsAGapAndANote) {
  constexpr double kGapValue = std::numeric_limits<double>::quiet_NaN();
  Figure figure;
  figure.curves = {curve("loss", {0, 1, 2}, {1, kGapValue, 2})};
  EXPECT_THAT(joined(terminal_lines(figure, {})), HasSubstr("loss: 1 of 3 values are not finite (1 nan)"));
  figure.curves[0].y = {kGapValue, kGapValue, kGapValue};
  EXPECT_THAT(joined(terminal_lines(figure, {})), HasSubstr("no finite value"));
  EXPECT_NO_THROW(terminal_lines(Figure{}, {}));
}

TEST(Terminals, NamesCannotSteerTheTerminal) {
  Figure figure;
  figure.title = "\x1b[2J\x07 title";
  figure.curves = {curve("a\x1b]0;b", {0, 1}, {1, 2})};
  const std::string text = joined(terminal_lines(figure, {}));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, Not(HasSubstr("\x07")));
}

TEST(Sparklines, TheLeastIsOneEighthTheGreatestIsFull) {
  EXPECT_THAT(sparkline({0, 1, 2, 3, 4, 5, 6, 7}, {0, 1, 2, 3, 4, 5, 6, 7}, 8, 1, false),
              ElementsAre("▁▂▃▄▅▆▇█"));
  EXPECT_THAT(sparkline({0, 1}, {0, 1}, 2, 2, false), ElementsAre(" █", "▁█"));
  EXPECT_THAT(sparkline({0, 1, 2}, {5, 5, 5}, 3, 1, true), ElementsAre("+++")) << "all alike: in the middle";
}

TEST(Sparklines, ColumnsAreMeansGapsAreWhatIsNotFinite) {
  constexpr double kGapValue = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(sparkline({0, 1, 2, 3}, {0, 2, 8, 6}, 2, 1, false), ElementsAre("▁█"));
  EXPECT_THAT(sparkline({0, 1, 2}, {0, kGapValue, 1}, 3, 1, false), ElementsAre("▁ █"));
  EXPECT_THAT(sparkline({0, 30}, {0, 1}, 4, 1, false), ElementsAre("▁▁▁█")) << "nothing was measured between";
  EXPECT_THAT(sparkline({}, {}, 3, 2, false), ElementsAre("", ""));
}

TEST(Terminals, HeatMapsShowFiguresAndMarkTheOwnClass) {
  HeatMap map;
  map.title = "elasticity/kl";
  map.names = {"plane", "ship"};
  map.values = {1, 0.25, 0.5, 0.75};
  map.texts = {"1.00", "0.25", "0.50", "0.75"};
  const auto lines = terminal_lines(map, {});
  EXPECT_THAT(lines, Contains(HasSubstr("plane  [1.00]   0.25")));
  EXPECT_THAT(lines, Contains(HasSubstr(" ship   0.50   [0.75]")));
  EXPECT_THAT(joined(terminal_lines(map, {.colour = true})), HasSubstr("\x1b[48;5;"));
  for (int i = 0; i < 60; ++i) map.names.push_back("c");
  map.values.assign(62 * 62, 0.5);
  map.texts.assign(62 * 62, "0.50");
  for (const std::string& line : terminal_lines(map, {})) EXPECT_LE(columns_of(line), 80u) << line;
}

}  // namespace
}  // namespace hooke::plots
