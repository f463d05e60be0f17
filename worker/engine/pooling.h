// Pooling of one probe's value [height][width][channels], and the way back.
#pragma once

#include <cstddef>

namespace hooke::engine {

struct Window {
  std::size_t channels = 0, height = 1, width = 1;  // of the input
  std::size_t out_height = 1, out_width = 1;
  std::size_t kernel = 1, stride = 1, padding = 0;
};

template <typename T>
void max_pool(const Window& window, const T* in, T* out);
// Adds each output's error where its maximum stands: the first one, row by row.
template <typename T>
void max_pool_back(const Window& window, const T* in, const T* out_error, T* in_error);

// The tangent of each output: that of the input where its maximum stands.
template <typename T>
void max_pool_tangent(const Window& window, const T* in, const T* in_tangent, T* out_tangent);

template <typename T>
void mean_pool(const Window& window, const T* in, T* out);
template <typename T>
void mean_pool_back(const Window& window, const T* out_error, T* in_error);

}  // namespace hooke::engine
