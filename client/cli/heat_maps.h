// Influence matrices as heat maps. Pure functions; any thread. The figures are the server's.
#pragma once

#include "client/plots/heat_map.h"
#include "hooke/v1/query.pb.h"

namespace hooke::cli {

// With its caption as notes. Throws as check_shape().
plots::HeatMap heat_map_of(const v1::GetInfluenceResponse& influence);

}  // namespace hooke::cli
