// What the GPUs of a training do, as NVIDIA's management library (NVML) says.
//
// The library and the driver's own are looked for when the program runs; nothing is linked and no header is
// needed. Where one of them or a GPU is missing there is nothing to read, and nothing is said of it. One
// thread.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace hooke::system {

// Series key, value.
using Values = std::vector<std::pair<std::string, double>>;

// The PCI addresses, as "0000:65:00.0", of the GPUs that CUDA's driver shows to this process (it knows
// CUDA_VISIBLE_DEVICES and CUDA_DEVICE_ORDER), in the order of cuda:0, cuda:1, …; none without a driver.
std::vector<std::string> visible_gpus(const std::string& cuda = "libcuda.so.1");

class Gpus {
 public:
  // As the loader finds them.
  struct Libraries {
    std::string cuda = "libcuda.so.1";
    std::string nvml = "libnvidia-ml.so.1";
  };

  // `devices` as LibTorch names them, with commas between: of those that are "cuda" or "cuda:N". Which
  // board "cuda:N" is says the driver, which knows CUDA_VISIBLE_DEVICES and CUDA_DEVICE_ORDER.
  explicit Gpus(const std::string& devices) : Gpus(devices, Libraries()) {}
  Gpus(const std::string& devices, const Libraries& libraries);
  Gpus(Gpus&& other) noexcept;
  ~Gpus();

  // Appends system/gpu.utilization (percent of the time in which a kernel ran), .memory (bytes in use on
  // the board, by whoever), .power (W) and .temperature (°C) of the first GPU; of the second one
  // system/gpu.utilization@1, and so on. What a board cannot say is left out.
  void read(Values& values) const;

 private:
  struct Nvml;
  struct Gpu {
    std::string suffix;  // of its series' keys
    void* handle = nullptr;
  };

  std::unique_ptr<Nvml> nvml_;  // none: there is nothing to read
  std::vector<Gpu> gpus_;
};

}  // namespace hooke::system
