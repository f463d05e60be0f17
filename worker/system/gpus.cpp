#include "worker/system/gpus.h"

#include <dlfcn.h>

#include <charconv>
#include <optional>
#include <sstream>

namespace hooke::system {
namespace {

// "cuda" is 0, "cuda:2" is 2; others are no GPU.
std::optional<int> ordinal_of(const std::string& device) {
  const std::string prefix = "cuda:";
  if (device == "cuda") return 0;
  if (!device.starts_with(prefix)) return std::nullopt;
  int ordinal = 0;
  const char* end = device.data() + device.size();
  const auto [read, failure] = std::from_chars(device.data() + prefix.size(), end, ordinal);
  if (failure != std::errc() || read != end || ordinal < 0) return std::nullopt;
  return ordinal;
}

// A library of the machine. It stays open: it may have threads of its own.
class Library {
 public:
  explicit Library(const std::string& name) : handle_(::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL)) {}

  // False when the library or the function is missing.
  template <typename Function>
  bool find(const char* name, Function*& function) const {
    function = handle_ ? reinterpret_cast<Function*>(::dlsym(handle_, name)) : nullptr;
    return function != nullptr;
  }

 private:
  void* handle_;
};

// CUDA's driver: which board a device is.
class Driver {
 public:
  explicit Driver(const Library& library) {
    is_usable_ = library.find("cuInit", init_) && library.find("cuDeviceGet", get_) &&
                 library.find("cuDeviceGetPCIBusId", bus_id_) && init_(0) == kSuccess;
  }

  // "0000:65:00.0"; nothing when there is no such device.
  std::optional<std::string> bus_id(int ordinal) const {
    int device = 0;
    char text[64] = {};
    if (!is_usable_ || get_(&device, ordinal) != kSuccess) return std::nullopt;
    if (bus_id_(text, sizeof text, device) != kSuccess) return std::nullopt;
    return text;
  }

 private:
  static constexpr int kSuccess = 0;

  int (*init_)(unsigned) = nullptr;
  int (*get_)(int*, int) = nullptr;
  int (*bus_id_)(char*, int, int) = nullptr;
  bool is_usable_ = false;
};

}  // namespace

// The functions of nvml.h that are called, with its types spelt out.
struct Gpus::Nvml {
  static constexpr int kSuccess = 0;
  static constexpr int kTemperatureOfTheChip = 0;
  struct Utilization {
    unsigned gpu, memory;  // percent
  };
  struct Memory {
    unsigned long long total, free, used;  // bytes
  };

  explicit Nvml(const Library& library) {
    is_usable = library.find("nvmlInit_v2", init) && library.find("nvmlShutdown", shutdown) &&
                library.find("nvmlDeviceGetHandleByPciBusId_v2", handle_by_bus_id) &&
                library.find("nvmlDeviceGetUtilizationRates", utilization) &&
                library.find("nvmlDeviceGetMemoryInfo", memory) &&
                library.find("nvmlDeviceGetPowerUsage", power) &&
                library.find("nvmlDeviceGetTemperature", temperature) && init() == kSuccess;
  }
  ~Nvml() {
    if (is_usable) shutdown();
  }
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  int (*init)() = nullptr;
  int (*shutdown)() = nullptr;
  int (*handle_by_bus_id)(const char*, void**) = nullptr;
  int (*utilization)(void*, Utilization*) = nullptr;
  int (*memory)(void*, Memory*) = nullptr;
  int (*power)(void*, unsigned*) = nullptr;  // milliwatts
  int (*temperature)(void*, int, unsigned*) = nullptr;
  bool is_usable = false;
};

std::vector<std::string> visible_gpus(const std::string& cuda) {
  const Driver driver{Library(cuda)};
  std::vector<std::string> addresses;
  while (auto address = driver.bus_id(static_cast<int>(addresses.size())))
    addresses.push_back(std::move(*address));
  return addresses;
}

Gpus::Gpus(const std::string& devices, const Libraries& libraries) {
  std::vector<int> ordinals;
  std::istringstream rest(devices);
  for (std::string device; std::getline(rest, device, ',');)
    if (const auto ordinal = ordinal_of(device)) ordinals.push_back(*ordinal);
  if (ordinals.empty()) return;
  const Driver driver{Library(libraries.cuda)};
  nvml_ = std::make_unique<Nvml>(Library(libraries.nvml));
  if (!nvml_->is_usable) return;
  for (std::size_t i = 0; i < ordinals.size(); ++i) {
    Gpu gpu{i == 0 ? "" : "@" + std::to_string(i), nullptr};
    const auto bus_id = driver.bus_id(ordinals[i]);
    if (bus_id && nvml_->handle_by_bus_id(bus_id->c_str(), &gpu.handle) == Nvml::kSuccess)
      gpus_.push_back(gpu);
  }
}

Gpus::Gpus(Gpus&& other) noexcept = default;
Gpus::~Gpus() = default;

void Gpus::read(Values& values) const {
  for (const Gpu& gpu : gpus_) {
    const auto add = [&](int answer, const char* name, double value) {
      if (answer == Nvml::kSuccess) values.emplace_back("system/gpu." + (name + gpu.suffix), value);
    };
    Nvml::Utilization utilization{};
    Nvml::Memory memory{};
    unsigned milliwatts = 0, degrees = 0;
    int answer = nvml_->utilization(gpu.handle, &utilization);
    add(answer, "utilization", utilization.gpu);
    answer = nvml_->memory(gpu.handle, &memory);
    add(answer, "memory", static_cast<double>(memory.used));
    answer = nvml_->power(gpu.handle, &milliwatts);
    add(answer, "power", milliwatts / 1000.0);
    answer = nvml_->temperature(gpu.handle, Nvml::kTemperatureOfTheChip, &degrees);
    add(answer, "temperature", degrees);
  }
}

}  // namespace hooke::system
