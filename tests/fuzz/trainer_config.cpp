// The trainer's configuration: canonical JSON, or anything else.
#include "tests/fuzz/target.h"
#include "worker/training/config.h"

using namespace hooke;

void fuzz::one_input(Input input) {
  fuzz::allowed({Code::kInvalidArgument, Code::kUnimplemented},
                [&] { training::parse_config(input.rest()); });
}
