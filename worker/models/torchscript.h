// A TorchScript program from a file as a net.
#pragma once

#include <memory>

#include "worker/models/net.h"

namespace hooke::models {

// Loads the file that `config.path` names, tries it on an input of the data's shape and returns
// it with floating-point weights of `dtype`. The weights are the file's. Throws hooke::Error with
// field "model.path" that names the file: kPermissionDenied without options.find_torchscript, what
// that throws, kInvalidArgument for a file that is no program or does not fit.
std::shared_ptr<Net> load_torchscript(const Config& config, const Shape& shape, at::ScalarType dtype,
                                      const Options& options);

}  // namespace hooke::models
