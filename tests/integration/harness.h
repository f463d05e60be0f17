// The real programs, started in a folder of their own: server, workers, command line.
//
// Owned by a test; used from its thread. Whatever it started is ended with it, by process id. What a
// sanitizer has found in any of the programs fails the test.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace hooke::harness {

using Environment = std::map<std::string, std::string>;

// The series, scalars and entries of matrices, whose bits tell whether two runs are the same.
inline const std::vector<const char*> kComparedKeys{"train/loss", "train/accuracy", "test/loss",
                                                    "elasticity/kl[a,b]", "elasticity/l2[d,d]"};

// How many times as long everything may take: under a sanitizer more than once.
int patience();

// build/<preset>/bin/NAME.
std::filesystem::path program(const std::string& name);

// A child process with its output in files.
class Process {
 public:
  // Starts `command`; stdout goes to `base`.out, stderr to `base`.err.
  Process(const std::vector<std::string>& command, const Environment& environment,
          const std::filesystem::path& base);
  ~Process();  // SIGKILL when it still runs
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void signal(int number) const;
  // Exit status, or 128 + signal; nullopt when it still runs after `timeout` (longer under a sanitizer).
  std::optional<int> wait(std::chrono::milliseconds timeout);
  bool running() { return !wait(std::chrono::milliseconds(0)).has_value(); }

  pid_t pid() const { return pid_; }
  std::string out() const;
  std::string err() const;

 private:
  pid_t pid_;
  std::filesystem::path base_;
  std::optional<int> status_;
};

// What a finished command left.
struct Result {
  int exit_code = -1;
  std::string out;
  std::string err;
};

// A temporary folder with a server's data, spools and generated images, and the programs on it.
class House {
 public:
  struct Options {
    double lease_period_s = 60;  // longer under a sanitizer
    bool auth = true;
    bool tls = false;                     // with a certificate of its own
    Environment server_environment = {};  // of hooked alone
    Environment worker_environment = {};  // of workers and their trainers
  };
  House() : House(Options{}) {}
  explicit House(Options options);
  ~House();
  House(const House&) = delete;
  House& operator=(const House&) = delete;

  const std::filesystem::path& folder() const { return folder_; }
  int port() const { return port_; }
  int http_port() const { return http_port_; }
  // The server's certificate, which signs itself; empty without TLS.
  std::string certificate() const;
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  // For commands that are started as a Process.
  Environment environment() const;

  // Starts the server (again, on the port that it had) and waits until it answers.
  void start_server();
  Process& server() { return *server_; }
  void stop_server(int signal_number);  // and waits for its end

  // Starts another worker; `name` tells them apart, and their spools unless `extra` has another.
  Process& start_worker(const std::string& name, const std::vector<std::string>& extra = {});

  // Runs `hooke ARGUMENTS…` to its end.
  Result hooke(const std::vector<std::string>& arguments, const Environment& extra = {});
  // The same, which must succeed; returns stdout.
  std::string answer(const std::vector<std::string>& arguments);

  // Writes a configuration file for the generated images; returns its path. `rest` is YAML for
  // everything beside data, as "training: {epochs: 2}".
  std::string config(const std::string& rest);

  // Submits one run and returns its id.
  std::string submit(const std::string& config_file, const std::vector<std::string>& extra = {});

  // The column of `hooke runs list -o csv` for a run, as column("state").
  std::string run_column(const std::string& run, const std::string& column);
  // The last stored step of a run; -1 before the first.
  long step_of(const std::string& run);

 private:
  std::filesystem::path folder_;
  Options options_;
  int port_ = 0;
  int http_port_ = 0;
  int commands_ = 0;
  std::unique_ptr<Process> server_;
  std::vector<std::unique_ptr<Process>> workers_;
};

// Waits until `condition` holds; false after `timeout` (longer under a sanitizer).
bool eventually(const std::function<bool()>& condition,
                std::chrono::seconds timeout = std::chrono::seconds(60));

// Rows of a CSV text without quoting, header included.
std::vector<std::vector<std::string>> csv(const std::string& text);

// The processes whose parent is `pid`.
std::vector<pid_t> children_of(pid_t pid);

}  // namespace hooke::harness
