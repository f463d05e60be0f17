#include "worker/data/files.h"

#include <zlib.h>

#include <algorithm>
#include <fstream>
#include <iterator>

namespace hooke::data {
namespace {

namespace fs = std::filesystem;

constexpr const char* kField = "data.path";

bool lies_below(const fs::path& path, const fs::path& root) {
  const auto [end, _] = std::mismatch(root.begin(), root.end(), path.begin(), path.end());
  return end == root.end();
}

std::string hint(const std::string& origin) {
  return origin.empty() ? "" : "; " + origin;
}

}  // namespace

fs::path find_below(const std::vector<fs::path>& roots, const std::string& path, const std::string& origin) {
  std::vector<fs::path> real_roots;
  std::string searched;
  for (const fs::path& root : roots) {
    std::error_code absent;
    if (fs::path real = fs::canonical(root, absent); !absent) real_roots.push_back(std::move(real));
    searched += (searched.empty() ? "" : ", ") + root.string();
  }
  for (const fs::path& root : real_roots) {
    std::error_code absent;
    const fs::path found = fs::canonical(root / path, absent);  // an absolute path replaces the root
    if (absent) continue;
    const auto holds = [&](const fs::path& other) { return lies_below(found, other); };
    if (std::any_of(real_roots.begin(), real_roots.end(), holds)) return found;
    throw Error(Code::kPermissionDenied,
                "'" + path + "' leads to " + found.string() + ", outside the data roots: " + searched,
                kField);
  }
  if (roots.empty()) searched = "no data root at all: this worker may read no files";
  throw Error(Code::kNotFound,
              "there is no '" + path + "' below the data roots: " + searched + hint(origin) +
                  "; data.path names another folder, a worker's --data-root another root",
              kField);
}

StoredFile read_file(const fs::path& file, const std::string& origin) {
  if (!fs::exists(file)) {
    throw Error(Code::kNotFound,
                file.parent_path().string() + " has no " + file.filename().string() + hint(origin), kField);
  }
  std::ifstream stream(file, std::ios::binary);
  if (!stream || fs::is_directory(file)) {
    throw Error(Code::kNotFound, file.string() + ": cannot be opened", kField);
  }
  StoredFile stored;
  stored.bytes.resize(fs::file_size(file));
  stream.read(stored.bytes.data(), static_cast<std::streamsize>(stored.bytes.size()));
  if (static_cast<std::size_t>(stream.gcount()) != stored.bytes.size()) {
    throw damaged(file, "cannot be read beyond offset " + std::to_string(stream.gcount()));
  }
  stored.checksum = static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(stored.bytes.data()), stored.bytes.size()));
  return stored;
}

Error damaged(const fs::path& file, const std::string& what) {
  return Error(Code::kDataLoss, file.string() + ": " + what, kField);
}

}  // namespace hooke::data
