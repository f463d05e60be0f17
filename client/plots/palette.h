// Colours and dashes that tell curves apart, for people with any colour vision and on paper without colour.
//
// The colours are Okabe and Ito's (2008) but for black and yellow, which vanish on dark and on white paper.
#pragma once

#include <array>
#include <cstddef>

#include "client/plots/figure.h"

namespace hooke::plots {

struct Colour {
  const char* hex;  // #rrggbb
  int terminal;     // the nearest of a terminal's 256
};
inline constexpr std::array<Colour, 6> kColours = {{{"#0072b2", 32},
                                                    {"#d55e00", 166},
                                                    {"#009e73", 36},
                                                    {"#cc79a7", 175},
                                                    {"#e69f00", 214},
                                                    {"#56b4e9", 74}}};

struct Dash {
  const char* svg;  // stroke-dasharray; empty: solid
  int on, off;      // dots of a terminal
  char mark;        // where there are letters only
};
inline constexpr std::array<Dash, 6> kDashes = {{{"", 1, 0, '*'},
                                                 {"7 3", 6, 3, '+'},
                                                 {"2 2.5", 1, 1, 'o'},
                                                 {"9 3 2 3", 4, 2, 'x'},
                                                 {"12 3", 8, 2, '#'},
                                                 {"5 2 2 2 2 2", 2, 2, '@'}}};

// How a curve is drawn; a fit without a colour of its own is in ink, without `colour`.
struct Stroke {
  const Colour* colour = nullptr;
  const Dash* dash = nullptr;
};

// `number` counts the curves that take the next colour; after the last one the dashes move on.
inline Stroke stroke_of(const Curve& curve, std::size_t& number) {
  if (curve.is_fit) return {curve.colour ? &kColours[*curve.colour % kColours.size()] : nullptr, &kDashes[1]};
  const std::size_t next = curve.colour.value_or(number);
  const std::size_t dash = curve.dash.value_or(next + next / kColours.size());
  if (!curve.colour) ++number;
  return {&kColours[next % kColours.size()], &kDashes[dash % kDashes.size()]};
}

}  // namespace hooke::plots
