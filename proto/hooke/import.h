// Imports of scalar series: the limits that server and command line share. Standard library only.
#pragma once

#include <cstddef>

namespace hooke {

// Of one import.
inline constexpr std::size_t kMaxImportPoints = 10'000'000;

// Of a series' key, imported or recorded.
inline constexpr std::size_t kMaxSeriesKeyBytes = 256;

}  // namespace hooke
