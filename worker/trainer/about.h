// What a machine offers to the trainer: `hooke doctor`, `hooke up` and workers ask for it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace hooke::trainer {

// A JSON object: version, libtorch, threads, blas {name, file, fast}, cudaBuild, devices [{name, what}] that
// LibTorch can use, gpus ["0000:65:00.0"] that the driver shows, in the order of cuda:0, cuda:1, …, dataSets
// [{set, folder, origin}] as found below `data_roots`. Loads no data; does not throw.
std::string about(const std::vector<std::filesystem::path>& data_roots);

}  // namespace hooke::trainer
