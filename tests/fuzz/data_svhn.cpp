// SVHN's MATLAB files, of which matio reads the framing.
#include "tests/fuzz/data_set.h"
#include "worker/data/svhn.h"

using namespace hooke;

void fuzz::one_input(Input input) {
  static const fuzz::Folder folder;
  folder.write("train_32x32.mat", input.rest());
  folder.write("test_32x32.mat", input.rest());
  fuzz::allowed({Code::kDataLoss}, [&] { data::read_svhn(folder.path()); });
}
