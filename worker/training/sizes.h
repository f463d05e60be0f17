// The grid of learning rates at which S is measured at probes.size_steps, and its series' keys.
// Pure functions; no LibTorch.
#pragma once

#include <string>
#include <vector>

#include "worker/engine/measures.h"

namespace hooke::training {

// 1e-7, 3e-7, 1e-6, 3e-6 and so on below `largest`, then `largest` itself, which is above 0.
std::vector<double> size_rates(double largest);

// "elasticity/size.kl@3e-06": the rate in its shortest form.
std::string size_key(engine::Measure measure, double rate);
// "elasticity/size.kl@limit": to first order in the rate.
std::string size_limit_key(engine::Measure measure);

}  // namespace hooke::training
