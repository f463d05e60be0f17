#include <algorithm>
#include <cmath>

#include "client/plots/axis.h"
#include "client/plots/canvas.h"
#include "client/plots/palette.h"
#include "client/plots/terminal.h"
#include "client/plots/text.h"

namespace hooke::plots {
namespace {

constexpr int kFaint = 244, kElasticShade = 214;
constexpr int kFewestCanvasRows = 4;
constexpr std::size_t kLaneNameColumns = 10;

class TerminalCurves {
 public:
  TerminalCurves(const Figure& figure, const TerminalOptions& options)
      : figure_(figure), options_(options), extent_(extent_of(figure)) {
    std::size_t number = 0;
    for (const Curve& curve : figure.curves) strokes_.push_back(stroke_of(curve, number));
    lettered_ = std::count_if(figure.curves.begin(), figure.curves.end(),
                              [](const Curve& curve) { return !curve.name.empty() && !curve.is_fit; }) > 1;
  }

  std::vector<std::string> draw() {
    heading();
    const std::vector<std::string> notes = note_rows();
    // Below: the axis, its labels, its title.
    const int below = 3 + static_cast<int>(figure_.lanes.size());
    const int rows =
        std::max(kFewestCanvasRows, options_.rows - static_cast<int>(lines_.size() + notes.size()) - below);
    y_ = make_axis(
        extent_.y_low, extent_.y_high,
        {.log = extent_.log, .round_ends = true, .ascii = options_.ascii, .at_most = std::max(3, rows / 3)});
    std::size_t labels = columns_of(y_.note);
    for (const Tick& tick : y_.ticks) labels = std::max(labels, columns_of(tick.label));
    for (const Lane& lane : figure_.lanes) labels = std::max(labels, columns_of(lane_name(lane)));
    labels_ = static_cast<int>(labels);
    const int letters = lettered_ ? 2 : 0;
    const int columns = std::max(8, options_.columns - labels_ - 2 - letters);
    x_ = make_axis(extent_.x_low, extent_.x_high,
                   {.whole = true, .ascii = options_.ascii, .at_most = std::max(2, columns / 12)});
    Canvas canvas(columns, rows, options_.ascii);
    phases(canvas);
    for (std::size_t i = 0; i < figure_.curves.size(); ++i) band(canvas, figure_.curves[i], i);
    for (std::size_t i = 0; i < figure_.curves.size(); ++i) curve(canvas, figure_.curves[i], i);
    rows_of(canvas);
    lanes(columns);
    x_labels(columns);
    lines_.insert(lines_.end(), notes.begin(), notes.end());
    for (std::string& line : lines_) line.erase(line.find_last_not_of(' ') + 1);
    return lines_;
  }

 private:
  const char* pick(const char* unicode, const char* ascii) const { return options_.ascii ? ascii : unicode; }
  int colour_of(std::size_t i) const { return strokes_[i].colour ? strokes_[i].colour->terminal : kFaint; }
  char letter_of(std::size_t i) const {
    std::size_t before = 0;
    for (std::size_t k = 0; k < i; ++k)
      before += !figure_.curves[k].is_fit && !figure_.curves[k].name.empty();
    return before < 26 ? static_cast<char>('a' + before) : '?';
  }
  std::string shown(const std::string& text) const { return printable(text, options_.ascii); }
  // What fits into so many columns.
  std::string fitted(const std::string& text, std::size_t columns) const {
    std::string fit = shown(text);
    for (std::size_t n = columns; columns_of(fit) > columns && n > 1; --n)
      fit = shortened(shown(text), n, options_.ascii);
    return fit;
  }
  std::string lane_name(const Lane& lane) const { return fitted(lane.name, kLaneNameColumns); }

  const std::vector<Transition>& transitions() const {
    return figure_.lanes.size() == 1 ? figure_.lanes[0].transitions : figure_.transitions;
  }

  void heading() {
    const auto columns = static_cast<std::size_t>(options_.columns);
    if (!figure_.title.empty()) lines_.push_back(fitted(figure_.title, columns));
    if (!figure_.y_title.empty() && figure_.y_title != figure_.title)
      lines_.push_back(fitted(figure_.y_title + (extent_.log ? " (log scale)" : ""), columns));
    std::string row;
    for (std::size_t i = 0; i < figure_.curves.size(); ++i) {
      const Curve& curve = figure_.curves[i];
      if (curve.name.empty()) continue;
      const std::string sample = options_.ascii ? std::string(2, mark_of(i)) : curve.is_fit ? "╌╌" : "━━";
      const std::string letter = lettered_ && !curve.is_fit ? std::string(1, letter_of(i)) + " " : "";
      const std::string name = letter + fitted(curve.name, columns - 6);
      const std::size_t wide = 3 + columns_of(name);
      if (!row.empty() && legend_columns_ + 2 + wide > columns) {
        lines_.push_back(row);
        row.clear();
        legend_columns_ = 0;
      }
      if (!row.empty()) row += "  ";
      legend_columns_ += wide + (row.empty() ? 0 : 2);
      row += coloured(sample, colour_of(i), options_.colour) + " " + name;
    }
    if (!row.empty()) lines_.push_back(row);
  }

  std::vector<std::string> note_rows() const {
    std::vector<std::string> all = gap_notes(figure_), rows;
    all.insert(all.begin(), figure_.notes.begin(), figure_.notes.end());
    const auto columns = static_cast<std::size_t>(options_.columns);
    for (const std::string& note : all) {
      std::string row;
      for (std::size_t at = 0; at < note.size();) {
        const auto end = std::min(note.find(' ', at), note.size());
        const std::string word = fitted(note.substr(at, end - at), columns);
        if (!row.empty() && columns_of(row) + 1 + columns_of(word) > columns) {
          rows.push_back(row);
          row.clear();
        }
        row += (row.empty() ? "" : " ") + word;
        at = end + 1;
      }
      rows.push_back(row);
    }
    return rows;
  }

  char mark_of(std::size_t i) const { return figure_.curves[i].is_fit ? '.' : strokes_[i].dash->mark; }
  static int place(double share, int count) {
    return std::clamp(static_cast<int>(std::lround(share * (count - 1))), 0, count - 1);
  }
  int dot_x(const Canvas& canvas, double x) const {
    return place(x_.position(std::clamp(x, x_.low, x_.high)), canvas.width());
  }
  int dot_y(const Canvas& canvas, double y) const {
    return canvas.height() - 1 - place(y_.position(std::clamp(y, y_.low, y_.high)), canvas.height());
  }

  // Transitions through all rows; the interval as a faint line at the top; 0 of signed figures.
  void phases(Canvas& canvas) const {
    if (figure_.zero_line && y_.low < 0 && y_.high > 0 && !y_.log)
      for (int column = 0; column < canvas.columns(); ++column)
        canvas.shade(column, canvas.row_of(dot_y(canvas, 0)), pick("┄", "-"), kFaint);
    for (const Transition& transition : transitions()) {
      const int at = canvas.column_of(dot_x(canvas, transition.at));
      if (std::isfinite(transition.low) && std::isfinite(transition.high))
        for (int column = canvas.column_of(dot_x(canvas, transition.low));
             column <= canvas.column_of(dot_x(canvas, transition.high)); ++column)
          for (int row = 0; row < canvas.rows(); ++row)
            canvas.shade(column, row, row == 0 ? pick("─", "-") : pick("·", "."), kFaint);
      for (int row = 0; row < canvas.rows(); ++row) canvas.shade(at, row, pick("│", "|"), kElasticShade);
    }
  }

  // Sparse dots between its ends.
  void band(Canvas& canvas, const Curve& curve, std::size_t i) const {
    if (curve.low.empty() || options_.ascii) return;
    for (std::size_t k = 0; k < curve.x.size(); ++k) {
      if (!std::isfinite(curve.low[k]) || !std::isfinite(curve.high[k])) continue;
      const bool on =
          k + 1 < curve.x.size() && std::isfinite(curve.low[k + 1]) && std::isfinite(curve.high[k + 1]);
      const std::size_t next = on ? k + 1 : k;
      const int from = dot_x(canvas, curve.x[k]), to = dot_x(canvas, curve.x[next]);
      const int low_from = dot_y(canvas, curve.low[k]), low_to = dot_y(canvas, curve.low[next]);
      const int high_from = dot_y(canvas, curve.high[k]), high_to = dot_y(canvas, curve.high[next]);
      for (int x = from; x <= to; ++x) {
        if (x % 2 != 0) continue;
        const double share = to > from ? static_cast<double>(x - from) / (to - from) : 0;
        const auto between = [share](int a, int b) {
          return static_cast<int>(std::lround(a + share * (b - a)));
        };
        for (int y = between(high_from, high_to); y <= between(low_from, low_to); ++y)
          if ((y + x / 2 % 2 * 2) % 4 == 0) canvas.dot(x, y, colour_of(i), '.');
      }
    }
  }

  void curve(Canvas& canvas, const Curve& curve, std::size_t i) const {
    const auto [on, off] =
        curve.is_fit ? std::pair(2, 2) : std::pair(strokes_[i].dash->on, strokes_[i].dash->off);
    // Where colours tell curves apart dashes need not.
    const bool solid = (options_.colour && !curve.is_fit) || options_.ascii;
    const Canvas::Pen pen{colour_of(i), mark_of(i), solid ? 1 : on, solid ? 0 : off};
    int travelled = 0;
    for (const Stretch& stretch : stretches(curve))
      for (std::size_t k = stretch.first; k < stretch.last; ++k) {
        const std::size_t from = k > stretch.first ? k - 1 : k;
        travelled = canvas.line(dot_x(canvas, curve.x[from]), dot_y(canvas, curve.y[from]),
                                dot_x(canvas, curve.x[k]), dot_y(canvas, curve.y[k]), pen, travelled);
      }
  }

  // Letters at the right of the curves' last points.
  std::vector<std::string> ends(const Canvas& canvas) const {
    std::vector<std::string> letters(static_cast<std::size_t>(canvas.rows()));
    if (!lettered_) return letters;
    for (std::size_t i = 0; i < figure_.curves.size(); ++i) {
      const Curve& curve = figure_.curves[i];
      const auto all = stretches(curve);
      if (curve.is_fit || curve.name.empty() || all.empty()) continue;
      auto row = static_cast<std::size_t>(canvas.row_of(dot_y(canvas, curve.y[all.back().last - 1])));
      // A place nearby where another curve ends there too.
      for (std::size_t away = 0; away < letters.size(); ++away) {
        if (row + away < letters.size() && letters[row + away].empty())
          row += away;
        else if (row >= away && letters[row - away].empty())
          row -= away;
        else
          continue;
        break;
      }
      if (letters[row].empty())
        letters[row] = coloured(std::string(1, letter_of(i)), colour_of(i), options_.colour);
    }
    return letters;
  }

  std::string left_padded(const std::string& text) const {
    return std::string(static_cast<std::size_t>(std::max(0, labels_ - static_cast<int>(columns_of(text)))),
                       ' ') +
           text;
  }

  void rows_of(const Canvas& canvas) {
    std::vector<std::string> labels(static_cast<std::size_t>(canvas.rows()));
    for (const Tick& tick : y_.ticks)
      labels[static_cast<std::size_t>(canvas.row_of(dot_y(canvas, tick.at)))] = tick.label;
    const auto letters = ends(canvas);
    if (!y_.note.empty()) lines_.push_back(left_padded(y_.note));
    for (int row = 0; row < canvas.rows(); ++row) {
      const auto at = static_cast<std::size_t>(row);
      std::string line =
          left_padded(labels[at]) + " " + (labels[at].empty() ? pick("│", "|") : pick("┤", "+"));
      line += canvas.row(row, options_.colour);
      if (!letters[at].empty()) line += " " + letters[at];
      lines_.push_back(line);
    }
    if (extent_.empty) lines_.push_back(left_padded("") + "  no finite value");
  }

  // A row for each run: elastic stretches stand out, transitions are a bar.
  void lanes(int columns) {
    for (const Lane& lane : figure_.lanes) {
      Canvas strip(columns, 1, options_.ascii);
      for (const Phase& phase : lane.phases)
        for (int c = strip.column_of(dot_x(strip, phase.from)); c <= strip.column_of(dot_x(strip, phase.to));
             ++c)
          strip.shade(c, 0, phase.elastic ? pick("▓", "#") : pick("░", "."),
                      phase.elastic ? kElasticShade : kFaint);
      for (const Transition& transition : lane.transitions)
        strip.shade(strip.column_of(dot_x(strip, transition.at)), 0, pick("│", "|"), kElasticShade);
      lines_.push_back(left_padded(lane_name(lane)) + "  " + strip.row(0, options_.colour));
    }
  }

  void x_labels(int columns) {
    std::string axis = left_padded("") + " " + pick("└", "+");
    std::vector<bool> ticked(static_cast<std::size_t>(columns));
    const int start = labels_ + 2;
    std::string labels(static_cast<std::size_t>(start + columns), ' ');
    std::size_t free_from = 0;
    for (const Tick& tick : x_.ticks) {
      const int at = place(x_.position(tick.at), columns);
      ticked[static_cast<std::size_t>(at)] = true;
      const int width = static_cast<int>(tick.label.size());
      const int from = std::clamp(start + at - width / 2, 0, start + columns - width);
      if (from < 0 || static_cast<std::size_t>(from) < free_from) continue;
      labels.replace(static_cast<std::size_t>(from), tick.label.size(), tick.label);
      free_from = static_cast<std::size_t>(from + width + 1);
    }
    for (const bool tick : ticked) axis += tick ? pick("┬", "+") : pick("─", "-");
    lines_.push_back(axis);
    lines_.push_back(labels);
    std::string title = fitted(figure_.x_title, static_cast<std::size_t>(columns));
    if (!figure_.lanes.empty())
      title += std::string("   ") + pick("▓", "#") + " elastic  " + pick("░", ".") + " inelastic";
    title = fitted(title, static_cast<std::size_t>(columns));
    const int before = start + std::max(0, (columns - static_cast<int>(columns_of(title))) / 2);
    lines_.push_back(std::string(static_cast<std::size_t>(before), ' ') + title);
  }

  const Figure& figure_;
  const TerminalOptions& options_;
  const Extent extent_;
  std::vector<Stroke> strokes_;  // of the curves
  bool lettered_ = false;        // letters tell the curves apart
  std::size_t legend_columns_ = 0;
  int labels_ = 0;
  Axis x_, y_;
  std::vector<std::string> lines_;
};

}  // namespace

std::vector<std::string> terminal_lines(const Figure& figure, const TerminalOptions& options) {
  return TerminalCurves(figure, options).draw();
}

}  // namespace hooke::plots
