#include "worker/agent/folder.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string_view>

#include "proto/hooke/error.h"
#include "worker/spool/spool.h"

namespace hooke::agent {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kAttemptFile = "attempt.json";

// All of `text` as a number; nothing when it is none.
template <typename T>
std::optional<T> number(std::string_view text) {
  T value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "checkpoint-120-45.ckpt": step 120, record 45.
std::optional<CheckpointFile> parse_name(const fs::path& path) {
  constexpr std::string_view kPrefix = "checkpoint-", kSuffix = ".ckpt";
  const std::string name = path.filename().string();
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return std::nullopt;
  const std::string middle = name.substr(kPrefix.size(), name.size() - kPrefix.size() - kSuffix.size());
  const auto dash = middle.find('-');
  if (dash == std::string::npos) return std::nullopt;
  const auto step = number<std::int64_t>(middle.substr(0, dash));
  const auto record = number<std::uint64_t>(middle.substr(dash + 1));
  if (!step || !record) return std::nullopt;
  return CheckpointFile{path, *step, *record};
}

// Folders of a run that an attempt's number names.
std::vector<std::pair<std::int32_t, fs::path>> numbered(const fs::path& run_folder) {
  std::vector<std::pair<std::int32_t, fs::path>> found;
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator(run_folder, absent))
    if (const auto attempt = number<std::int32_t>(entry.path().filename().string());
        attempt && entry.is_directory(absent))
      found.emplace_back(*attempt, entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

json to_json(const Barrier& barrier) {
  return {{"attempt_id", barrier.attempt_id}, {"record", barrier.record}, {"step", barrier.step}};
}

std::optional<AttemptFolder> read_attempt(const fs::path& folder, std::int32_t attempt) {
  std::ifstream in(folder / kAttemptFile);
  try {
    const json text = json::parse(in);
    AttemptFolder found;
    found.number = attempt;
    found.attempt_id = text.at("attempt_id");
    if (const auto base = text.find("base"); base != text.end())
      found.base = Barrier{base->at("attempt_id"), base->at("record"), base->at("step")};
    found.has_spool = fs::exists(folder / spool::kFileName);
    found.checkpoints = checkpoints_in(folder);
    return found;
  } catch (const json::exception&) {  // absent, cut short or not ours
    return std::nullopt;
  } catch (const fs::filesystem_error&) {
    return std::nullopt;
  }
}

}  // namespace

std::vector<CheckpointFile> checkpoints_in(const fs::path& attempt_folder) {
  std::vector<CheckpointFile> found;
  for (const auto& entry : fs::directory_iterator(attempt_folder))
    if (auto file = parse_name(entry.path())) found.push_back(std::move(*file));
  std::sort(found.begin(), found.end(),
            [](const CheckpointFile& a, const CheckpointFile& b) { return a.record < b.record; });
  return found;
}

std::vector<AttemptFolder> attempts_in(const fs::path& run_folder, std::int32_t own) {
  std::vector<AttemptFolder> found;
  for (const auto& [attempt, path] : numbered(run_folder)) {
    if (attempt == own) continue;
    if (auto folder = read_attempt(path, attempt)) found.push_back(std::move(*folder));
  }
  return found;
}

void write_attempt(const fs::path& attempt_folder, const std::string& attempt_id,
                   const std::optional<Barrier>& base) {
  json text = {{"attempt_id", attempt_id}};
  if (base) text["base"] = to_json(*base);
  const fs::path path = attempt_folder / kAttemptFile, fresh = path.string() + ".new";
  std::ofstream out(fresh, std::ios::trunc);
  out << text.dump(2) << '\n';
  out.close();
  if (!out) throw Error(Code::kUnavailable, "cannot write " + fresh.string());
  fs::rename(fresh, path);
}

void remove_earlier(const fs::path& run_folder, std::int32_t own, const fs::path& keep, bool keep_spools) {
  std::error_code ignored;
  for (const auto& [attempt, path] : numbered(run_folder)) {
    if (attempt >= own) continue;
    if (!keep_spools && path != keep.parent_path()) {
      fs::remove_all(path, ignored);
      continue;
    }
    for (const auto& entry : fs::directory_iterator(path, ignored))
      if (parse_name(entry.path()) && entry.path() != keep) fs::remove(entry.path(), ignored);
    if (!keep_spools) spool::remove_spool(path / spool::kFileName);
  }
}

}  // namespace hooke::agent
