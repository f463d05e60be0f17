// Series keys: what parses is written back as a key of the same meaning.
#include "server/analysis/series_key.h"

#include "tests/fuzz/target.h"

using namespace hooke;

void fuzz::one_input(Input input) {
  fuzz::allowed({Code::kInvalidArgument}, [&] {
    const analysis::SeriesKey key = analysis::parse_series_key(input.rest());
    fuzz::check(analysis::parse_series_key(analysis::to_string(key)) == key, "a key changed on its way");
  });
}
