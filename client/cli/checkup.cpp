#include "client/cli/checkup.h"

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "client/cli/output.h"
#include "client/cli/text.h"
#include "client/process/program.h"
#include "client/sdk/state.h"
#include "hooke_version.h"

namespace hooke::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// Below this a server may be full by tomorrow, and a spool by the end of a run.
constexpr std::int64_t kLittleDisk = 5'000'000'000;
// Leases last a minute or so: clocks that are farther apart make logs and "ago" misleading.
constexpr double kClocksApart_s = 5;
constexpr const char* kDriver = "/dev/nvidiactl";

double now_s() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string major_of(const std::string& version) {
  return version.substr(0, version.find('.'));
}

// A program's version against another's: of the same major one they understand each other.
Check version_check(const std::string& name, const std::string& version, const std::string& whose) {
  if (version == kVersion) return {name, Verdict::kOk, version, ""};
  const std::string found = version + ", while this is hooke " + kVersion;
  if (major_of(version) == major_of(kVersion))
    return {name, Verdict::kWarning, found,
            "they work together; bring " + whose + " up to date when convenient"};
  return {name, Verdict::kFails, found, "install the same version on both sides"};
}

Check clock_check(double server_s, double before_s, double after_s) {
  // Where within the call the server looked at its clock is unknown: only what lies outside it counts.
  const double apart = server_s > after_s    ? server_s - after_s
                       : server_s < before_s ? server_s - before_s
                                             : 0;
  if (std::abs(apart) < kClocksApart_s) return {"clock", Verdict::kOk, "agrees with this machine's", ""};
  return {"clock", Verdict::kWarning,
          "the server's is " + duration(std::abs(apart)) + (apart > 0 ? " ahead of" : " behind") +
              " this machine's",
          "let both follow NTP (systemd-timesyncd, chrony); results are not touched, but times in lists are "
          "wrong"};
}

Check disk_check(const std::string& name, std::int64_t left, const std::string& advice) {
  return {name, left < kLittleDisk ? Verdict::kWarning : Verdict::kOk, bytes(left) + " left",
          left < kLittleDisk ? advice : ""};
}

Check workers_check(const std::vector<v1::Worker>& workers) {
  std::string old;
  for (const v1::Worker& worker : workers)
    if (worker.version() != kVersion)
      old += (old.empty() ? "" : ", ") + worker.name() + " " + worker.version();
  if (workers.empty())
    return {"workers", Verdict::kWarning, "none was seen within the last day",
            "`hooke up` starts one on this machine, `hooke-worker --server …` on another"};
  if (!old.empty())
    return {"workers", Verdict::kWarning,
            plural(std::ssize(workers), "worker") + "; of another version: " + old,
            "bring them up to date when convenient"};
  return {"workers", Verdict::kOk, plural(std::ssize(workers), "worker"), ""};
}

Check worker_check(const fs::path& program) {
  if (!fs::exists(program))
    return {"hooke-worker", Verdict::kWarning, "is not beside this program",
            "needed where runs are trained; other machines may have it"};
  const auto text = process::output_of({program.string(), "--version"});
  if (!text)
    return {"hooke-worker", Verdict::kFails, "cannot be run", "try " + program.string() + " --version"};
  // "hooke-worker 0.1.0 (commit)"
  const auto from = text->find(' ') + 1;
  return version_check("hooke-worker", text->substr(from, text->find(' ', from) - from), "it");
}

Check blas_check(const json& blas) {
  const std::string name = blas.at("name"), file = blas.at("file");
  const std::string found = name + (file.empty() ? "" : " (" + file + ")");
  if (blas.at("fast")) return {"BLAS", Verdict::kOk, found, ""};
  return {"BLAS", Verdict::kWarning, found,
          "many times slower than others: apt install libopenblas0-pthread"};
}

Check gpu_check(const json& facts) {
  std::string names;
  for (const json& device : facts.at("devices"))
    if (device.at("name") != "cpu")
      names += (names.empty() ? "" : ", ") + device.at("name").get<std::string>();
  if (!names.empty()) return {"GPU", Verdict::kOk, names, ""};
  if (!fs::exists(kDriver)) return {"GPU", Verdict::kOk, "none here; the CPU trains and measures", ""};
  return facts.at("cudaBuild").get<bool>()
             ? Check{"GPU", Verdict::kWarning, "a driver, but LibTorch finds no device",
                     "compare the driver's CUDA (nvidia-smi) with LibTorch's; look at CUDA_VISIBLE_DEVICES"}
             : Check{"GPU", Verdict::kWarning, "a driver, but LibTorch was built without CUDA",
                     "build hooke-trainer against a LibTorch with CUDA: see README, "
                     "-DHOOKE_COMPONENTS=trainer"};
}

std::string list_of(const std::vector<fs::path>& roots) {
  std::string text;
  for (const fs::path& root : roots) text += (text.empty() ? "" : ", ") + root.string();
  return text;
}

Check data_check(const json& sets, const std::vector<fs::path>& roots) {
  std::string there, advice;
  for (const json& set : sets) {
    const std::string name = set.at("set"), folder = set.at("folder"), origin = set.at("origin");
    if (!folder.empty())
      there += (there.empty() ? "" : ", ") + name;
    else
      advice += (advice.empty() ? "" : "\n") + name + (origin.empty() ? " is not there" : ": " + origin);
  }
  const std::string below = " below " + list_of(roots);
  if (there.empty())
    return {"data sets", Verdict::kWarning, "none" + below,
            advice + "\n--data-root names another folder; sets that are generated need none"};
  return {"data sets", Verdict::kOk, there + below, advice};
}

std::vector<Check> trainer_checks(const fs::path& program, const std::vector<fs::path>& roots) {
  if (!fs::exists(program))
    return {{"hooke-trainer", Verdict::kWarning, "is not beside this program",
             "needed where runs are trained; GPU nodes build it against their own LibTorch"}};
  std::vector<std::string> command{program.string(), "--about"};
  for (const fs::path& root : roots) command.insert(command.end(), {"--data-root", root.string()});
  const auto text = process::output_of(command, std::chrono::minutes(2));
  const json facts = text ? json::parse(*text, nullptr, false) : json();
  if (!facts.is_object())
    return {{"hooke-trainer", Verdict::kFails, "cannot be run", "try " + program.string() + " --about"}};
  Check version = version_check("hooke-trainer", facts.at("version"), "it");
  version.found += ", LibTorch " + facts.at("libtorch").get<std::string>() + ", " +
                   plural(facts.at("threads").get<int>(), "thread");
  return {version, blas_check(facts.at("blas")), gpu_check(facts), data_check(facts.at("dataSets"), roots)};
}

}  // namespace

std::vector<Check> check_server(Context& context) {
  std::vector<Check> checks;
  try {
    const double before = now_s();
    const v1::Statistics facts = context.api().get_statistics();
    const double after = now_s();
    checks.push_back({"server", Verdict::kOk,
                      context.api().endpoint().address + " answers, up for " + duration(facts.uptime_s()),
                      ""});
    checks.push_back(version_check("version", facts.version(), "the older one"));
    // An older server does not say.
    if (facts.time_us() > 0)
      checks.push_back(clock_check(static_cast<double>(facts.time_us()) / 1e6, before, after));
    checks.push_back(
        disk_check("server's disk", facts.disk_free_bytes(),
                   "delete experiments, move backups away or grow the disk of " + facts.data_dir()));
    checks.push_back(workers_check(context.api().list_workers()));
  } catch (const Error& error) {
    checks.push_back({"server", Verdict::kFails, error.what(), ""});
  }
  return checks;
}

std::vector<Check> check_machine(const Context& context, const std::vector<fs::path>& roots) {
  std::vector<Check> checks{worker_check(context.programs / "hooke-worker")};
  for (Check& check : trainer_checks(context.programs / "hooke-trainer", roots))
    checks.push_back(std::move(check));
  std::error_code unknown;
  // The nearest folder that is there already, as the spool may not be yet.
  fs::path state = sdk::state_folder(context.environment);
  while (!fs::exists(state, unknown) && state.has_relative_path()) state = state.parent_path();
  const auto space = fs::space(state, unknown);
  if (!unknown)
    checks.push_back(
        disk_check("this disk", static_cast<std::int64_t>(space.available),
                   "spools of workers lie below " + state.string() + "; --spool names another disk"));
  return checks;
}

}  // namespace hooke::cli
