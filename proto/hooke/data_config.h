// The part of complete() that is about the data: which fields belong to which set, their defaults and
// ranges. Pure.
#pragma once

#include "hooke/v1/config.pb.h"

namespace hooke {

// Errors as complete()'s.
void complete_data(v1::DataConfig& data);

}  // namespace hooke
