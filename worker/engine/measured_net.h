// The net of a measurement: predictions with the live weights, gradients of single probes, and
// predictions after one step. Three implementations: a net described by its layers runs on the
// engine's own loops on the CPU and as batched products elsewhere, any other net through its forward
// pass and autograd.
//
// load() and outputs_before() belong to the owner, before the threads start; the others are called
// by thread `thread` of the number given when it was made, each with its own scratch memory.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "worker/engine/engine.h"

namespace hooke::engine {

class MeasuredNet {
 public:
  virtual ~MeasuredNet() = default;

  // `live` outlives the measurement. With `traced`, gram(), tangents() and last_layer() can follow.
  virtual void load(const Live& live, bool traced) = 0;
  // Outputs of all probes, [probes][outputs], with the live weights.
  virtual std::vector<double> outputs_before() = 0;
  // How many probes are best differentiated together.
  virtual std::size_t together() const = 0;
  // Prepares step() for probes `first` to `first + count`, at most together() of them.
  virtual void differentiate(std::size_t thread, std::size_t first, std::size_t count) = 0;

  // Takes what follows one step on `probe`: the outputs of all probes, [probes][outputs], and what
  // the step moves there to first order, likewise, or nothing. False: no other probe is wanted.
  using UseStep =
      std::function<bool(std::size_t probe, std::vector<double> outputs, const std::vector<double>& moved)>;
  // One step on each of the prepared probes, in order, from the live weights and `state`, which is
  // fresh or the one that load() got. First-order parts only with `tangents`.
  virtual void step(std::size_t thread, const StepRule& rule, const StepState& state, bool tangents,
                    const UseStep& use) = 0;

  // Inner products [probes][probes] of the gradients that arise from `output_errors`
  // [probes][outputs]: with those of the losses, of the losses' gradients. For the owner.
  virtual std::vector<double> gram(const std::vector<double>& output_errors) = 0;
  // What the last layer sees and its weights; none when the net is not known layer by layer, or
  // has one layer. For the owner.
  struct LastLayer {
    std::vector<double> features;  // [probes][n]
    std::vector<double> weights;   // [outputs][n]
  };
  virtual std::optional<LastLayer> last_layer() = 0;
};

// Largest number of examples in one forward pass; bounds memory, and is the same for any number
// of threads so that the bits are.
inline constexpr std::size_t kForwardBatch = 256;

// Whether a net described by its layers can run on the engine's own loops: CPU, float32 or float64.
bool has_layered_net(const Replica& replica);
// `probes` and `truth` outlive the nets.
std::unique_ptr<MeasuredNet> make_layered_net(const Probes& probes, const Truth& truth, std::size_t threads,
                                              const Replica& replica);
// One thread for each device; `batch` updates side by side, 0: as many as are useful and fit.
std::unique_ptr<MeasuredNet> make_batched_net(const Probes& probes, const Truth& truth, const Layers& layers,
                                              const std::vector<at::Device>& devices, std::size_t batch);
// One replica for each thread.
std::unique_ptr<MeasuredNet> make_module_net(const Probes& probes, const Truth& truth,
                                             std::vector<Replica> replicas);

}  // namespace hooke::engine
