// Phases and transitions in words, and as marks of figures.
//
// Pure functions; any thread.
#pragma once

#include <string>

#include "client/plots/figure.h"
#include "hooke/v1/query.pb.h"

namespace hooke::cli {

// "elastic", "inelastic".
const char* kind_name(v1::PhaseKind kind);

// A step as people read it: to the nearest whole one.
std::string whole(double step);

// "Training changes phase once, at step 120."
std::string verdict(const v1::RunPhases& run);

// "transition at step 120 (95%: 100 to 140), p = 0.0025, BIC gain 12, in 3 of 3 runs"; `runs` 1: without the
// last.
std::string transition_text(const v1::PhaseTransition& transition, int runs, const std::string& confidence);

// "elasticity/kl.dominance: 7 of 10 runs change phase at step 6 (95%: 6 to 7), sd between them 0.2: k3f9aaaa,
// …".
std::string agreement_text(const v1::PhaseAgreement& agreement, const std::string& confidence);

// Segments and transitions, without a name.
plots::Lane lane_of(const v1::RunPhases& run);

// The curve that was fitted.
plots::Curve fit_of(const v1::RunPhases& run);

// Where several runs change phase.
plots::Transition mark_of(const v1::PhaseAgreement& agreement);

}  // namespace hooke::cli
