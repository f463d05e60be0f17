// Model: what must be stored, worked out from what the trainers recorded, in a few lines.
//
// The value of a point is the number of the state of training that it was measured in, and every state has a
// number of its own, and a parent. So two trajectories in one series, a step twice, missing or of an attempt
// that was replaced can never look alike.
//
// What a run must hold follows from the numbers of the last record of each of its attempts: their records,
// attempt after attempt, where the start of one removes what is later than the step it resumes at.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "server/storage/attempts.h"
#include "server/storage/changes.h"
#include "server/storage/readers.h"
#include "tests/simulation/world.h"
#include "worker/spool/record.h"

namespace hooke::simulation {

using State = std::uint64_t;  // of training; 0: before the first step

inline constexpr const char* kLoss = "train/loss";
inline constexpr const char* kAccuracy = "test/accuracy";
inline constexpr const char* kMatrix = "elasticity/kl";

// How long a run is, and what it records when.
struct Plan {
  Step steps = 0;
  Step matrix_every = 1, accuracy_every = 1;  // of the latter a barrier follows

  std::vector<std::string> series_at(Step step) const;
  // As a run's configuration.
  std::string json() const;
  static Plan from(const std::string& json);
};

class Model {
 public:
  explicit Model(World& world) : world_(world) {}

  // Whoever hears of it first, says so.
  void exists(const std::string& run, const Plan& plan) { runs_[run].plan = plan; }

  // A step was trained from `parent`.
  State grow(State parent);

  // What workers saw. A record that is about to be appended; one whose append failed; what the server said.
  void recorded(const std::string& run, std::int32_t attempt, std::uint64_t number, spool::Kind kind,
                const std::string& payload);
  void not_recorded(const std::string& run, std::int32_t attempt);
  void granted(const std::string& run, std::int32_t attempt);
  void acknowledged(const std::string& run, std::int32_t attempt, std::uint64_t record);

  // What is stored is compared: of the runs that have changed what is new, or everything of every run. Throws
  // Violation.
  void check(storage::Readers& readers, const storage::Changes::Batch& changed);
  void check_all(storage::Readers& readers);
  // The run has every point of a whole training.
  void check_whole(const std::string& run) const;

 private:
  // What a record says; the step of a start without resume is -1.
  struct Fact {
    enum class Kind { kStart, kPoint, kBarrier, kOther } kind = Kind::kOther;
    Step step = -1;
    std::string series;
    State state = 0;
  };
  struct Attempt {
    std::vector<Fact> facts;  // [record number - 1]
    std::uint64_t acknowledged = 0;
    std::uint64_t stored = 0;  // as it was last seen
  };
  using Curve = std::vector<std::pair<Step, State>>;
  struct Run {
    Plan plan;
    std::map<std::int32_t, Attempt> attempts;
    std::int32_t granted = 0;  // the newest that a worker was told of
    // What must be stored, given `stored` of every attempt.
    std::map<std::string, Curve> curves;
    std::set<Step> barriers;
    std::int32_t newest = 0;  // attempt whose records were added last
    Step changed_from = 0;    // since the last comparison
    RunId id;
  };

  static Fact fact_of(spool::Kind kind, const std::string& payload);
  void add(const std::string& name, Run& run, const Fact& fact);
  void add_point(const std::string& name, Run& run, const Fact& fact);
  void add_barrier(const std::string& name, Run& run, Step step);
  void check_run(storage::Snapshot& snapshot, const std::string& name, Run& run, bool all);
  void advance(storage::Snapshot& snapshot, const std::string& name, Run& run, bool all);
  void compare(storage::Snapshot& snapshot, const std::string& name, Run& run, bool all);

  World& world_;
  std::vector<State> parents_{0};
  std::map<std::string, Run> runs_;
};

}  // namespace hooke::simulation
