// What a question of influence is about: runs, the series asked of each, the steps to be averaged, and what
// was measured there. Functions on a snapshot; callable from any thread.
#pragma once

#include <string>
#include <vector>

#include "hooke/v1/query.pb.h"
#include "server/analysis/influence.h"
#include "server/analysis/pairs.h"
#include "server/query/find.h"
#include "server/storage/series.h"

namespace hooke::query {

// A run with the series that is asked of it.
struct Subject {
  storage::Run run;
  storage::Series series;
  std::vector<Step> steps;  // to be averaged
};

// Throws hooke::Error (kInvalidArgument) for a contradictory question.
void check(const v1::InfluenceSide& side);

// Those of the parent's runs that have a class-by-class measurement; `measure` empty: the first run's first,
// which it then is. Throws hooke::Error: kNotFound (measure, update), kFailedPrecondition (no run, nothing
// was measured, different classes).
std::vector<Subject> find_subjects(storage::Snapshot& snapshot, const Parent& parent, std::string& measure,
                                   const v1::InfluenceSide& side);

// Whether the side says when.
bool says_when(const v1::InfluenceSide& side);

// Sets the subjects' steps: by default the last that all of them have. Throws hooke::Error: kNotFound (a
// step, a window, a phase that is not there), kFailedPrecondition (no step in common).
void choose_steps(storage::Snapshot& snapshot, std::vector<Subject>& subjects, const v1::InfluenceSide& side);

// Of the run's one step, or averaged over its steps.
analysis::Cells cells_of(storage::Snapshot& snapshot, const Subject& subject);

// The pairs behind the run's steps, a table for each; or none, and why.
struct KeptPairs {
  std::vector<analysis::PairTable> tables;
  std::string missing;
};
KeptPairs tables_of(storage::Snapshot& snapshot, const Subject& subject);

}  // namespace hooke::query
