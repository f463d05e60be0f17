// S over update sizes, for `hooke influence --sizes`.
#pragma once

#include "client/cli/cli.h"
#include "client/cli/output.h"

namespace hooke::cli {

// A row for each rate, the limit last, and what they say: own class over others at both ends, and up to
// which rate S is near its limit.
void print_sizes(Context& context, const v1::GetUpdateSizesRequest& request, Format format);

}  // namespace hooke::cli
