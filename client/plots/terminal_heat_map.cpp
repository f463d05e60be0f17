#include <algorithm>
#include <cmath>

#include "client/plots/axis.h"
#include "client/plots/terminal.h"
#include "client/plots/text.h"

namespace hooke::plots {
namespace {

constexpr std::size_t kLongestName = 16;
constexpr std::size_t kWidestCell = 12;

// The nearest of a terminal's colour cube.
int terminal_colour(const Rgb& colour) {
  const auto step = [](int channel) { return (channel * 5 + 127) / 255; };
  return 16 + 36 * step(colour.red) + 6 * step(colour.green) + step(colour.blue);
}

class TerminalHeatMap {
 public:
  TerminalHeatMap(const HeatMap& map, const TerminalOptions& options)
      : map_(map), options_(options), scale_(map), classes_(map.names.size()) {
    for (const std::string& name : map.names) names_ = std::max(names_, columns_of(shown(name)));
    std::size_t widest = 1;
    for (const std::string& text : map.texts) widest = std::max(widest, columns_of(text) + 2);
    const auto columns = static_cast<std::size_t>(options.columns);
    const std::size_t room =
        columns > names_ + 2 ? (columns - names_ - 2) / std::max<std::size_t>(1, classes_) : 1;
    figures_ = widest <= room;
    cell_ = std::max<std::size_t>(
        1, std::min({figures_ ? std::max(widest + 2, std::size_t{8}) : 2, room, kWidestCell}));
  }

  std::vector<std::string> draw() const {
    std::vector<std::string> lines;
    const auto columns = static_cast<std::size_t>(options_.columns);
    if (!map_.title.empty())
      lines.push_back(shortened(printable(map_.title, options_.ascii), columns, options_.ascii));
    std::string header(names_ + 1, ' ');
    for (const std::string& name : map_.names) header += centred(shown(name));
    if (figures_) lines.push_back(header);
    for (std::size_t row = 0; row < classes_; ++row) {
      const std::string name = shown(map_.names[row]);
      std::string line = std::string(names_ - columns_of(name), ' ') + name + " ";
      for (std::size_t column = 0; column < classes_; ++column) line += cell(row, column);
      lines.push_back(line);
    }
    lines.push_back("rows respond, columns were updated; [ ] is the class itself");
    if (options_.colour || !figures_) lines.push_back(key());
    for (const std::string& note : map_.notes) lines.push_back(printable(note, options_.ascii));
    return lines;
  }

 private:
  std::string shown(const std::string& name) const {
    return shortened(printable(name, options_.ascii), kLongestName, options_.ascii);
  }
  std::string centred(const std::string& text) const {
    std::string fit = text;
    for (std::size_t n = cell_ - 1; columns_of(fit) > cell_ - 1 && n > 1; --n)
      fit = shortened(text, n, options_.ascii);
    const std::size_t left = cell_ > columns_of(fit) ? cell_ - columns_of(fit) : 0;
    return std::string(left / 2, ' ') + fit + std::string(left - left / 2, ' ');
  }

  std::string cell(std::size_t row, std::size_t column) const {
    const std::size_t at = row * classes_ + column;
    const bool own = row == column;
    std::string text = std::string(cell_, ' ');
    if (figures_)
      text = centred(own ? "[" + map_.texts[at] + "]" : map_.texts[at]);
    else if (own && cell_ >= 2)
      text = "[]" + std::string(cell_ - 2, ' ');
    return block(map_.values[at], text);
  }

  std::string block(double value, std::string text) const {
    const Rgb colour = scale_.colour(value);
    if (options_.colour)
      return "\x1b[48;5;" + std::to_string(terminal_colour(colour)) + ";38;5;" +
             (colour.is_dark() ? "231" : "16") + "m" + text + "\x1b[0m";
    // Shades stand for colours, where no figure does.
    if (figures_ || text.find_first_not_of(' ') != std::string::npos) return text;
    static constexpr const char* kShades[] = {" ", "░", "▒", "▓", "█"};
    static constexpr const char* kAscii[] = {" ", ".", "+", "*", "#"};
    const auto shade = static_cast<std::size_t>(std::lround(scale_.share(value) * 4));
    std::string blocks;
    for (std::size_t i = 0; i < text.size(); ++i) blocks += (options_.ascii ? kAscii : kShades)[shade];
    return blocks;
  }

  // Least to greatest, as a bar.
  std::string key() const {
    const Axis axis = make_axis(scale_.low(), scale_.high(), {.log = scale_.log(), .ascii = options_.ascii});
    std::string text = printable(map_.value_title, options_.ascii) + ": ";
    for (const Tick& tick : axis.ticks) text += block(tick.at, " ") + " " + tick.label + "  ";
    return text + axis.note;
  }

  const HeatMap& map_;
  const TerminalOptions& options_;
  const ColourScale scale_;
  const std::size_t classes_;
  std::size_t names_ = 0, cell_ = 1;
  bool figures_ = false;
};

}  // namespace

std::vector<std::string> terminal_lines(const HeatMap& map, const TerminalOptions& options) {
  return TerminalHeatMap(map, options).draw();
}

}  // namespace hooke::plots
