// SQLite's file system on a simulated Disk, with the shared memory and locks that its WAL needs. There is one
// server at a time, so one disk is mounted at a time.
#pragma once

#include "tests/simulation/disk.h"

namespace hooke::simulation {

// The name under which SQLite knows it.
inline constexpr const char* kVfsName = "simulation";

// What SQLite does from now on happens on this disk; at first use the file system is registered, as SQLite's
// default, so that its randomness and time are the world's, too. REQUIRES: no file is open.
void mount(Disk& disk, World& world);

}  // namespace hooke::simulation
