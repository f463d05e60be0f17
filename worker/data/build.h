// From what a reader found to the DataSet that a configuration asks for: classes, their names, the
// first examples of each, normalisation. The same for every set. Pure.
#pragma once

#include "worker/data/data.h"
#include "worker/data/raw.h"

namespace hooke::data {

// Throws hooke::Error (kInvalidArgument) with the field.
DataSet build(Raw raw, const Config& config);

}  // namespace hooke::data
