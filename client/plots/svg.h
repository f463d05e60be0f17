// A figure as Scalable Vector Graphics: for a paper, or inside a page.
//
// Pure functions; any thread. Text stays text, names are escaped, and no identifiers are used, so that many
// figures can stand in one document.
#pragma once

#include <string>

#include "client/plots/figure.h"
#include "client/plots/heat_map.h"

namespace hooke::plots {

struct SvgOptions {
  int width = 640;   // of the drawing, in CSS pixels
  int height = 400;  // of curves and axes; legend, lanes and notes come on top of it
  // A document of its own on white paper; else an element of a page, in the page's ink.
  bool document = true;
};

// Throws hooke::Error (kInvalidArgument) as extent_of().
std::string svg(const Figure& figure, const SvgOptions& options = {});

// As wide as its cells need, within options.width where that is possible.
std::string svg(const HeatMap& map, const SvgOptions& options = {});

}  // namespace hooke::plots
