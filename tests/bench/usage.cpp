#include "tests/bench/usage.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace hooke::bench {

Usage usage_of(pid_t process) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::path("/proc") / std::to_string(process);
  Usage usage;
  std::string stat;
  std::getline(std::ifstream(folder / "stat"), stat);
  const auto name_end = stat.rfind(')');
  if (name_end == std::string::npos) return usage;
  // Fields 3 to 24 of proc(5); 14 and 15 are times in ticks, 20 threads, 24 resident pages.
  std::istringstream fields(stat.substr(name_end + 1));
  std::string field;
  double ticks = 0;
  for (int number = 3; number <= 24 && fields >> field; ++number) {
    if (number == 14 || number == 15) ticks += std::stod(field);
    if (number == 20) usage.threads = std::stoll(field);
    if (number == 24) usage.resident_bytes = std::stoll(field) * ::sysconf(_SC_PAGESIZE);
  }
  usage.cpu_s = ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
  std::error_code error;
  usage.handles = std::distance(fs::directory_iterator(folder / "fd", error), fs::directory_iterator());
  return usage;
}

std::int64_t raise_handles() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<std::int64_t>(limit.rlim_cur);
}

}  // namespace hooke::bench
