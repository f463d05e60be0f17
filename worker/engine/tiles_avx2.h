// The loops of tiles.h compiled for AVX2 with FMA; only where the CPU has both.
#pragma once

#include "worker/engine/tiles.h"

namespace hooke::engine {

template <typename T>
const Tiles<T>& avx2_tiles();

}  // namespace hooke::engine
