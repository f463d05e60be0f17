// What the tests of this folder share: several producers at once, and the sum of what became of their
// records.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/fault/audit.h"
#include "tests/fault/producer.h"
#include "tests/integration/harness.h"

namespace hooke::fault {

// A connection of its own to 127.0.0.1:`port`, with TLS when the house has it.
std::shared_ptr<grpc::Channel> connect(const harness::House& house, int port);

// Producers on a house's server.
class Streams {
 public:
  // They connect to `port`: the server's, or a proxy's.
  Streams(const harness::House& house, unsigned count, int port);

  std::uint64_t acknowledged() const;        // of all
  std::uint64_t least_acknowledged() const;  // of any
  // Resource name of the n-th run.
  const std::string& run(unsigned n) const { return grants_.at(n).run(); }
  // Ends the producers and reads what is stored from the server itself, and the database's own check.
  // Prints what was found; every breach is a failure of the test.
  void expect_everything_once(const std::string& caption);

 private:
  const harness::House& house_;
  std::vector<v1::LeaseGrant> grants_;
  std::vector<std::unique_ptr<Producer>> producers_;
};

}  // namespace hooke::fault
