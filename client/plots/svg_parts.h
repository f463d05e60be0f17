// Pieces that the drawings of svg.h share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "client/plots/svg.h"
#include "client/plots/text.h"

namespace hooke::plots {

inline constexpr double kFontSize = 12;
inline constexpr double kSmallFontSize = 11;
inline constexpr double kLineHeight = 16;

// An SVG that grows element by element. Coordinates are pixels from the upper left corner.
class SvgPage {
 public:
  explicit SvgPage(const SvgOptions& options) : options_(options) {}

  // The colour of text and axes.
  const char* ink() const { return options_.document ? "#222222" : "currentColor"; }

  void raw(std::string_view markup) { body_ += markup; }
  void open(const std::string& group) { body_ += "<g class=\"" + group + "\">\n"; }
  void close() { body_ += "</g>\n"; }
  void line(double x1, double y1, double x2, double y2, const std::string& attributes = {});
  void rect(double x, double y, double width, double height, const std::string& attributes);
  // `anchor`: start, middle or end; `attributes` begin with a space.
  void text(double x, double y, const std::string& text, const char* anchor = "start",
            const std::string& attributes = {});
  void path(const std::string& data, const std::string& attributes);

  // The whole, of this size. `label` is what a screen reader says.
  std::string finish(double width, double height, const std::string& label) const;

 private:
  const SvgOptions& options_;
  std::string body_;
};

// " name="value"", escaped.
std::string attribute(const std::string& name, const std::string& value);
std::string attribute(const std::string& name, double value);

// "12.5,3"
std::string point(double x, double y);

// Words of the lines in rows of at most this width; a longer word stands alone.
std::vector<std::string> wrapped(const std::vector<std::string>& lines, double width, double font_size);

}  // namespace hooke::plots
