// The raw pairs of a measurement, for `hooke series get`.
#pragma once

#include <optional>
#include <string>

#include "client/cli/cli.h"
#include "client/cli/output.h"

namespace hooke::cli {

// Whether a key looks like one of pairs, as "elasticity/kl.pairs".
bool is_pairs_key(const std::string& key);

// One row for each pair: its classes and probes, S, and what stands above and below its line. A
// skipped pair has no ratio. CSV is written page by page. `run` is a resource name.
void print_pairs(Context& context, const std::string& run, const std::string& key,
                 std::optional<std::int64_t> step, Format format);

}  // namespace hooke::cli
