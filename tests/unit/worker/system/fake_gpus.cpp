// Stands for CUDA's driver and for NVML, as worker/system looks for them: two boards, of which the driver
// counts the second one first, as it does with CUDA_VISIBLE_DEVICES=1,0. The second board knows no power.
#include <cstdio>
#include <cstring>

namespace {

constexpr int kInvalid = 2, kNotSupported = 3;

struct Board {
  const char* bus_id;
  unsigned utilization, milliwatts, degrees;
  unsigned long long used;
};
Board boards[] = {{"0000:17:00.0", 11, 71'500, 31, 1ull << 30}, {"0000:65:00.0", 22, 0, 42, 3ull << 40}};

Board& at(void* device) {
  return *static_cast<Board*>(device);
}

}  // namespace

extern "C" {

int cuInit(unsigned flags) {
  return flags == 0 ? 0 : kInvalid;
}

int cuDeviceGet(int* device, int ordinal) {
  if (ordinal < 0 || ordinal > 1) return kInvalid;
  *device = 1 - ordinal;
  return 0;
}

int cuDeviceGetPCIBusId(char* text, int size, int device) {
  std::snprintf(text, static_cast<std::size_t>(size), "%s", boards[device].bus_id);
  return 0;
}

int nvmlInit_v2() {
  return 0;
}

int nvmlShutdown() {
  return 0;
}

int nvmlDeviceGetHandleByPciBusId_v2(const char* bus_id, void** device) {
  for (Board& board : boards) {
    if (std::strcmp(board.bus_id, bus_id) != 0) continue;
    *device = &board;
    return 0;
  }
  return kInvalid;
}

int nvmlDeviceGetUtilizationRates(void* device, unsigned* gpu_and_memory) {
  gpu_and_memory[0] = at(device).utilization;
  gpu_and_memory[1] = 99;
  return 0;
}

int nvmlDeviceGetMemoryInfo(void* device, unsigned long long* total_free_used) {
  total_free_used[0] = 4ull << 40;
  total_free_used[1] = total_free_used[0] - at(device).used;
  total_free_used[2] = at(device).used;
  return 0;
}

int nvmlDeviceGetPowerUsage(void* device, unsigned* milliwatts) {
  if (at(device).milliwatts == 0) return kNotSupported;
  *milliwatts = at(device).milliwatts;
  return 0;
}

int nvmlDeviceGetTemperature(void* device, int sensor, unsigned* degrees) {
  if (sensor != 0) return kInvalid;
  *degrees = at(device).degrees;
  return 0;
}
}
