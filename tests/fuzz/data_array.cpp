// A user's own arrays, NPY and CSV. The first byte picks the kind of file, the second which of the set's
// files the rest stands in.
#include "tests/fuzz/data_set.h"

using namespace hooke;

void fuzz::one_input(Input input) {
  const std::uint8_t choice = input.byte();
  const std::string ending = choice & 1 ? ".npy" : ".csv", known = choice & 2 ? "_labels" : "_targets";
  const bool inputs = choice & 4;
  static const fuzz::Folder folder;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
    std::filesystem::remove(entry.path());
  folder.write("train_inputs" + (inputs ? ending : ".csv"), inputs ? input.rest() : "1,2\n3,4\n");
  folder.write("train" + known + (inputs ? ".csv" : ending), inputs ? "0\n1\n" : input.rest());
  folder.write("test_inputs.csv", "1,2\n");
  folder.write("test" + known + ".csv", "0\n");
  data::Config config;
  config.set = "array";
  config.path = folder.path().string();
  fuzz::allowed({Code::kInvalidArgument, Code::kDataLoss}, [&] { data::load(config, {folder.path()}, 0); });
}
