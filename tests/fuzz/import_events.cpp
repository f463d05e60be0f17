// `hooke import tensorboard` of one event file. The first byte says whether the frames' checksums are mended
// first, so that damage behind them is found.
#include "client/formats/import_reader.h"
#include "client/formats/record_file.h"
#include "tests/fuzz/target.h"

using namespace hooke;

namespace {

// The events, one length byte before each, in frames that are whole.
std::string framed(fuzz::Input input) {
  std::string bytes;
  while (!input.empty()) {
    std::string event;
    for (std::size_t left = input.byte(); left > 0 && !input.empty(); --left)
      event += static_cast<char>(input.byte());
    formats::append_record(bytes, event);
  }
  return bytes;
}

}  // namespace

void fuzz::one_input(Input input) {
  const bool whole = input.byte() & 1;
  static const fuzz::Folder folder;
  const auto file = folder.write("events.out.tfevents.1", whole ? framed(input) : std::string(input.rest()));
  fuzz::allowed({Code::kInvalidArgument, Code::kDataLoss}, [&] {
    const auto use = [&](v1::ScalarColumn&& column) {
      fuzz::check(column.step_size() == column.value_size() && column.step_size() == column.time_us_size(),
                  "columns differ in length");
    };
    formats::read_events(file, use, [](const std::string&) {});
  });
}
