// The reference of configuration files: every field, its type and its comment, from the contract.
//
// Pure; any thread may call.
#pragma once

#include <string>

namespace hooke::cli {

// A commented YAML skeleton of RunConfig.
std::string config_schema();

}  // namespace hooke::cli
