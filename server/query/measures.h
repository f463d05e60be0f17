// What a run's configuration says of its measures and updates, and their series' keys. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "server/storage/runs.h"

namespace hooke::query {

// As "kl", in the order of the configuration.
std::vector<std::string> measures_of(const storage::Run& run);

// Names of the updates, in the order of the configuration; empty for one without a name.
std::vector<std::string> updates_of(const storage::Run& run);

// "elasticity/kl", "elasticity/kl@small".
std::string measure_key(const std::string& measure, const std::string& update);

// Whether values of the measure may be negative.
bool is_signed_measure(const std::string& measure);

}  // namespace hooke::query
