#include "client/sdk/gpus.h"

#include <dlfcn.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "client/process/program.h"

namespace hooke::sdk {
namespace {

using nlohmann::json;

bool is_there(const std::string& library) {
  void* handle = ::dlopen(library.c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (handle != nullptr) ::dlclose(handle);
  return handle != nullptr;
}

// LibTorch takes some seconds to find GPUs, and more on a busy machine.
constexpr std::chrono::minutes kPatience{2};

}  // namespace

Gpus gpus_in(const std::string& about) {
  Gpus gpus;
  try {
    const json facts = json::parse(about);
    // One that was built elsewhere may be older, and say nothing of addresses.
    const json visible = facts.value("gpus", json::array());
    for (const json& device : facts.at("devices")) {
      const std::string name = device.at("name");
      if (!name.starts_with("cuda:")) continue;
      const std::size_t place = gpus.usable.size();
      gpus.usable.push_back({name, place < visible.size() ? visible[place].get<std::string>() : name});
    }
    if (!gpus.usable.empty() || visible.empty()) return gpus;
    const std::string count = visible.size() == 1 ? "1 GPU is" : std::to_string(visible.size()) + " GPUs are";
    gpus.complaint = count + " visible, but " +
                     (facts.at("cudaBuild").get<bool>() ? "LibTorch finds none (see `hooke doctor`)"
                                                        : "hooke-trainer was built without CUDA") +
                     ": the CPU is used";
    return gpus;
  } catch (const json::exception&) {
    return {{}, "hooke-trainer does not say what it can use: the CPU is used; try hooke-trainer --about"};
  }
}

Gpus usable_gpus(const std::filesystem::path& trainer, const std::string& driver) {
  if (!is_there(driver)) return {};
  return gpus_in(process::output_of({trainer.string(), "--about"}, kPatience).value_or(""));
}

}  // namespace hooke::sdk
