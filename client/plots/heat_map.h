// What a class-by-class matrix shows, apart from how it is drawn; and its colours.
//
// Plain values and pure functions; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace hooke::plots {

struct HeatMap {
  std::string title;
  std::string value_title;         // what the colours mean, as "kl, mean"
  std::vector<std::string> names;  // of K classes
  std::vector<double> values;      // K x K, row-major [responding][updated]
  std::vector<std::string> texts;  // of the cells, parallel to `values`, as "0.41"
  std::vector<std::string> tips;   // more about them, as "0.38 to 0.44, 400 pairs"; may be empty
  bool is_signed = false;          // colours run from one hue through white at 0 to the other
  std::vector<std::string> notes;
};

struct Rgb {
  int red, green, blue;
  std::string hex() const;  // "#rrggbb"
  bool is_dark() const;     // whether white text is read better on it than black
};

// From values to colours: diverging around 0 where signed, else from the least to the greatest value; on a
// log scale where all are positive and span 1 to 1000.
class ColourScale {
 public:
  explicit ColourScale(const HeatMap& map);

  // From 0 to 1; 0 for what is not finite.
  double share(double value) const;
  // Grey for what is not finite.
  Rgb colour(double value) const;
  double low() const { return low_; }
  double high() const { return high_; }
  bool log() const { return log_; }

 private:
  double low_ = 0, high_ = 1;
  bool log_ = false, diverging_ = false;
};

}  // namespace hooke::plots
