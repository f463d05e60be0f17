// Sets of Gaussian inputs, generated: labelled classes, and a teacher's regression. Pure functions
// of their arguments: one seed, the same bits. The two splits are drawn independently.
#pragma once

#include <cstdint>
#include <random>

#include "worker/data/data.h"
#include "worker/data/raw.h"

namespace hooke::data {

// A generator of its own for each purpose of a seed.
std::mt19937_64 generator(std::int64_t seed, std::uint32_t purpose);

// Number of examples to generate: of each class where there are classes.
std::int64_t generated_count(const Config& config, std::int64_t per_class);

// Class c: independent N(gaussian_means[c], gaussian_deviations[c]^2) in each dimension.
Raw make_gaussians(const Config& config, std::int64_t seed);

// x ~ N(0, I); y = sum_j a_j max(0, <w_j, x>) + noise * N(0, 1), with w_j ~ N(0, I/dimension) and
// a_j = +-1/sqrt(units), drawn once for both splits. So y has a variance near 0.34, less than 0.5.
Raw make_teacher_student(const Config& config, std::int64_t seed);

}  // namespace hooke::data
