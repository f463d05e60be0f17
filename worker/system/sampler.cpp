#include "worker/system/sampler.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>

namespace hooke::system {
namespace {

// Of all threads of this process.
double cpu_seconds() {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + 1e-9 * static_cast<double>(used.tv_nsec);
}

std::optional<double> resident_bytes() {
  std::ifstream pages("/proc/self/statm");
  double total = 0, resident = 0;
  if (!(pages >> total >> resident)) return std::nullopt;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

std::optional<double> used_bytes() {
  std::ifstream info("/proc/meminfo");
  std::map<std::string, double> kibibytes;  // "MemTotal:" and so on
  std::string name, rest;
  for (double value = 0; info >> name >> value; std::getline(info, rest)) kibibytes[name] = value;
  if (!kibibytes.contains("MemTotal:") || !kibibytes.contains("MemAvailable:")) return std::nullopt;
  return 1024 * (kibibytes["MemTotal:"] - kibibytes["MemAvailable:"]);
}

}  // namespace

Sampler::Sampler(int threads, Gpus gpus, Clock::time_point begin)
    : threads_(std::max(1, threads)),
      gpus_(std::move(gpus)),
      last_(begin),
      due_(begin),
      period_(kShortest),
      cpu_seconds_(cpu_seconds()) {}

Values Sampler::sample(Clock::time_point now) {
  Values values;
  if (now < due_ || now <= last_) return values;
  const double used = cpu_seconds(), passed = std::chrono::duration<double>(now - last_).count();
  values.emplace_back("system/cpu.utilization", 100 * (used - cpu_seconds_) / (passed * threads_));
  if (const auto bytes = resident_bytes()) values.emplace_back("system/memory.rss", *bytes);
  if (const auto bytes = used_bytes()) values.emplace_back("system/memory.used", *bytes);
  gpus_.read(values);
  last_ = now;
  cpu_seconds_ = used;
  due_ = now + period_;
  period_ = std::min<Clock::duration>(2 * period_, kLongest);
  return values;
}

}  // namespace hooke::system
