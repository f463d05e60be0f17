// GetPhases, and the phases of one run for others that ask. Callable from any thread.
#pragma once

#include <string>

#include "hooke/v1/query.pb.h"
#include "server/analysis/phases.h"
#include "server/storage/readers.h"
#include "server/storage/runs.h"

namespace hooke::query {

// Key of the series that is asked when none is named: the dominance of the first measure of the
// configuration that was measured (of the ratio of means, for the signed loss), or the measure
// itself where it is a scalar. Throws hooke::Error (kFailedPrecondition) when there is none yet.
std::string default_phase_series(storage::Snapshot& snapshot, const storage::Run& run);

struct RunSeries {
  std::string key;
  std::vector<Step> step;
  std::vector<double> value;
  std::vector<double> sd;
};
// Empty `series`: the default. Throws as default_phase_series() and resolve().
RunSeries read_phase_series(storage::Snapshot& snapshot, const storage::Run& run, const std::string& series);

// A request without its parent, checked.
struct PhaseQuestion {
  analysis::PhaseOptions options;
  std::vector<std::string> series;  // at least one; empty: the run's default
};
// Throws hooke::Error (kInvalidArgument) for what is not allowed.
PhaseQuestion phase_question(const v1::GetPhasesRequest& request);

// The answer for one series of one run. Throws as analysis::find_phases, with the series' key.
v1::RunPhases answer_phases(const storage::Run& run, const RunSeries& series,
                            const analysis::PhaseOptions& options);

// Series times runs of one question.
inline constexpr std::size_t kMostPhaseSeries = 1000;

// Reads in one snapshot, then computes without it.
// Throws hooke::Error: kNotFound, kInvalidArgument (an option), kFailedPrecondition (too few points).
// Series of an experiment's runs that are not there or have too few points are left out, which the answer
// says, unless all are.
v1::GetPhasesResponse get_phases(storage::Readers& readers, const v1::GetPhasesRequest& request);

}  // namespace hooke::query
