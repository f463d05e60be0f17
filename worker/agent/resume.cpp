#include "worker/agent/resume.h"

#include <algorithm>
#include <tuple>

namespace hooke::agent {
namespace {

bool contains(const std::vector<Barrier>& barriers, const Barrier& barrier) {
  return std::find(barriers.begin(), barriers.end(), barrier) != barriers.end();
}

std::optional<Barrier> last_of(const std::vector<Barrier>& barriers, const std::string& attempt_id) {
  std::optional<Barrier> last;
  for (const Barrier& barrier : barriers)
    if (barrier.attempt_id == attempt_id && (!last || barrier.record > last->record)) last = barrier;
  return last;
}

std::optional<Resume> way_from(const CheckpointFile& checkpoint, const AttemptFolder& folder,
                               const std::vector<Barrier>& committed) {
  const Barrier own{folder.attempt_id, checkpoint.record, checkpoint.step};
  if (contains(committed, own)) return Resume{checkpoint, own, std::nullopt};
  if (!folder.has_spool) return std::nullopt;
  if (const auto last = last_of(committed, folder.attempt_id)) {
    // Records are committed in order: a barrier that is passed over was no such barrier.
    if (last->record >= checkpoint.record) return std::nullopt;
    return Resume{checkpoint, last, last->record};
  }
  if (folder.base && !contains(committed, *folder.base)) return std::nullopt;
  return Resume{checkpoint, folder.base, 0};
}

}  // namespace

std::vector<Resume> ways_to_resume(const std::vector<Barrier>& committed,
                                   const std::vector<AttemptFolder>& folders, bool must_resume) {
  using Rank = std::tuple<std::int64_t, bool, std::int32_t>;  // the larger, the better
  std::vector<std::pair<Rank, Resume>> ways;
  for (const AttemptFolder& folder : folders) {
    for (const CheckpointFile& checkpoint : folder.checkpoints) {
      const auto way = way_from(checkpoint, folder, committed);
      if (!way || (must_resume && !way->base)) continue;
      ways.push_back({{checkpoint.step, !way->resend_after, folder.number}, *way});
    }
  }
  std::stable_sort(ways.begin(), ways.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<Resume> sorted;
  for (auto& [rank, way] : ways) sorted.push_back(std::move(way));
  return sorted;
}

}  // namespace hooke::agent
