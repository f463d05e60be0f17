// The measures that need no update: of the probes' gradients and of what the last layer sees.
#pragma once

#include <vector>

#include "worker/engine/engine.h"
#include "worker/engine/measured_net.h"

namespace hooke::engine {

// One result for each of `measures` that needs no update. The net is loaded, and traced where
// there is one. Throws hooke::Error (kUnimplemented, "measures") for collapse of a net that is not
// known layer by layer.
std::vector<Result> measure_without_update(MeasuredNet& net, const Grouping& grouping, const Truth& truth,
                                           const Predictions& before, const std::vector<Measure>& measures,
                                           bool keep_pairs);

}  // namespace hooke::engine
