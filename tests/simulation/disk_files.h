// The file operations of a worker's machine, on a simulated Disk. When the machine dies in the middle of one,
// MachineDied leaves it.
#pragma once

#include "tests/simulation/disk.h"
#include "worker/spool/files.h"

namespace hooke::simulation {

class DiskFiles final : public spool::Files {
 public:
  explicit DiskFiles(Disk& disk) : disk_(disk) {}

  std::unique_ptr<spool::File> open(const Path& path, Mode mode) override;
  bool exists(const Path& path) override;
  std::vector<Entry> list(const Path& folder) override;
  bool make_folder(const Path& folder) override;
  void rename(const Path& from, const Path& to) override;
  void remove(const Path& path) override;
  void sync_folder(const Path& folder) override;

 private:
  Disk& disk_;
};

}  // namespace hooke::simulation
