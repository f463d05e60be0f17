// IDX files, plain and gzip'd, as one of a set of four.
#include "tests/fuzz/data_set.h"

using namespace hooke;
using namespace std::string_literals;

void fuzz::one_input(Input input) {
  const std::string images =
      "\0\0\x08\x03\0\0\0\x02\0\0\0\x02\0\0\0\x02"s + "\x01\x02\x03\x04\x05\x06\x07\x08";
  const std::string labels = "\0\0\x08\x01\0\0\0\x02\0\x01"s;
  fuzz::load_with_one_file_of(input, "mnist",
                              {{"train-images-idx3-ubyte", images},
                               {"train-labels-idx1-ubyte", labels},
                               {"t10k-images-idx3-ubyte", images},
                               {"t10k-labels-idx1-ubyte", labels}});
}
