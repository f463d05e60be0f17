#include "proto/hooke/error.h"
#include "worker/data/svhn.h"

namespace hooke::data {

Raw read_svhn(const std::filesystem::path&) {
  throw Error(Code::kUnimplemented,
              "'svhn' needs a trainer built with matio: install libmatio-dev, configure and build again",
              "data.set");
}

}  // namespace hooke::data
