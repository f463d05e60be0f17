// One prediction of many probes, as the engine computes it and as LibTorch can: what a measurement
// consists of, nearly.
#pragma once

#include <string>

namespace hooke::bench {

// Prints one line for each way, milliseconds on one thread, the best of `rounds`.
int run_forward(const std::string& model, int probes, int rounds);

}  // namespace hooke::bench
