#include "worker/training/stored_tensors.h"

#include <ATen/ATen.h>

#include <cstring>
#include <optional>
#include <sstream>

#include "proto/hooke/error.h"

namespace hooke::training {
namespace {

std::optional<at::ScalarType> find_dtype(const std::string& name) {
  for (const at::ScalarType type : {at::kFloat, at::kDouble, at::kLong, at::kInt, at::kShort, at::kByte,
                                    at::kChar, at::kBool, at::kHalf, at::kBFloat16}) {
    if (name == at::toString(type)) return type;
  }
  return std::nullopt;
}

std::string text(at::IntArrayRef sizes) {
  std::ostringstream out;
  out << sizes;
  return out.str();
}

}  // namespace

StoredTensor store(const std::string& name, const at::Tensor& tensor) {
  at::Tensor dense = tensor.detach().to(at::kCPU);
  if (!dense.is_non_overlapping_and_dense()) dense = dense.contiguous();
  return {name, at::toString(dense.scalar_type()), dense.sizes().vec(), dense.strides().vec(),
          std::string(static_cast<const char*>(dense.data_ptr()), dense.nbytes())};
}

at::Tensor load(const StoredTensor& stored, at::Device device) {
  const auto dtype = find_dtype(stored.dtype);
  const Error damaged(Code::kDataLoss, "the tensor " + stored.name + " of the checkpoint is not whole");
  if (!dtype || stored.sizes.size() != stored.strides.size()) throw damaged;
  const at::Tensor tensor = at::empty_strided(stored.sizes, stored.strides, at::dtype(*dtype));
  if (!tensor.is_non_overlapping_and_dense() || tensor.nbytes() != stored.bytes.size()) throw damaged;
  std::memcpy(tensor.data_ptr(), stored.bytes.data(), stored.bytes.size());
  return tensor.to(device);
}

void load_into(const StoredTensor& stored, at::Tensor tensor) {
  const at::Tensor loaded = load(stored, tensor.device());
  if (loaded.scalar_type() != tensor.scalar_type() || loaded.sizes() != tensor.sizes()) {
    throw Error(Code::kFailedPrecondition,
                "the checkpoint is of another net: its " + stored.name + " is " + stored.dtype + " " +
                    text(stored.sizes) + ", not " + at::toString(tensor.scalar_type()) + " " +
                    text(tensor.sizes()),
                "--resume");
  }
  const at::NoGradGuard no_grad;
  tensor.copy_(loaded);
}

}  // namespace hooke::training
