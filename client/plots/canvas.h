// Dots on a grid of characters: a terminal's drawing area.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace hooke::plots {

// Braille characters have 2 x 4 dots each; without UTF-8 a character is one dot. Dot (0, 0) is the upper
// left one; what is outside is not drawn.
class Canvas {
 public:
  Canvas(int columns, int rows, bool ascii);

  int width() const { return columns_ * across_; }  // in dots
  int height() const { return rows_ * down_; }
  int columns() const { return columns_; }
  int rows() const { return rows_; }
  int column_of(int x) const { return x / across_; }
  int row_of(int y) const { return y / down_; }

  // `colour`: of a terminal's 256; `mark` where characters are dots. The last to draw a character colours it.
  void dot(int x, int y, int colour, char mark);
  // Every `on` of `on + off` dots along a line, counted on from `travelled`, which it returns moved on.
  struct Pen {
    int colour;
    char mark;
    int on = 1, off = 0;
  };
  int line(int x1, int y1, int x2, int y2, const Pen& pen, int travelled = 0);
  // Faint, and beneath all dots: the character is shown where nothing else is.
  void shade(int column, int row, const char* text, int colour);

  // The characters of a row, coloured if asked.
  std::string row(int row, bool colour) const;

 private:
  struct Cell {
    unsigned char dots = 0;
    char mark = 0;
    int colour = -1;
    const char* shade = nullptr;
    int shade_colour = -1;
  };
  const int columns_, rows_, across_, down_;
  std::vector<Cell> cells_;
};

// `text` in one of a terminal's 256 colours, or as it is.
std::string coloured(const std::string& text, int colour, bool wanted);

}  // namespace hooke::plots
