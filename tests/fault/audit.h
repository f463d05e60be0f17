// What a server has stored, against what producers sent.
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <memory>
#include <string>

namespace hooke::fault {

struct Audit {
  std::int64_t values = 0;      // that had to be there
  std::int64_t lost = 0;        // that were not
  std::int64_t duplicated = 0;  // steps that were there twice, or out of order
  std::int64_t changed = 0;     // with another value
  std::int64_t invented = 0;    // never sent
  bool clean() const { return lost + duplicated + changed + invented == 0; }
  Audit& operator+=(const Audit& other);
};

// The scalars and every cell of every matrix of run number `run`, stored as `run_name` (its resource name),
// of which records up to `last` are acknowledged and no more were sent.
Audit audit(const std::shared_ptr<grpc::Channel>& channel, const std::string& run_name, unsigned run,
            std::uint64_t last);

}  // namespace hooke::fault
