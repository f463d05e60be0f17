// What a machine offers to the trainer: `hooke doctor` asks for it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace hooke::trainer {

// A JSON object: version, libtorch, threads, blas {name, file, fast}, devices [{name, what}], dataSets
// [{set, folder, origin}] as found below `data_roots`. Loads no data; does not throw.
std::string about(const std::vector<std::filesystem::path>& data_roots);

}  // namespace hooke::trainer
