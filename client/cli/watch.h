// Following runs until they end, as `watch` and `submit --follow` do.
//
// One thread calls; the feed inside has its own.
#pragma once

#include <vector>

#include "client/cli/cli.h"

namespace hooke::cli {

// Shows the runs until all have ended: live on a terminal, else a line for each change. Returns
// the exit code: kDone, or kRunFailed when one failed or was cancelled (said on standard error).
ExitCode follow(Context& context, std::vector<v1::Run> runs);

// The same, without showing them.
ExitCode outcome(Context& context, const std::vector<v1::Run>& runs);

}  // namespace hooke::cli
