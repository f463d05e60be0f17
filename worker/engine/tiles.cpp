#include "worker/engine/tiles.h"

#include "worker/engine/tiles.inc"
#include "worker/engine/tiles_avx2.h"

namespace hooke::engine {

template <typename T>
const Tiles<T>& tiles() {
  static constexpr Tiles<T> any = {product<T>, step<T>};
#ifdef HOOKE_TILES_AVX2
  static const bool fast = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (fast) return avx2_tiles<T>();
#endif
  return any;
}

template const Tiles<float>& tiles<float>();
template const Tiles<double>& tiles<double>();

}  // namespace hooke::engine
