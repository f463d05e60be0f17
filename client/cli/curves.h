// Series of the server as curves of figures: which are meant, their values, their titles.
//
// Functions without state; those with an Api call the server and throw as it does. Figures are the
// server's: none is computed here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/cli/api.h"
#include "client/plots/figure.h"

namespace hooke::cli {

// What one set of curves is of: a run, or runs that differ in their seed alone.
struct Subject {
  std::string label;  // "training.lr 0.1"; empty where it is the only one
  std::string
      parent;  // resource name of the run, or of the experiment that has these runs and no others; else empty
  std::vector<v1::Run> runs;  // as lists have them
  bool mean = false;          // over several runs

  // The run to ask for what all have alike: the first that has stored something, else the first.
  const v1::Run& example() const;
};

// A run; of an experiment one subject for each combination of its sweep. An experiment of one run is that
// run. Throws hooke::Error (kFailedPrecondition) for an experiment without runs.
std::vector<Subject> subjects_of(Api& api, const v1::LookupResponse& found);

// One curve that is wanted.
struct WantedCurve {
  std::string key;
  std::string name;  // in a legend
  std::optional<std::size_t> colour, dash;
};

struct WantedCurves {
  std::vector<WantedCurve> curves;
  std::vector<std::string> notes;  // what was chosen, for the user
};

// Keys as they are, but for a matrix, which stands for its entries (of many classes for the diagonal, or for
// its dominance), and for selectivity without a class, which stands for that of each.
// No keys: what the first measure of the configuration shows, else the training's loss.
// Throws hooke::Error (kFailedPrecondition) when nothing is stored yet.
WantedCurves expand_keys(Api& api, const Subject& subject, const std::vector<std::string>& keys);

struct CurveRange {
  std::optional<std::int64_t> from, to;
  int points = 1000;  // of each curve, about
};

// Fills the figure's curves, with bands where there is a standard deviation, and says in `notes` what the
// bands are, how many runs there are, and which values were left out.
// Subjects that lack a key are left out, with a note; throws as the server when all do.
void add_curves(Api& api, const std::vector<Subject>& subjects, const std::vector<WantedCurve>& wanted,
                const CurveRange& range, plots::Figure& figure);

// What the values of a key are, with their unit, as "S under kl (ratio)".
std::string axis_title(const std::string& key);

// "elasticity/kl@small" of "elasticity/kl@small.ratio[a,b]"; the key itself where nothing is derived.
std::string stored_key(const std::string& key);

// Descriptions of the stored series behind the keys, as "elasticity/kl: KL(new || old); Adam, lr 0.0001".
std::vector<std::string> descriptions(Api& api, const Subject& subject,
                                      const std::vector<WantedCurve>& wanted);

}  // namespace hooke::cli
