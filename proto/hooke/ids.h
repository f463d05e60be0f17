// Identifiers that must not be mixed up, as types of their own.
#pragma once

#include <compare>
#include <cstdint>

namespace hooke {

// A row's number in its table. Tag makes the types distinct.
template <class Tag>
struct Id {
  std::int64_t value = 0;
  auto operator<=>(const Id&) const = default;
};

using ExperimentId = Id<struct ExperimentTag>;
using RunId = Id<struct RunTag>;
using SeriesId = Id<struct SeriesTag>;

// A training step: 0 is the first minibatch.
using Step = std::int64_t;

// Microseconds since the Unix epoch.
using TimeUs = std::int64_t;

}  // namespace hooke
