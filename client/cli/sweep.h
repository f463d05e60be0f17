// What a submit makes: the runs of seeds times a sweep.
//
// Pure functions; any thread may call. All throw hooke::Error (kInvalidArgument).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "hooke/v1/experiment.pb.h"

namespace hooke::cli {

// "training.lr=0.1,0.01"; commas inside brackets do not separate, as in model.hidden=[64,64],[128].
v1::SweepAxis parse_axis(const std::string& text);

struct PlannedRun {
  v1::RunConfig config;                                    // completed
  std::vector<std::pair<std::string, std::string>> sweep;  // field and value
};

// The runs that the request makes, in the server's order: of the sweep, then of the seeds.
std::vector<PlannedRun> planned_runs(const v1::SubmitExperimentRequest& request);

}  // namespace hooke::cli
