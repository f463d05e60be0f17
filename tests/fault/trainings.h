// Real trainings, all of one configuration: whatever befalls them, their curves are those of one that was
// left alone, bit for bit.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/integration/harness.h"

namespace hooke::fault {

class Trainings {
 public:
  static constexpr int kSteps = 9 * 240;  // some seconds of work, measured at every other step

  explicit Trainings(harness::House& house);

  // Another run; its id.
  std::string submit(const std::vector<std::string>& extra = {});
  std::size_t count() const { return runs_.size(); }
  // Queued or running.
  int unfinished();

  // Waits for all, and for one more that nothing befalls; how many differ from that. A run that does not
  // succeed is a failure of the test.
  int different();

 private:
  std::string all_series(const std::string& run);

  harness::House& house_;
  const std::string config_;
  std::vector<std::string> runs_;
};

// `hooke doctor --verify --against SPOOLS`: the database is sound, and has every value of the spools.
void expect_stored(harness::House& house, const std::filesystem::path& spools);

}  // namespace hooke::fault
