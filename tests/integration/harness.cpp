#include "tests/integration/harness.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace hooke::harness {
namespace {

using std::chrono::milliseconds;
namespace fs = std::filesystem;

// Long for a busy machine; nothing waits for it when all goes well.
constexpr milliseconds kPatience{60'000};

// Of programs under a sanitizer: what it finds goes to files `base`.sanitizer.PID, whatever becomes of the
// process, of its output and of the processes that it starts.
constexpr const char* kSanitizers[] = {"ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"};

Environment with_reports(Environment environment, const fs::path& base) {
  for (const char* name : kSanitizers)
    if (const char* options = std::getenv(name))
      environment.emplace(name, std::string(options) + ":log_path=" + base.string() + ".sanitizer");
  return environment;
}

constexpr int kSide = 8;
constexpr int kClasses = 4;
constexpr int kPerClass = 60;

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

std::string big_endian(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

// For 127.0.0.1, signed by itself.
void make_certificate(const std::string& certificate, const std::string& key, const fs::path& log) {
  Process process(
      {"/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
       "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
       "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", key, "-out", certificate},
      Environment{}, log);
  if (process.wait(kPatience) != 0) throw std::runtime_error("no certificate: " + process.err());
}

// Images whose class is told by a bright quarter, with noise from a fixed generator.
void write_idx(const fs::path& folder, const std::string& prefix, std::uint32_t seed) {
  const int count = kClasses * kPerClass;
  std::string images = big_endian(0x803) + big_endian(count) + big_endian(kSide) + big_endian(kSide);
  std::string labels = big_endian(0x801) + big_endian(count);
  for (int i = 0; i < count; ++i) {
    const int label = i % kClasses;
    labels += static_cast<char>(label);
    for (int row = 0; row < kSide; ++row)
      for (int column = 0; column < kSide; ++column) {
        seed = seed * 1664525u + 1013904223u;
        const bool bright = row / (kSide / 2) == label / 2 && column / (kSide / 2) == label % 2;
        images += static_cast<char>((seed >> 24) % 100 + (bright ? 120 : 0));
      }
  }
  std::ofstream(folder / (prefix + "-images-idx3-ubyte"), std::ios::binary) << images;
  std::ofstream(folder / (prefix + "-labels-idx1-ubyte"), std::ios::binary) << labels;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

std::vector<std::string> environment_block(const Environment& environment) {
  std::vector<std::string> block;
  for (const auto& [name, value] : environment) block.push_back(name + "=" + value);
  for (char** entry = environ; *entry; ++entry) {
    const std::string text = *entry;
    const std::string name = text.substr(0, text.find('='));
    // The caller's own server must not be found.
    if (name.rfind("HOOKE", 0) != 0 && !environment.contains(name)) block.push_back(text);
  }
  return block;
}

}  // namespace

int patience() {
  return HOOKE_PATIENCE;
}

fs::path program(const std::string& name) {
  return fs::path(HOOKE_BIN_DIR) / name;
}

Process::Process(const std::vector<std::string>& command, const Environment& environment,
                 const fs::path& base)
    : base_(base) {
  std::vector<std::string> arguments = command;
  std::vector<std::string> block = environment_block(with_reports(environment, base));
  const auto argument_pointers = pointers(arguments);
  const auto block_pointers = pointers(block);
  const int out = ::open((base.string() + ".out").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const int err = ::open((base.string() + ".err").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const int in = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (out < 0 || err < 0 || in < 0) throw std::runtime_error("cannot open files at " + base.string());
  pid_ = ::fork();
  if (pid_ == 0) {
    ::dup2(in, STDIN_FILENO);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(err, STDERR_FILENO);
    ::execve(argument_pointers[0], argument_pointers.data(), block_pointers.data());
    ::_exit(127);
  }
  ::close(in);
  ::close(out);
  ::close(err);
  if (pid_ < 0) throw std::runtime_error("cannot start " + command.at(0));
}

Process::~Process() {
  if (!running()) return;
  ::kill(pid_, SIGKILL);
  wait(kPatience);
}

void Process::signal(int number) const {
  ::kill(pid_, number);
}

std::optional<int> Process::wait(milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout * patience();
  while (!status_) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      status_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    } else if (std::chrono::steady_clock::now() >= deadline) {
      break;
    } else {
      std::this_thread::sleep_for(milliseconds(10));
    }
  }
  return status_;
}

std::string Process::out() const {
  return read_file(base_.string() + ".out");
}
std::string Process::err() const {
  return read_file(base_.string() + ".err");
}

House::House(Options options) : options_(options) {
  std::string pattern = (fs::temp_directory_path() / "hooke-test-XXXXXX").string();
  if (!::mkdtemp(pattern.data())) throw std::runtime_error("no temporary folder");
  folder_ = pattern;
  for (const char* name : {"data/images", "server", "state", "log"}) fs::create_directories(folder_ / name);
  write_idx(folder_ / "data/images", "train", 1);
  write_idx(folder_ / "data/images", "t10k", 2);
}

House::~House() {
  for (auto& worker : workers_) worker.reset();
  server_.reset();
  for (const auto& entry : fs::directory_iterator(folder_ / "log"))
    if (entry.path().filename().string().find(".sanitizer.") != std::string::npos)
      ADD_FAILURE() << entry.path().filename().string() << "\n" << read_file(entry.path());
  if (testing::Test::HasFailure()) {
    for (const auto& entry : fs::directory_iterator(folder_ / "log"))
      if (entry.path().extension() == ".err" && entry.path().filename().string().rfind("hooke-", 0) != 0)
        std::cerr << "--- " << entry.path().filename().string() << "\n" << read_file(entry.path());
  }
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

Environment House::environment() const {
  Environment out{
      {"HOOKE_SERVER", address()}, {"XDG_STATE_HOME", (folder_ / "state").string()}, {"NO_COLOR", "1"}};
  if (options_.tls) out["HOOKE_CA"] = certificate();
  if (options_.auth) out["HOOKE_TOKEN_FILE"] = (folder_ / "server/token").string();
  return out;
}

std::string House::certificate() const {
  return options_.tls ? (folder_ / "certificate.pem").string() : "";
}

void House::start_server() {
  const fs::path ports = folder_ / "ports";
  fs::remove(ports);
  std::vector<std::string> command{program("hooked"),
                                   "--listen",
                                   "127.0.0.1:" + std::to_string(port_),
                                   "--http",
                                   "127.0.0.1:" + std::to_string(http_port_),
                                   "--data",
                                   (folder_ / "server").string(),
                                   "--port-file",
                                   ports.string(),
                                   "--lease-period",
                                   std::to_string(options_.lease_period_s * patience())};
  if (!options_.auth) command.push_back("--no-auth");
  if (options_.tls) {
    const std::string key = (folder_ / "key.pem").string();
    if (!fs::exists(key)) make_certificate(certificate(), key, folder_ / "log" / "openssl");
    command.insert(command.end(), {"--tls-cert", certificate(), "--tls-key", key});
  }
  server_ = std::make_unique<Process>(command, options_.server_environment,
                                      folder_ / "log" / ("hooked" + std::to_string(commands_++)));
  const bool up = eventually([&] { return fs::exists(ports) || !server_->running(); });
  if (!up || !server_->running()) throw std::runtime_error("hooked did not start: " + server_->err());
  std::ifstream(ports) >> port_ >> http_port_;
}

void House::stop_server(int signal_number) {
  server_->signal(signal_number);
  if (!server_->wait(kPatience)) throw std::runtime_error("hooked did not stop");
}

Process& House::start_worker(const std::string& name, const std::vector<std::string>& extra) {
  std::vector<std::string> command{
      program("hooke-worker"), "--name", name, "--threads", "1", "--data-root", (folder_ / "data").string()};
  if (std::find(extra.begin(), extra.end(), "--spool") == extra.end()) {
    command.push_back("--spool");
    command.push_back((folder_ / "spool" / name).string());
  }
  command.insert(command.end(), extra.begin(), extra.end());
  Environment variables = environment();
  variables["HOOKE_WORKER_DEVICES"] = "cpu";  // whatever the machine has: bits are compared
  variables.insert(options_.worker_environment.begin(), options_.worker_environment.end());
  workers_.push_back(std::make_unique<Process>(command, variables, folder_ / "log" / ("worker-" + name)));
  return *workers_.back();
}

Result House::hooke(const std::vector<std::string>& arguments, const Environment& extra) {
  std::vector<std::string> command{program("hooke")};
  command.insert(command.end(), arguments.begin(), arguments.end());
  Environment variables = environment();
  for (const auto& [name, value] : extra) variables[name] = value;
  Process process(command, variables, folder_ / "log" / ("hooke-" + std::to_string(commands_++)));
  const auto status = process.wait(std::chrono::seconds(240));
  if (!status) throw std::runtime_error("hooke " + arguments.at(0) + " did not end: " + process.err());
  return {*status, process.out(), process.err()};
}

std::string House::answer(const std::vector<std::string>& arguments) {
  const Result result = hooke(arguments);
  std::string words;
  for (const std::string& argument : arguments) words += " " + argument;
  EXPECT_EQ(result.exit_code, 0) << "hooke" << words << "\n" << result.err;
  return result.out;
}

std::string House::config(const std::string& rest) {
  const fs::path path = folder_ / ("config" + std::to_string(commands_++) + ".yaml");
  std::ofstream(path) << "data: {set: idx, path: images, classes: [0, 1, 3], class_names: [a, b, d]}\n"
                      << rest;
  return path.string();
}

std::string House::submit(const std::string& config_file, const std::vector<std::string>& extra) {
  std::vector<std::string> command{"submit", config_file, "-q"};
  command.insert(command.end(), extra.begin(), extra.end());
  const std::string out = answer(command);
  return out.substr(0, out.find('\n'));
}

std::string House::run_column(const std::string& run, const std::string& column) {
  const auto rows = csv(answer({"runs", "list", "-o", "csv"}));
  if (rows.empty()) return "";
  const auto index = std::find(rows[0].begin(), rows[0].end(), column) - rows[0].begin();
  for (const auto& row : rows)
    if (row[0] == run) return row.at(static_cast<std::size_t>(index));
  return "";
}

long House::step_of(const std::string& run) {
  const std::string step = run_column(run, "step");
  return step.empty() ? -1 : std::stol(step);
}

bool eventually(const std::function<bool()>& condition, std::chrono::seconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout * patience();
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(milliseconds(30));
  }
  return true;
}

std::vector<std::vector<std::string>> csv(const std::string& text) {
  std::vector<std::vector<std::string>> rows;
  std::stringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string> row;
    std::stringstream cells(line);
    for (std::string cell; std::getline(cells, cell, ',');) row.push_back(cell);
    if (!line.empty() && line.back() == ',') row.emplace_back();
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> out;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const std::string stat = read_file(entry.path() / "stat");
    const auto end_of_name = stat.rfind(')');
    if (end_of_name == std::string::npos) continue;
    char state = 0;
    long parent = 0;
    std::stringstream(stat.substr(end_of_name + 1)) >> state >> parent;
    if (parent == pid) out.push_back(static_cast<pid_t>(std::stol(name)));
  }
  return out;
}

}  // namespace hooke::harness
