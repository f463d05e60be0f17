// From a stored series to what the models of phases are fitted to. Pure functions, callable from any thread.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "server/analysis/phases.h"
#include "server/analysis/sample.h"

namespace hooke::analysis {

// The usable points, on the analysed scale.
struct Points {
  std::vector<Step> step;
  std::vector<double> value;
  std::vector<double> weight;
};

// The sample, and how to get back from it.
struct Prepared {
  Points points;
  Sample sample;
  std::size_t fewest = 1;            // points of a segment
  double first_step = 0, steps = 1;  // step = first_step + steps * x
  double low = 0, range = 1;         // value = low + range * y

  double step_of(double x) const { return first_step + steps * x; }
};

// Log or linear. Throws hooke::Error (kInvalidArgument, field "scale") for a log scale that cannot be.
Scale choose_scale(std::span<const Step> steps, std::span<const double> values, Scale wanted,
                   std::vector<std::string>& remarks);

// Leaves out what is not finite.
Points usable(std::span<const Step> steps, std::span<const double> values, std::span<const double> sd,
              Scale scale, std::vector<std::string>& remarks);

// REQUIRES: at least kFewestPoints points, not all of one value.
Prepared prepare(Points points, int min_segment);

// A number for a message, with up to six digits.
std::string text_of(double value);

}  // namespace hooke::analysis
