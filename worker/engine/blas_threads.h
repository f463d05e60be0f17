// The number of threads of OpenBLAS, which LibTorch does not set.
//
// It is one number for the whole process: only the thread that owns training and measurement
// changes it. Without OpenBLAS in the process (MKL, a CUDA build) everything here does nothing.
#pragma once

namespace hooke::engine {

// Sets OpenBLAS's threads for a scope and restores them.
class BlasThreads {
 public:
  explicit BlasThreads(int threads);
  ~BlasThreads();
  BlasThreads(const BlasThreads&) = delete;
  BlasThreads& operator=(const BlasThreads&) = delete;

 private:
  int before_ = 0;  // 0: no OpenBLAS
};

// Sets them for good.
void set_blas_threads(int threads);

}  // namespace hooke::engine
