// Which devices a worker trains on: those that it was told; in a Slurm task those that Slurm gave it; else
// one GPU, if the trainer can use any, and if not the CPU.
//
// Workers of one machine, of whatever user, keep to GPUs of their own while there are enough. Each holds a
// place on its GPU, 0, 1, …: an abstract Unix socket's name. There is nothing to clean up: it is gone with
// the processes that hold it, the worker and its trainer. Workers in containers with a network of their own
// are not seen.
//
// Owned by main(); used from its thread alone.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "client/sdk/endpoint.h"
#include "client/sdk/gpus.h"

namespace hooke::agent {

class Claim {
 public:
  // Nothing when another worker holds that place. Where there are no such sockets every place is free.
  static std::optional<Claim> take(const sdk::Gpu& gpu, int place);
  ~Claim();
  Claim(Claim&& other) noexcept;
  Claim& operator=(Claim&&) = delete;

 private:
  explicit Claim(int socket) : socket_(socket) {}

  int socket_;
};

inline constexpr const char* kDevicesHelp =
    "Devices, as cuda:0,cuda:1: the first trains, all measure (default: in a Slurm task those that it has; "
    "else one "
    "GPU, of which other workers here use none if there is one; else cpu)";

struct Devices {
  std::vector<std::string> names;  // as LibTorch has them; at least one
  std::vector<Claim> claims;       // to the GPUs among them
};

// What Slurm gave a task: "cuda:0", "cuda:1", … (CUDA_VISIBLE_DEVICES numbers its GPUs anew), "cpu" without
// any.
std::vector<std::string> devices_of_task(const sdk::Environment& environment);

// `told` is what a person wants; empty: nothing. The log says what was chosen for whom nothing was told, and
// which GPU other workers use, too. Does not throw.
Devices choose_devices(const std::vector<std::string>& told, const sdk::Environment& environment,
                       const std::filesystem::path& trainer, const std::string& driver = "libcuda.so.1");

}  // namespace hooke::agent
