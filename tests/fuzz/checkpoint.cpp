// Checkpoint files, but for what LibTorch makes of the tensors' bytes. The checksum at the end is mended, so
// that damage behind it is found.
#include "worker/trainer/checkpoint.h"

#include <zlib.h>

#include "tests/fuzz/target.h"

using namespace hooke;

void fuzz::one_input(Input input) {
  static const fuzz::Folder folder;
  std::string bytes(input.rest());
  const auto checksum =
      static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
  bytes.append(reinterpret_cast<const char*>(&checksum), sizeof checksum);
  const auto path = folder.write("fuzz.ckpt", bytes);
  fuzz::allowed({Code::kDataLoss, Code::kFailedPrecondition}, [&] {
    const trainer::Checkpoint read = trainer::read_checkpoint(path);
    trainer::write_checkpoint(folder.path(), read);
    const auto copy = folder.path() / trainer::file_name(read);
    const trainer::Checkpoint again = trainer::read_checkpoint(copy);
    std::filesystem::remove(copy);
    fuzz::check(again.config == read.config && again.record == read.record &&
                    again.state.step == read.state.step &&
                    again.state.tensors.size() == read.state.tensors.size(),
                "a checkpoint is not what was written");
    trainer::check_same_run(read.config, "{}");
  });
}
