#include "client/plots/svg_parts.h"

namespace hooke::plots {

std::string attribute(const std::string& name, const std::string& value) {
  return " " + name + "=\"" + escaped(value) + "\"";
}

std::string attribute(const std::string& name, double value) {
  return " " + name + "=\"" + coordinate(value) + "\"";
}

std::string point(double x, double y) {
  return coordinate(x) + "," + coordinate(y);
}

void SvgPage::line(double x1, double y1, double x2, double y2, const std::string& attributes) {
  body_ += "<line" + attribute("x1", x1) + attribute("y1", y1) + attribute("x2", x2) + attribute("y2", y2) +
           attributes + "/>\n";
}

void SvgPage::rect(double x, double y, double width, double height, const std::string& attributes) {
  body_ += "<rect" + attribute("x", x) + attribute("y", y) + attribute("width", width) +
           attribute("height", height) + attributes + "/>\n";
}

void SvgPage::text(double x, double y, const std::string& text, const char* anchor,
                   const std::string& attributes) {
  body_ += "<text" + attribute("x", x) + attribute("y", y);
  if (std::string_view(anchor) != "start") body_ += attribute("text-anchor", std::string(anchor));
  body_ += attributes + ">" + escaped(text) + "</text>\n";
}

void SvgPage::path(const std::string& data, const std::string& attributes) {
  body_ += "<path d=\"" + data + "\"" + attributes + "/>\n";
}

std::string SvgPage::finish(double width, double height, const std::string& label) const {
  std::string all = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + coordinate(width, 0) + " " +
                    coordinate(height, 0) + "\"" + attribute("width", coordinate(width, 0)) +
                    attribute("height", coordinate(height, 0)) +
                    " role=\"img\" font-family=\"Helvetica, Arial, 'Liberation Sans', sans-serif\"" +
                    attribute("font-size", kFontSize) + attribute("fill", std::string(ink())) +
                    attribute("aria-label", label) + ">\n";
  if (options_.document)
    all = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + all +
          "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n";
  return all + body_ + "</svg>\n";
}

std::vector<std::string> wrapped(const std::vector<std::string>& lines, double width, double font_size) {
  std::vector<std::string> rows;
  for (const std::string& line : lines) {
    std::string row;
    for (std::size_t at = 0; at < line.size();) {
      const auto end = std::min(line.find(' ', at), line.size());
      const std::string word = line.substr(at, end - at);
      if (!row.empty() && width_of(row + " " + word) * font_size > width) {
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

}  // namespace hooke::plots
