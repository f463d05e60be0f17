// Which entries of an influence matrix differ, for `hooke influence --against`.
#pragma once

#include "client/cli/cli.h"
#include "client/cli/output.h"
#include "hooke/v1/query.pb.h"

namespace hooke::cli {

// Asks the server and prints its answer; remarks go to standard error unless it is a table.
void print_difference(Context& context, const v1::GetInfluenceDifferenceRequest& request, Format format);

}  // namespace hooke::cli
