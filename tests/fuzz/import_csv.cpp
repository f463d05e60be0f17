// `hooke import csv` of one file.
#include "client/formats/import_reader.h"
#include "tests/fuzz/target.h"

using namespace hooke;

void fuzz::one_input(Input input) {
  static const fuzz::Folder folder;
  const auto file = folder.write("loss.csv", input.rest());
  fuzz::allowed({Code::kInvalidArgument, Code::kDataLoss}, [&] {
    std::int64_t last = -1;
    const auto use = [&](v1::ScalarColumn&& column) {
      fuzz::check(column.step_size() == column.value_size(), "steps and values differ in number");
      for (const auto step : column.step())
        fuzz::check(std::exchange(last, step) < step, "steps do not increase");
    };
    formats::read_csv(file, use, [](const std::string&) {});
  });
}
