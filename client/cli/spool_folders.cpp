#include "client/cli/spool_folders.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "proto/hooke/error.h"
#include "worker/spool/spool.h"
#include "worker/uplink/translate.h"

namespace hooke::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// Folders below `folder` that are named by a number of at least 1, by it.
std::vector<std::pair<std::int32_t, fs::path>> numbered(const fs::path& folder) {
  std::vector<std::pair<std::int32_t, fs::path>> found;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    std::int32_t number = 0;
    const auto [end, failure] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (failure == std::errc() && end == name.data() + name.size() && number >= 1 && entry.is_directory())
      found.emplace_back(number, entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

// Nothing when the file is not there; throws when it is no JSON.
std::optional<json> read_json(const fs::path& path) {
  if (!fs::exists(path)) return std::nullopt;
  std::ifstream in(path);
  const json text = json::parse(in, nullptr, false);
  if (text.is_discarded()) throw Error(Code::kDataLoss, path.string() + " is damaged");
  return text;
}

std::optional<SpoolRun> offline_run(const fs::path& folder) {
  const auto text = read_json(folder / "run.json");
  if (!text || !text->is_object() || !text->contains("uuid")) return std::nullopt;
  SpoolRun run;
  run.folder = folder;
  run.offline = true;
  try {
    run.id = text->at("uuid").get<std::string>();
    run.config_json = text->at("config").dump();
    run.submitted = text->value("run", "");
  } catch (const json::exception&) {
    throw Error(Code::kDataLoss, (folder / "run.json").string() + " is damaged");
  }
  run.files = segments_of(folder);
  return run;
}

// A worker's folder of one run.
std::optional<SpoolRun> leased_run(const fs::path& folder) {
  SpoolRun run;
  run.folder = folder;
  run.id = fs::absolute(folder).lexically_normal().filename().string();
  bool found = false;
  for (const auto& [number, path] : numbered(folder)) {
    const auto text = read_json(path / "attempt.json");
    if (!text || !text->is_object() || !text->contains("attempt_id")) continue;
    found = true;
    if (fs::exists(path / spool::kFileName))
      run.files.push_back({number, path / spool::kFileName, text->at("attempt_id").get<std::string>()});
  }
  return found ? std::optional(run) : std::nullopt;
}

void add_runs(const fs::path& folder, std::vector<SpoolRun>& runs) {
  if (auto run = offline_run(folder)) return runs.push_back(std::move(*run));
  if (auto run = leased_run(folder)) return runs.push_back(std::move(*run));
  std::vector<fs::path> below;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.is_directory() && !entry.is_symlink()) below.push_back(entry.path());
  std::sort(below.begin(), below.end());
  for (const fs::path& path : below) add_runs(path, runs);
}

SpoolExtent measure(const fs::path& spool) {
  spool::Reader reader(spool);
  SpoolExtent extent;
  extent.freed = reader.position().number;
  std::optional<spool::Record> last;
  while (auto record = reader.next()) last = std::move(record);
  extent.last = reader.position().number;
  extent.bytes = reader.position().offset;
  const auto size = fs::file_size(spool);
  extent.torn_bytes = size > extent.bytes ? size - extent.bytes : 0;
  extent.ended = last && last->kind == spool::Kind::kJson && uplink::to_protocol(*last).has_end();
  return extent;
}

}  // namespace

std::vector<SpoolRun> find_spools(const fs::path& folder) {
  if (!fs::is_directory(folder)) throw invalid("", "'" + folder.string() + "' is not a folder");
  // Without a slash at its end, which would hide its name.
  const fs::path whole = folder.has_filename() ? folder : folder.parent_path();
  std::vector<SpoolRun> runs;
  add_runs(whole, runs);
  return runs;
}

std::vector<SpoolFile> segments_of(const fs::path& run_folder) {
  std::vector<SpoolFile> files;
  for (const auto& [number, path] : numbered(run_folder))
    if (fs::exists(path / spool::kFileName)) files.push_back({number, path / spool::kFileName, {}});
  return files;
}

SpoolExtent measure_spool(const fs::path& spool) {
  try {
    return measure(spool);
  } catch (const Error& error) {
    // kUnavailable is for a server that is away.
    throw Error(Code::kDataLoss, error.what());
  }
}

}  // namespace hooke::cli
