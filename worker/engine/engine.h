// The measurement: how one optimiser update on one probe moves the predictions at all probes.
//
// Tensors in, numbers out: no files, no clock, no random numbers. An Engine belongs to one
// training; its owner calls measure() from one thread at a time, and measure() spreads the updates
// over threads of its own, each with a scratch replica of the net and one BLAS thread. The results
// have the same bits for any number of threads. The live net is only read.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "worker/engine/layers.h"
#include "worker/engine/measures.h"
#include "worker/engine/step.h"

namespace hooke::engine {

// The weights of a net: what the optimiser changes, and what it does not (running statistics).
struct Weights {
  std::vector<at::Tensor> parameters;
  std::vector<at::Tensor> buffers;
};

// A net whose weights the engine may overwrite. `forward` maps a batch to outputs [batch][outputs]
// in evaluation mode and reads `weights`; parameters require gradients. With `layers`, whose
// parameters are positions in `weights`, `forward` is not called and nothing overwritten.
struct Replica {
  Weights weights;
  std::function<at::Tensor(const at::Tensor&)> forward;
  std::optional<Layers> layers = std::nullopt;
};

// One kind of update on one example.
struct Update {
  std::string name;                   // empty for the first
  StepRule rule;                      // from a fresh state
  bool training = false;              // takes the training's state instead; `rule` is ignored
  std::optional<double> training_lr;  // replaces the training's rate when `training`
};

// The examples that are updated and observed, class by class.
struct Probes {
  Grouping grouping;
  at::Tensor inputs;   // [probes][...], of the net's type, on its device
  at::Tensor targets;  // int64 labels [probes]; kSquared: [probes][outputs] of the net's type
};

struct Options {
  Loss loss = Loss::kCrossEntropy;
  Task task = Task::kClassification;
  std::vector<Update> updates;
  std::vector<Measure> measures;
  bool keep_pairs = false;
  int threads = 1;  // on the CPU
  // Where a net that is known by its layers is measured, a thread for each; the probes are shared out.
  // Empty: where the probes are.
  std::vector<at::Device> devices;
  int batch = 0;  // updates side by side on a device; 0: by its memory, on the CPU one
};

// The optimiser of the training as it stands after a step.
struct Live {
  Weights weights;
  StepRule rule;
  const StepState* state = nullptr;  // needed by updates with `training`
};

struct Result {
  std::size_t update = 0;  // index into Options::updates; 0 where the measure needs none
  Measure measure = Measure::kKl;
  Matrix matrix;  // is_matrix(measure)
  Pairs pairs;    // keep_pairs, and is_matrix(measure): what the matrix is reduced from
  // Otherwise: numbers with the names of their series, "gradients/coherence".
  std::vector<std::pair<std::string, double>> scalars;

  // keep_pairs: S [updated probe][responding probe], NaN where skipped.
  std::vector<double> ratios() const { return engine::ratios(pairs.above, pairs.below); }
};

// S of one measure for one kind of update over learning rates.
struct SizeScan {
  Measure measure = Measure::kKl;
  std::vector<Matrix> elasticity;  // one for each rate
  Matrix limit;                    // to first order in the rate, where it tends to
};

// Mean loss of a batch, as training and updates differentiate it. Shapes as in Probes.
at::Tensor mean_loss(Loss loss, const at::Tensor& outputs, const at::Tensor& targets);

// Gradients of a scalar; undefined for parameters that it does not depend on.
std::vector<at::Tensor> gradients(const at::Tensor& scalar, const std::vector<at::Tensor>& parameters);

class MeasuredNet;

class Engine {
 public:
  // `make_replica` is called here: once for each thread, or once for a net with layers. Throws
  // hooke::Error (kInvalidArgument) when sizes do not fit or there is nothing to measure.
  Engine(Options options, Probes probes, const std::function<Replica()>& make_replica);
  ~Engine();

  // One result for each update and each measure, updates first, then one for each measure that
  // needs no update. nullopt when `stop` became true,
  // which is looked at before each probe. Throws what the net throws.
  std::optional<std::vector<Result>> measure(const Live& live, const std::atomic<bool>& stop);

  // The share of the updates of the measurement in progress that is done; 0 before the first. Any thread.
  double progress() const;

  // The first update at each of `rates`, increasing and above 0: one scan for each measure that
  // has_limit(). nullopt as above.
  std::optional<std::vector<SizeScan>> elasticity_vs_update_size(const Live& live,
                                                                 const std::vector<double>& rates,
                                                                 const std::atomic<bool>& stop);

 private:
  struct Tables;
  // What to measure; the rest of Options holds for all.
  struct Plan {
    std::vector<Update> updates;
    std::vector<Measure> measures;
    bool keep_pairs = false;
    bool limit = false;  // also the measures to first order, of the last update
  };
  void check_kernel() const;
  // One table for each update and measure, then with `limit` one for each measure. `without_update`,
  // where given, gets the results that need no update. nullopt when stopped.
  std::optional<Tables> fill_tables(const Plan& plan, const Live& live, const std::atomic<bool>& stop,
                                    std::vector<Result>* without_update);
  std::optional<std::vector<Result>> run(const Plan& plan, const Live& live, const std::atomic<bool>& stop);
  void work(const Plan& plan, const Live& live, std::size_t thread, const Predictions& before,
            std::atomic<std::size_t>& next, const std::atomic<bool>& stop, Tables& tables);
  void measure_update(const Plan& plan, const Live& live, std::size_t thread, const Predictions& before,
                      std::size_t update, const std::atomic<bool>& stop, Tables& tables);
  void fill_row(Measure measure, const StepRule& rule, const Predictions& before, const Predictions& after,
                const std::vector<double>& tangents, std::size_t probe, double* above, double& below) const;
  void make_net(const std::function<Replica()>& make_replica);

  Options options_;
  Probes probes_;
  Truth truth_;
  std::size_t threads_ = 1;
  std::unique_ptr<MeasuredNet> net_;
  std::atomic<std::size_t> updates_done_ = 0, updates_due_ = 0;
};

}  // namespace hooke::engine
