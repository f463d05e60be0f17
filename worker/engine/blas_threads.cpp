#include "worker/engine/blas_threads.h"

#include <dlfcn.h>

namespace hooke::engine {
namespace {

// OpenBLAS is found at run time, since the BLAS behind LibTorch is the system's choice.
template <typename Function>
Function* symbol(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}

}  // namespace

BlasThreads::BlasThreads(int threads) {
  if (auto* get = symbol<int()>("openblas_get_num_threads")) before_ = get();
  if (before_ != 0) set_blas_threads(threads);
}

BlasThreads::~BlasThreads() {
  if (before_ != 0) set_blas_threads(before_);
}

void set_blas_threads(int threads) {
  if (auto* set = symbol<void(int)>("openblas_set_num_threads")) set(threads);
}

}  // namespace hooke::engine
