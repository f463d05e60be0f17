#include "worker/agent/folder.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <nlohmann/json.hpp>
#include <string_view>
#include <system_error>

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
std::vector<std::pair<std::int32_t, fs::path>> numbered(spool::Files& files, const fs::path& run_folder) {
  std::vector<std::pair<std::int32_t, fs::path>> found;
  for (const auto& entry : files.list(run_folder))
    if (const auto attempt = number<std::int32_t>(entry.name); attempt && entry.is_folder)
      found.emplace_back(*attempt, run_folder / entry.name);
  std::sort(found.begin(), found.end());
  return found;
}

json to_json(const Barrier& barrier) {
  return {{"attempt_id", barrier.attempt_id}, {"record", barrier.record}, {"step", barrier.step}};
}

std::optional<AttemptFolder> read_attempt(spool::Files& files, const fs::path& folder, std::int32_t attempt) {
  try {
    const json text = json::parse(spool::read_text(files, folder / kAttemptFile).value_or(""));
    AttemptFolder found;
    found.number = attempt;
    found.attempt_id = text.at("attempt_id");
    if (const auto base = text.find("base"); base != text.end())
      found.base = Barrier{base->at("attempt_id"), base->at("record"), base->at("step")};
    found.has_spool = files.exists(folder / spool::kFileName);
    found.checkpoints = checkpoints_in(folder, files);
    return found;
  } catch (const json::exception&) {  // absent, cut short or not ours
    return std::nullopt;
  } catch (const std::system_error&) {
    return std::nullopt;
  }
}

void remove_if_possible(spool::Files& files, const fs::path& path) {
  try {
    files.remove(path);
  } catch (const std::system_error&) {  // it stays
  }
}

}  // namespace

void check_run_id(const std::string& run_id) {
  const bool plain = std::all_of(run_id.begin(), run_id.end(),
                                 [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_'; });
  if (run_id.empty() || !plain)
    throw Error(Code::kInvalidArgument, "the server names the run '" + run_id + "', which is no id");
}

std::vector<CheckpointFile> checkpoints_in(const fs::path& attempt_folder, spool::Files& files) {
  std::vector<CheckpointFile> found;
  for (const auto& entry : files.list(attempt_folder))
    if (auto file = parse_name(attempt_folder / entry.name)) found.push_back(std::move(*file));
  std::sort(found.begin(), found.end(),
            [](const CheckpointFile& a, const CheckpointFile& b) { return a.record < b.record; });
  return found;
}

std::vector<AttemptFolder> attempts_in(const fs::path& run_folder, std::int32_t own, spool::Files& files) {
  std::vector<AttemptFolder> found;
  for (const auto& [attempt, path] : numbered(files, run_folder)) {
    if (attempt == own) continue;
    if (auto folder = read_attempt(files, path, attempt)) found.push_back(std::move(*folder));
  }
  return found;
}

void write_attempt(const fs::path& attempt_folder, const std::string& attempt_id,
                   const std::optional<Barrier>& base, spool::Files& files) {
  json text = {{"attempt_id", attempt_id}};
  if (base) text["base"] = to_json(*base);
  try {
    spool::replace_text(files, attempt_folder / kAttemptFile, text.dump(2) + '\n');
  } catch (const std::system_error& error) {
    throw Error(Code::kUnavailable,
                std::string("cannot write attempt.json: ") + error.what() + spool::remedy(error.code()));
  }
}

void remove_earlier(const fs::path& run_folder, std::int32_t own, const fs::path& keep, bool keep_spools,
                    spool::Files& files) {
  for (const auto& [attempt, path] : numbered(files, run_folder)) {
    if (attempt >= own) continue;
    if (!keep_spools && path != keep.parent_path()) {
      remove_if_possible(files, path);
      continue;
    }
    for (const CheckpointFile& file : checkpoints_in(path, files))
      if (file.path != keep) remove_if_possible(files, file.path);
    if (!keep_spools) spool::remove_spool(path / spool::kFileName, files);
  }
}

}  // namespace hooke::agent
