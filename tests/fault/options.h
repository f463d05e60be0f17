// How hard the tests of this folder try: short by default, longer by the program's flags.
#pragma once

namespace hooke::fault {

struct Options {
  int kills = 8;      // in each test that kills
  int stops = 1;      // in each test that stops a process for a while
  int faults = 60;    // of the network, at least, in each test with a proxy
  int minutes = 0;    // that a soak takes; 0: some seconds
  int streams = 120;  // that are open at once, a sixth of them busy
  int queued = 1000;  // runs
  unsigned seed = 1;
};

// What main() was given.
const Options& options();

}  // namespace hooke::fault
