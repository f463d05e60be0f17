// The GPUs of this machine that a worker can train on, as hooke-trainer says: it may have been built without
// CUDA.
//
// Functions without state. Any thread may call them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace hooke::sdk {

struct Gpu {
  std::string device;   // as LibTorch names it: "cuda:0"
  std::string address;  // its place on the PCI bus, the same for every process of this machine
};

struct Gpus {
  std::vector<Gpu> usable;
  std::string complaint;  // why visible GPUs cannot be used; empty when they can, or when there is none
};

// Where CUDA's driver is installed (`driver`, as the loader finds it) the trainer is asked, which takes some
// seconds; elsewhere there is no GPU. Does not throw.
Gpus usable_gpus(const std::filesystem::path& trainer, const std::string& driver = "libcuda.so.1");

// What `hooke-trainer --about` printed, in these terms: what usable_gpus() decides by. Does not throw.
Gpus gpus_in(const std::string& about);

}  // namespace hooke::sdk
