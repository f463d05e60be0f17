// Ids that nobody else has. Any thread.
#pragma once

#include <string>

namespace hooke::sdk {

// A random UUID (version 4), as "0f8fad5b-d9cb-469f-a165-70867728950e".
std::string make_uuid();

}  // namespace hooke::sdk
