// A tensor's values on the CPU. Pure; any thread.
#pragma once

#include <ATen/ATen.h>

#include <vector>

namespace hooke::engine {

// All elements of a tensor of any shape, device and type, row by row.
inline std::vector<double> to_doubles(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.detach().to(at::kCPU, at::kDouble).contiguous();
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

}  // namespace hooke::engine
