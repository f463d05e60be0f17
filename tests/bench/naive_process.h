// The naive procedure in a child process: with malloc as it is, and threads of its own.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdio>
#include <vector>

namespace hooke::bench {

class NaiveProcess {
 public:
  // Starts this program again, with `--naive` after its arguments; it answers each line with the
  // seconds of a round and all means. Throws hooke::Error (kInternal).
  explicit NaiveProcess(char** argv);
  ~NaiveProcess();
  NaiveProcess(const NaiveProcess&) = delete;
  NaiveProcess& operator=(const NaiveProcess&) = delete;

  // Seconds of one round; `means` gets its means, `count` of them.
  double round(std::vector<double>& means, std::size_t count);

 private:
  pid_t child_ = 0;
  std::FILE* to_ = nullptr;
  std::FILE* from_ = nullptr;
};

}  // namespace hooke::bench
