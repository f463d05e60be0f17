#include "client/plots/canvas.h"

#include <algorithm>
#include <cstdlib>

namespace hooke::plots {
namespace {

// The bits of U+2800 + bits, by column and row of the dot.
constexpr unsigned char kBits[2][4] = {{0x01, 0x02, 0x04, 0x40}, {0x08, 0x10, 0x20, 0x80}};

std::string braille(unsigned char dots) {
  return {static_cast<char>(0xE2), static_cast<char>(0xA0 | dots >> 6),
          static_cast<char>(0x80 | (dots & 0x3F))};
}

}  // namespace

Canvas::Canvas(int columns, int rows, bool ascii)
    : columns_(columns),
      rows_(rows),
      across_(ascii ? 1 : 2),
      down_(ascii ? 1 : 4),
      cells_(static_cast<std::size_t>(columns) * static_cast<std::size_t>(rows)) {}

void Canvas::dot(int x, int y, int colour, char mark) {
  if (x < 0 || y < 0 || x >= width() || y >= height()) return;
  Cell& cell = cells_[static_cast<std::size_t>(row_of(y) * columns_ + column_of(x))];
  cell.dots = static_cast<unsigned char>(cell.dots | kBits[x % across_][y % down_]);
  cell.mark = mark;
  cell.colour = colour;
}

// Bresenham's.
int Canvas::line(int x1, int y1, int x2, int y2, const Pen& pen, int travelled) {
  const int dx = std::abs(x2 - x1), dy = -std::abs(y2 - y1);
  const int step_x = x1 < x2 ? 1 : -1, step_y = y1 < y2 ? 1 : -1;
  for (int error = dx + dy;;) {
    if (travelled++ % (pen.on + pen.off) < pen.on) dot(x1, y1, pen.colour, pen.mark);
    if (x1 == x2 && y1 == y2) return travelled;
    const int twice = 2 * error;
    if (twice >= dy) {
      error += dy;
      x1 += step_x;
    }
    if (twice <= dx) {
      error += dx;
      y1 += step_y;
    }
  }
}

void Canvas::shade(int column, int row, const char* text, int colour) {
  if (column < 0 || row < 0 || column >= columns_ || row >= rows_) return;
  Cell& cell = cells_[static_cast<std::size_t>(row * columns_ + column)];
  cell.shade = text;
  cell.shade_colour = colour;
}

std::string Canvas::row(int row, bool colour) const {
  std::string text;
  for (int column = 0; column < columns_; ++column) {
    const Cell& cell = cells_[static_cast<std::size_t>(row * columns_ + column)];
    if (cell.dots != 0)
      text += coloured(down_ == 1 ? std::string(1, cell.mark) : braille(cell.dots), cell.colour, colour);
    else
      text += cell.shade ? coloured(cell.shade, cell.shade_colour, colour) : " ";
  }
  return text;
}

std::string coloured(const std::string& text, int colour, bool wanted) {
  if (!wanted || colour < 0) return text;
  return "\x1b[38;5;" + std::to_string(colour) + "m" + text + "\x1b[0m";
}

}  // namespace hooke::plots
