// What one real run sent, in a form that thousands of simulated workers send again without a copy.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "hooke/v1/worker.pb.h"

namespace hooke::bench {

// Immutable, so that any thread may read it. Must outlive every batch that it made.
class Recording {
 public:
  // Reads a spool that holds a whole run, from its beginning to its end.
  // Throws hooke::Error: kFailedPrecondition when it holds less.
  explicit Recording(const std::filesystem::path& spool);

  std::uint64_t size() const { return records_.size(); }
  // Record `number`, from 1.
  const v1::Record& record(std::uint64_t number) const { return records_[number - 1]; }
  // From the first measurement to the last, as the trainer's clock had it.
  double seconds() const { return at_s_.back(); }
  // When the trainer had record `number`, after the first measurement.
  double at_s(std::uint64_t number) const { return at_s_[number - 1]; }
  // The last record that is there after so many seconds.
  std::uint64_t due(double elapsed_s) const;
  // Rows that a database has of records up to `number`: scalars, matrices, blocks of pairs.
  std::int64_t points(std::uint64_t number) const { return number == 0 ? 0 : points_[number - 1]; }
  std::int64_t scalars() const { return scalars_; }

  // The last record of a batch that begins with `first` and holds none after `last`: as many as a real
  // worker would send in one message.
  std::uint64_t batch_end(std::uint64_t first, std::uint64_t last) const;
  std::size_t bytes(std::uint64_t first, std::uint64_t last) const;
  // A hooke.v1.StreamRequest with these records.
  grpc::ByteBuffer batch(std::uint64_t first, std::uint64_t last) const;

 private:
  void add(v1::Record record);

  std::vector<v1::Record> records_;
  std::vector<double> at_s_;
  std::vector<std::int64_t> points_;
  std::int64_t scalars_ = 0;
  std::int64_t first_us_ = 0;
  std::string encoded_;            // the fields `records` of a hooke.v1.RecordBatch
  std::vector<std::size_t> ends_;  // of each, in `encoded_`
};

// Every whole run of which there is a spool below `folder`; others are named on stderr.
// Throws hooke::Error (kNotFound) when there is none.
std::vector<Recording> read_recordings(const std::filesystem::path& folder);

// Trains the preset `fashion-mnist` for two epochs, without a server, into `folder`.
void record_run(const std::filesystem::path& folder);

}  // namespace hooke::bench
