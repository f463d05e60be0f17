#include "tests/bench/naive_process.h"

#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "proto/hooke/error.h"

namespace hooke::bench {

NaiveProcess::NaiveProcess(char** argv) {
  int in[2], out[2];
  if (pipe(in) != 0 || pipe(out) != 0) throw Error(Code::kInternal, "no pipe");
  child_ = fork();
  if (child_ == 0) {
    dup2(in[0], 0);
    dup2(out[1], 1);
    for (const int end : {in[0], in[1], out[0], out[1]}) close(end);
    std::vector<char*> arguments;
    for (char** argument = argv; *argument; ++argument) arguments.push_back(*argument);
    std::string role = "--naive";
    arguments.push_back(role.data());
    arguments.push_back(nullptr);
    execv("/proc/self/exe", arguments.data());
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  to_ = fdopen(in[1], "w");
  from_ = fdopen(out[0], "r");
}

NaiveProcess::~NaiveProcess() {
  std::fclose(to_);
  std::fclose(from_);
  waitpid(child_, nullptr, 0);
}

double NaiveProcess::round(std::vector<double>& means, std::size_t count) {
  std::fputs("go\n", to_);
  std::fflush(to_);
  double time = 0;
  bool good = std::fscanf(from_, "%la", &time) == 1;
  means.resize(count);
  for (double& mean : means) good = good && std::fscanf(from_, "%la", &mean) == 1;
  if (!good) throw Error(Code::kInternal, "the process of the naive procedure died");
  return time;
}

}  // namespace hooke::bench
