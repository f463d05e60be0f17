// CIFAR-10's and CIFAR-100's binary files. The first byte's lowest bit says which.
#include "tests/fuzz/data_set.h"

using namespace hooke;

namespace {

constexpr std::size_t kImageBytes = 3 * 32 * 32;

std::string record(std::size_t label_bytes) {
  return std::string(label_bytes, '\1') + std::string(kImageBytes, 'p');
}

}  // namespace

void fuzz::one_input(Input input) {
  if (input.byte() % 2 == 0) {
    fuzz::load_with_one_file_of(input, "cifar10",
                                {{"data_batch_1.bin", record(1)},
                                 {"data_batch_2.bin", record(1)},
                                 {"data_batch_3.bin", record(1)},
                                 {"data_batch_4.bin", record(1)},
                                 {"data_batch_5.bin", record(1)},
                                 {"test_batch.bin", record(1)}});
  } else {
    fuzz::load_with_one_file_of(input, "cifar100", {{"train.bin", record(2)}, {"test.bin", record(2)}});
  }
}
