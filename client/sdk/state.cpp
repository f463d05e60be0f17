#include "client/sdk/state.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "proto/hooke/error.h"

namespace hooke::sdk {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kFile = "up.json";

}  // namespace

fs::path state_folder(const Environment& environment) {
  if (const auto state = environment("XDG_STATE_HOME")) return fs::path(*state) / "hooke";
  if (const auto home = environment("HOME")) return fs::path(*home) / ".local" / "state" / "hooke";
  throw invalid("", "HOME is not set, and neither is XDG_STATE_HOME: there is no folder to keep state in");
}

std::optional<UpState> read_up_state(const fs::path& folder) {
  std::ifstream in(folder / kFile);
  if (!in) return std::nullopt;
  try {
    const json text = json::parse(in);
    UpState state;
    state.address = text.at("address");
    state.http_address = text.at("http_address");
    state.token_file = text.at("token_file");
    state.data_roots = text.at("data_roots").get<std::vector<std::string>>();
    state.allow_torchscript = text.value("allow_torchscript", false);
    for (const json& process : text.at("processes"))
      state.processes.push_back(
          {process.at("role"), process.at("pid"), process.at("start_time"), process.at("boot_id")});
    return state;
  } catch (const json::exception&) {
    return std::nullopt;  // not ours, or cut short: as good as none
  }
}

void write_up_state(const fs::path& folder, const UpState& state) {
  json processes = json::array();
  for (const ProcessRecord& process : state.processes)
    processes.push_back({{"role", process.role},
                         {"pid", process.pid},
                         {"start_time", process.start_time},
                         {"boot_id", process.boot_id}});
  const json text = {{"address", state.address},
                     {"http_address", state.http_address},
                     {"token_file", state.token_file},
                     {"data_roots", state.data_roots},
                     {"allow_torchscript", state.allow_torchscript},
                     {"processes", processes}};
  const fs::path fresh = folder / (std::string(kFile) + ".new");
  {
    std::ofstream out(fresh, std::ios::trunc);
    ::chmod(fresh.c_str(), S_IRUSR | S_IWUSR);
    out << text.dump(2) << '\n';
    if (!out.flush())
      throw Error(Code::kUnavailable, "cannot write '" + fresh.string() + "': " + std::strerror(errno));
  }
  fs::rename(fresh, folder / kFile);
}

void remove_up_state(const fs::path& folder) {
  std::error_code ignored;
  fs::remove(folder / kFile, ignored);
}

}  // namespace hooke::sdk
