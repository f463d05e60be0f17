#include "worker/trainer/about.h"

#include <dlfcn.h>
#include <torch/torch.h>
#include <torch/version.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "hooke_version.h"
#include "worker/data/data.h"
#include "worker/system/gpus.h"

namespace hooke::trainer {
namespace {

using nlohmann::ordered_json;

// The library whose matrix product is called, whatever alternatives of the system lead to it.
ordered_json blas() {
  if (at::hasMKL()) return {{"name", "MKL"}, {"file", ""}, {"fast", true}};
  void* product = ::dlsym(RTLD_DEFAULT, "sgemm_");
  Dl_info place{};
  if (product == nullptr || ::dladdr(product, &place) == 0)
    return {{"name", "within LibTorch"}, {"file", ""}, {"fast", true}};
  std::error_code ignored;
  auto file = std::filesystem::canonical(place.dli_fname, ignored);
  if (ignored) file = place.dli_fname;
  std::string name = "reference";
  for (const char* known : {"openblas", "blis", "atlas", "mkl"})
    if (file.string().find(known) != std::string::npos) name = known;
  return {{"name", name}, {"file", file.string()}, {"fast", name != "reference"}};
}

ordered_json devices() {
  ordered_json all = ordered_json::array();
  all.push_back(
      {{"name", "cpu"}, {"what", std::to_string(std::thread::hardware_concurrency()) + " threads"}});
  for (std::size_t i = 0; torch::cuda::is_available() && i < torch::cuda::device_count(); ++i)
    all.push_back({{"name", "cuda:" + std::to_string(i)}, {"what", "GPU"}});
  return all;
}

}  // namespace

std::string about(const std::vector<std::filesystem::path>& data_roots) {
  ordered_json sets = ordered_json::array();
  for (const data::StandardSet& set : data::standard_sets(data_roots))
    sets.push_back({{"set", set.name}, {"folder", set.folder.string()}, {"origin", set.origin}});
  const ordered_json all{{"version", kVersion},
                         {"libtorch", TORCH_VERSION},
                         {"threads", std::thread::hardware_concurrency()},
                         {"blas", blas()},
                         {"cudaBuild", at::hasCUDA()},
                         {"devices", devices()},
                         {"gpus", system::visible_gpus()},
                         {"dataSets", sets}};
  return all.dump(2, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace hooke::trainer
