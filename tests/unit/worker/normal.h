// What tests of nets have in common.
#pragma once

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <atomic>
#include <cstdint>

namespace hooke::tests {

// A cancellation that never comes.
inline const std::atomic<bool> kNever = false;

// Standard normal numbers of that shape, the same for the same seed; drawn in double, whatever the type.
inline at::Tensor normal(at::IntArrayRef sizes, std::uint64_t seed, at::ScalarType type = at::kDouble) {
  return at::randn(sizes, at::make_generator<at::CPUGeneratorImpl>(seed), at::kDouble).to(type);
}

}  // namespace hooke::tests
