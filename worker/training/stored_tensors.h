// Tensors as plain bytes and back. Pure functions; any thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "worker/training/state.h"

namespace hooke::training {

StoredTensor store(const std::string& name, const at::Tensor& tensor);

// A tensor like the stored one, on `device`. Throws hooke::Error (kDataLoss) when the stored one's
// parts do not fit each other.
at::Tensor load(const StoredTensor& stored, at::Device device);

// Overwrites the values of `tensor`, which stays the same object. Throws hooke::Error
// (kFailedPrecondition) that names the tensor when type or sizes differ.
void load_into(const StoredTensor& stored, at::Tensor tensor);

}  // namespace hooke::training
