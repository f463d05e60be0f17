#include "worker/agent/devices.h"

#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <utility>

namespace hooke::agent {
namespace {

// Of workers on one GPU. Later ones are not counted.
constexpr int kPlaces = 64;

// On the first GPU whose lowest free place is the lowest of all: the order makes it safe to start many
// workers at once.
void claim_one(const std::vector<sdk::Gpu>& gpus, Devices& devices) {
  for (int place = 0; place < kPlaces; ++place)
    for (const sdk::Gpu& gpu : gpus) {
      auto claim = Claim::take(gpu, place);
      if (!claim) continue;
      devices.names.push_back(gpu.device);
      devices.claims.push_back(std::move(*claim));
      if (place > 0) spdlog::warn("{} is used by another worker, too", gpu.device);
      return;
    }
  devices.names.push_back(gpus.front().device);
}

bool is_gpu(const std::string& device) {
  return device.starts_with("cuda");
}

Devices told_devices(const std::vector<std::string>& told, const std::vector<sdk::Gpu>& gpus) {
  Devices devices;
  for (const std::string& name : told) {
    const std::string wanted = name == "cuda" ? "cuda:0" : name;
    const auto gpu = std::find_if(gpus.begin(), gpus.end(),
                                  [&](const sdk::Gpu& candidate) { return candidate.device == wanted; });
    if (gpu == gpus.end())
      devices.names.push_back(name);  // the trainer says what is wrong with it, if anything is
    else
      claim_one({*gpu}, devices);
  }
  return devices;
}

}  // namespace

std::optional<Claim> Claim::take(const sdk::Gpu& gpu, int place) {
  // A name without a file: its first byte is 0.
  const std::string name = std::string(1, '\0') + "hooke-gpu/" + gpu.address + "/" + std::to_string(place);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (name.size() > sizeof address.sun_path) return Claim(-1);
  std::copy(name.begin(), name.end(), address.sun_path);
  // Not closed when the trainer is started: it uses the GPU.
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM, 0);
  if (socket < 0) return Claim(-1);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  if (::bind(socket, reinterpret_cast<const sockaddr*>(&address), size) == 0) return Claim(socket);
  const bool taken = errno == EADDRINUSE;
  ::close(socket);
  if (taken) return std::nullopt;
  return Claim(-1);
}

Claim::~Claim() {
  if (socket_ >= 0) ::close(socket_);
}

Claim::Claim(Claim&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}

std::vector<std::string> devices_of_task(const sdk::Environment& environment) {
  std::vector<std::string> devices;
  const auto visible = environment("CUDA_VISIBLE_DEVICES");
  const bool given = visible && *visible != "NoDevFiles" && *visible != "-1";
  if (given)
    for (auto i = 0; i <= std::count(visible->begin(), visible->end(), ','); ++i)
      devices.push_back("cuda:" + std::to_string(i));
  if (devices.empty()) devices.push_back("cpu");
  return devices;
}

Devices choose_devices(const std::vector<std::string>& told, const sdk::Environment& environment,
                       const std::filesystem::path& trainer, const std::string& driver) {
  if (environment("SLURM_JOB_ID")) return {told.empty() ? devices_of_task(environment) : told, {}};
  if (!told.empty()) {
    const bool any = std::any_of(told.begin(), told.end(), is_gpu);
    return told_devices(told, any ? sdk::usable_gpus(trainer, driver).usable : std::vector<sdk::Gpu>());
  }
  const sdk::Gpus gpus = sdk::usable_gpus(trainer, driver);
  if (!gpus.complaint.empty()) spdlog::warn(gpus.complaint);
  if (gpus.usable.empty()) return {{"cpu"}, {}};
  Devices devices;
  claim_one(gpus.usable, devices);
  spdlog::info("trains on {}, one of {} GPU(s) here; --devices names others", devices.names.front(),
               gpus.usable.size());
  return devices;
}

}  // namespace hooke::agent
