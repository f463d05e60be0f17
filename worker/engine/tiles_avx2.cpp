#include "worker/engine/tiles_avx2.h"

#include "worker/engine/tiles.inc"

namespace hooke::engine {

template <typename T>
const Tiles<T>& avx2_tiles() {
  static constexpr Tiles<T> table = {product<T>, step<T>};
  return table;
}

template const Tiles<float>& avx2_tiles<float>();
template const Tiles<double>& avx2_tiles<double>();

}  // namespace hooke::engine
