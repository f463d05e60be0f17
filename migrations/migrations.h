// The migrations that are compiled in.
#pragma once

#include <vector>

namespace hooke::storage {

struct Migration {
  const char* name;  // "0001_initial"
  const char* sql;
};

// In order; the schema's version is how many have run.
const std::vector<Migration>& migrations();

}  // namespace hooke::storage
