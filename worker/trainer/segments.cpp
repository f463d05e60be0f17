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

// Of segments 1 to `last`, newest first.
std::vector<fs::path> checkpoints_of(const fs::path& out, int last) {
  std::vector<fs::path> checkpoints;
  for (int number = last; number >= 1; --number) add_checkpoints(out / std::to_string(number), checkpoints);
  return checkpoints;
}

int count_segments(const fs::path& out) {
  int count = 0;
  while (fs::exists(out / std::to_string(count + 1))) ++count;
  return count;
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
  const int earlier = count_segments(out);
  segment.number = earlier + 1;
  segment.folder = out / std::to_string(segment.number);
  segment.checkpoints = checkpoints_of(out, earlier);
  const fs::path spool_file = out / std::to_string(segment.number - 1) / spool::kFileName;
  if (fs::exists(spool_file)) {
    segment.predecessor_last_record = spool::Writer(spool_file).last_number();
    segment.finished = succeeded(spool_file, segment.predecessor_last_record);
  }
  return segment;
}

void drop_old_checkpoints(const fs::path& out) {
  constexpr std::size_t kKept = 2;  // one more than needed: the newest may be damaged
  const auto checkpoints = checkpoints_of(out, count_segments(out));
  std::error_code ignored;
  for (std::size_t i = kKept; i < checkpoints.size(); ++i) fs::remove(checkpoints[i], ignored);
}

}  // namespace hooke::trainer
