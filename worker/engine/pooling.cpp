#include "worker/engine/pooling.h"

#include <algorithm>

namespace hooke::engine {
namespace {

// First and last input row (or column) that an output's window covers.
struct Range {
  std::size_t first, last;
};

Range covered(const Window& window, std::size_t position, std::size_t size) {
  const std::size_t begin = position * window.stride, end = begin + window.kernel;
  return {begin > window.padding ? begin - window.padding : 0,
          std::min(end > window.padding ? end - window.padding : 0, size)};
}

// Calls use(output position, input position) for every pair that belongs together, row by row.
template <typename Use>
void for_each_candidate(const Window& window, Use use) {
  for (std::size_t oy = 0; oy < window.out_height; ++oy) {
    const Range y = covered(window, oy, window.height);
    for (std::size_t ox = 0; ox < window.out_width; ++ox) {
      const Range x = covered(window, ox, window.width);
      for (std::size_t iy = y.first; iy < y.last; ++iy) {
        for (std::size_t ix = x.first; ix < x.last; ++ix) {
          use(oy * window.out_width + ox, iy * window.width + ix, iy == y.first && ix == x.first);
        }
      }
    }
  }
}

// Calls use(output number, input number) for every output and its maximum, the first one row by row.
template <typename T, typename Use>
void for_each_maximum(const Window& window, const T* in, Use use) {
  const std::size_t n = window.channels;
  for (std::size_t oy = 0; oy < window.out_height; ++oy) {
    const Range y = covered(window, oy, window.height);
    for (std::size_t ox = 0; ox < window.out_width; ++ox) {
      const Range x = covered(window, ox, window.width);
      for (std::size_t c = 0; c < n; ++c) {
        std::size_t best = (y.first * window.width + x.first) * n + c;
        for (std::size_t iy = y.first; iy < y.last; ++iy) {
          for (std::size_t ix = x.first; ix < x.last; ++ix) {
            const std::size_t at = (iy * window.width + ix) * n + c;
            if (in[at] > in[best] || in[at] != in[at]) best = at;
          }
        }
        use((oy * window.out_width + ox) * n + c, best);
      }
    }
  }
}

}  // namespace

template <typename T>
void max_pool(const Window& window, const T* in, T* out) {
  const std::size_t n = window.channels;
  for_each_candidate(window, [&](std::size_t to, std::size_t from, bool first) {
    T* __restrict largest = out + to * n;
    const T* __restrict candidate = in + from * n;
    if (first) {
      std::copy(candidate, candidate + n, largest);
      return;
    }
    for (std::size_t c = 0; c < n; ++c) {
      // NaN wins and stays.
      const bool stays = candidate[c] <= largest[c] || largest[c] != largest[c];
      largest[c] = stays ? largest[c] : candidate[c];
    }
  });
}

template <typename T>
void max_pool_back(const Window& window, const T* in, const T* out_error, T* in_error) {
  for_each_maximum(window, in, [&](std::size_t to, std::size_t from) { in_error[from] += out_error[to]; });
}

template <typename T>
void max_pool_tangent(const Window& window, const T* in, const T* in_tangent, T* out_tangent) {
  for_each_maximum(window, in, [&](std::size_t to, std::size_t from) { out_tangent[to] = in_tangent[from]; });
}

template <typename T>
void mean_pool(const Window& window, const T* in, T* out) {
  const std::size_t n = window.channels, positions = window.height * window.width;
  std::copy(in, in + n, out);
  for (std::size_t p = 1; p < positions; ++p) {
    for (std::size_t c = 0; c < n; ++c) out[c] += in[p * n + c];
  }
  for (std::size_t c = 0; c < n; ++c) out[c] /= static_cast<T>(positions);
}

template <typename T>
void mean_pool_back(const Window& window, const T* out_error, T* in_error) {
  const std::size_t n = window.channels, positions = window.height * window.width;
  for (std::size_t p = 0; p < positions; ++p) {
    for (std::size_t c = 0; c < n; ++c) in_error[p * n + c] += out_error[c] / static_cast<T>(positions);
  }
}

template void max_pool<float>(const Window&, const float*, float*);
template void max_pool<double>(const Window&, const double*, double*);
template void max_pool_back<float>(const Window&, const float*, const float*, float*);
template void max_pool_back<double>(const Window&, const double*, const double*, double*);
template void max_pool_tangent<float>(const Window&, const float*, const float*, float*);
template void max_pool_tangent<double>(const Window&, const double*, const double*, double*);
template void mean_pool<float>(const Window&, const float*, float*);
template void mean_pool<double>(const Window&, const double*, double*);
template void mean_pool_back<float>(const Window&, const float*, float*);
template void mean_pool_back<double>(const Window&, const double*, double*);

}  // namespace hooke::engine
