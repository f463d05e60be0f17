// The fixed features of a net of type ridge.
#pragma once

#include "worker/models/net.h"

namespace hooke::models {

// h(x) = max(0, Wx) in float64, on the CPU: inputs [examples][...] to [examples][features].
// REQUIRES: `net` was made with type "ridge".
at::Tensor ridge_features(const Net& net, const at::Tensor& inputs);

// Its weights [outputs][features], likewise; a copy.
at::Tensor ridge_weights(const Net& net);

}  // namespace hooke::models
