#include "worker/trainer/segments.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "worker/spool/spool.h"

namespace hooke::trainer {
namespace {

namespace fs = std::filesystem;

// "checkpoint-120-45.ckpt" → 120; -1 for every other name.
std::int64_t step_of(const fs::path& file) {
  const std::string name = file.filename().string(), prefix = "checkpoint-";
  if (!name.starts_with(prefix) || file.extension() != ".ckpt") return -1;
  std::int64_t step = -1;
  std::from_chars(name.data() + prefix.size(), name.data() + name.size(), step);
  return step;
}

void add_checkpoints(const fs::path& folder, std::vector<fs::path>& checkpoints) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (step_of(entry.path()) >= 0) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end(),
            [](const fs::path& a, const fs::path& b) { return step_of(a) > step_of(b); });
  checkpoints.insert(checkpoints.end(), found.begin(), found.end());
}

bool succeeded(const fs::path& spool_file, std::uint64_t last_record) {
  if (last_record == 0) return false;
  spool::Reader reader(spool_file);
  reader.skip_to(last_record - 1);
  const auto record = reader.next();
  return record && record->kind == spool::Kind::kJson &&
         record->payload.find("RUN_STATE_SUCCEEDED") != std::string::npos;
}

}  // namespace

Segment next_segment(const fs::path& out) {
  Segment segment;
  while (fs::exists(out / std::to_string(segment.number))) ++segment.number;
  segment.folder = out / std::to_string(segment.number);
  for (int earlier = segment.number - 1; earlier >= 1; --earlier) {
    add_checkpoints(out / std::to_string(earlier), segment.checkpoints);
  }
  const fs::path spool_file = out / std::to_string(segment.number - 1) / "records.spool";
  if (fs::exists(spool_file)) {
    segment.predecessor_last_record = spool::Writer(spool_file).last_number();
    segment.finished = succeeded(spool_file, segment.predecessor_last_record);
  }
  return segment;
}

}  // namespace hooke::trainer
