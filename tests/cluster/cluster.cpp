#include "tests/cluster/cluster.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>

namespace hooke::harness {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kPatience{90};

bool is_free(int port) {
  const int file = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool bound = ::bind(file, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  ::close(file);
  return bound;
}

// The first of a row of ports, below those that the kernel hands out.
int free_ports(int count) {
  for (int first = 20'000 + static_cast<int>(::getpid() % 1000) * 10; first < 32'000; first += count + 1) {
    int port = first;
    while (port < first + count && is_free(port)) ++port;
    if (port == first + count) return first;
  }
  throw std::runtime_error("no free ports");
}

std::string read_file(const fs::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

pid_t parent_of(pid_t pid) {
  const std::string stat = read_file("/proc/" + std::to_string(pid) + "/stat");
  char state = 0;
  pid_t parent = 0;
  if (const auto end = stat.rfind(')'); end != std::string::npos)
    std::stringstream(stat.substr(end + 1)) >> state >> parent;
  return parent;
}

// Processes with all of these in their environment.
std::vector<pid_t> processes_with(const Environment& variables) {
  std::vector<pid_t> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const std::string block = '\0' + read_file(entry.path() / "environ");
    bool all = true;
    for (const auto& [key, value] : variables)
      all = all && block.find('\0' + key + "=" + value + '\0') != std::string::npos;
    if (all) found.push_back(static_cast<pid_t>(std::stol(name)));
  }
  return found;
}

}  // namespace

Cluster::Cluster(int nodes) : nodes_(nodes), port_(free_ports(nodes + 1)) {
  std::string pattern = (fs::temp_directory_path() / "hooke-slurm-XXXXXX").string();
  if (!::mkdtemp(pattern.data())) throw std::runtime_error("no temporary folder");
  folder_ = pattern;
  const Result result = slurm_up("start");
  if (result.exit_code != 0) throw std::runtime_error("no Slurm: " + result.err);
}

Cluster::~Cluster() {
  if (testing::Test::HasFailure())
    std::cerr << "--- slurmctld.log\n" << read_file(folder_ / "cluster/log/slurmctld.log");
  slurm_up("stop");
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

Environment Cluster::environment() const {
  return {{"SLURM_CONF", (folder_ / "cluster/slurm.conf").string()}};
}

Result Cluster::slurm_up(const std::string& verb) {
  Environment variables{{"SLURM_UP_DIR", (folder_ / "cluster").string()},
                        {"SLURM_UP_NODES", std::to_string(nodes_)},
                        {"SLURM_UP_PORT", std::to_string(port_)}};
  Process process({"/bin/bash", HOOKE_SLURM_UP, verb}, variables, folder_ / verb);
  const auto status = process.wait(kPatience);
  return {status.value_or(-1), process.out(), process.err()};
}

Result Cluster::run(const std::vector<std::string>& command) {
  std::vector<std::string> words{"/usr/bin/env"};
  words.insert(words.end(), command.begin(), command.end());
  Process process(words, environment(), folder_ / ("command-" + std::to_string(commands_++)));
  const auto status = process.wait(kPatience);
  return {status.value_or(-1), process.out(), process.err()};
}

std::string Cluster::answer(const std::vector<std::string>& command) {
  const Result result = run(command);
  EXPECT_EQ(result.exit_code, 0) << command.at(0) << ": " << result.err;
  return result.out;
}

std::string Cluster::field(const std::string& task, const std::string& name) {
  const std::string text = " " + run({"scontrol", "-o", "show", "job", task}).out;
  const auto at = text.find(" " + name + "=");
  if (at == std::string::npos) return {};
  const auto begin = at + name.size() + 2;
  return text.substr(begin, text.find(' ', begin) - begin);
}

pid_t Cluster::process_on(const std::string& node, const std::string& name) {
  Environment marks = environment();
  marks["SLURMD_NODENAME"] = node;
  for (const pid_t pid : processes_with(marks))
    if (read_file("/proc/" + std::to_string(pid) + "/comm") == name + "\n") return pid;
  return 0;
}

void Cluster::kill_node(const std::string& node) {
  const std::string daemon = read_file(folder_ / "cluster/run" / ("slurmd-" + node + ".pid"));
  ::kill(static_cast<pid_t>(std::stol(daemon)), SIGKILL);
  Environment marks = environment();
  marks["SLURMD_NODENAME"] = node;
  const auto tasks = processes_with(marks);
  // First what watches them and would tell their end.
  for (const pid_t task : tasks) {
    const pid_t parent = parent_of(task);
    if (read_file("/proc/" + std::to_string(parent) + "/cmdline").starts_with("slurmstepd"))
      ::kill(parent, SIGKILL);
  }
  for (const pid_t task : tasks) ::kill(task, SIGKILL);
}

}  // namespace hooke::harness
