// The pairs of manifolds on which local elasticity was first shown (He & Su, arXiv 1910.06943,
// section 2), with the parameters of the code released with it. Every distance is exact or a
// one-dimensional integral. Label 1 is the one that the paper updates and observes.
//
// With s = -1 for label 0 and +1 for label 1, and t uniform in the range given:
//   two_cosines          (t, cos t + 0.2 s), |t| <= 0.6 pi
//   two_circles          r (cos t, sin t), r = 50 and 10, |t| <= pi
//   double_helix         (s cos 1.5t, s sin 1.5t, t), |t| <= pi/2
//   two_folded_surfaces  1.2|x| + |y| = 12 + s (a folded sheet that closes to a tube with a rhombus as
//                        its section), |z| <= 1; uniform by area
//   two_spheres          radius 20 and 10, polar angle and azimuth uniform (denser at the poles)
//   donut                two windings on a torus: ((8 + s sin 4t) cos t, (8 + s sin 4t) sin t, s cos 4t),
//                        |t| <= pi
// The released code takes distances in the parameter t, which is proportional to the length along
// the curve for circles and helix alone; here it is the length for all of them.
#pragma once

#include <cstdint>

#include "worker/data/data.h"
#include "worker/data/raw.h"

namespace hooke::data {

// `points` points on each of the two. Throws hooke::Error, field "data.manifold", for another name.
Raw make_manifold(const Config& config, std::int64_t seed);

}  // namespace hooke::data
