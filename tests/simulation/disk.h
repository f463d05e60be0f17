// Disk: files in memory that know what of them is on disk. What was not synced is in doubt when the power
// goes; operations can fail; the machine can die in the middle of one.
//
// A write is kept or lost by sectors. Names (made, renamed, removed) of one folder survive in their order, up
// to some of the last. A sync of a file brings its name along, as Linux' file systems do; one that fails
// leaves what it should have written in doubt for ever: no later sync covers it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/simulation/world.h"

namespace hooke::simulation {

// The machine has died in the middle of an operation.
struct MachineDied {};

class Disk {
 public:
  // What can go wrong, in permille of the operations of its kind.
  struct Faults {
    unsigned failed_sync = 0;
    unsigned failed_write = 0;
    bool is_full = false;
  };
  struct Inode;
  using File = std::shared_ptr<Inode>;

  explicit Disk(World& world);
  ~Disk();

  Faults faults;

  // Null: there is none.
  File find(const std::string& path) const;
  // Finds or makes it; null when that fails.
  File make(const std::string& path);
  void rename(const std::string& from, const std::string& to);
  // Whether it was there.
  bool remove(const std::string& path);
  // Paths below a folder, at any depth.
  std::vector<std::string> below(const std::string& folder) const;
  void sync_folder(const std::string& folder);

  std::string_view bytes(const File& file) const;
  // An errno: 0, EIO or ENOSPC. Some of the bytes may be written then.
  int write(const File& file, std::uint64_t offset, std::string_view bytes);
  int truncate(const File& file, std::uint64_t size);
  int sync(const File& file);

  // After so many operations that change something the machine is dead: the last of them may be cut short,
  // and nothing has an effect any more.
  void die_after(std::uint64_t operations) { operations_left_ = operations; }
  bool is_dead() const { return dead_; }
  void die() { dead_ = true; }
  // It runs again. `power_lost`: what was in doubt is decided.
  void restart(bool power_lost);

 private:
  struct NameChange {
    std::string folder, name;
    File file;  // null: removed
    bool synced = false;
  };

  // Whether the machine still lives after this operation; `dies` when it does so during it.
  bool begin_operation(bool& dies);
  void change_name(const std::string& path, File file);
  void lose_power();
  void settle_names();
  void settle(Inode& inode);

  World& world_;
  std::map<std::string, File> names_, durable_names_;
  std::vector<NameChange> changes_;
  std::uint64_t operations_left_ = 0;  // 0: it does not die
  bool dead_ = false;
};

}  // namespace hooke::simulation
