#include "tests/bench/recording.h"

#include <google/protobuf/io/coded_stream.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <stdexcept>

#include "proto/hooke/error.h"
#include "tests/integration/harness.h"
#include "worker/spool/spool.h"
#include "worker/uplink/translate.h"

namespace hooke::bench {
namespace {

namespace fs = std::filesystem;

// As worker/uplink has them.
constexpr std::uint64_t kBatchRecords = 1000;
constexpr std::size_t kBatchBytes = 1 << 20;
constexpr const char* kDataRoot = "/usr/share/datasets";  // Debian's package dataset-fashion-mnist
constexpr std::chrono::minutes kLongestRun{10};

std::int64_t rows_of(const v1::Record& record) {
  if (record.has_scalars()) return record.scalars().key_size();
  return record.has_matrix() || record.has_pairs() ? 1 : 0;
}

// 0: it was not measured at a time of its own.
std::int64_t time_of(const v1::Record& record) {
  if (record.has_scalars()) return record.scalars().time_us();
  if (record.has_matrix()) return record.matrix().time_us();
  return record.has_pairs() ? record.pairs().time_us() : 0;
}

// A field of a message: its tag and length, for bytes that follow.
std::string header(std::uint32_t field, std::size_t bytes) {
  constexpr std::uint32_t kLengthDelimited = 2;
  std::uint8_t text[16];
  using Out = google::protobuf::io::CodedOutputStream;
  std::uint8_t* end = Out::WriteVarint32ToArray(field << 3 | kLengthDelimited, text);
  end = Out::WriteVarint64ToArray(bytes, end);
  return {reinterpret_cast<const char*>(text), reinterpret_cast<const char*>(end)};
}

}  // namespace

Recording::Recording(const fs::path& spool) {
  spool::Reader reader(spool);
  while (const auto record = reader.next()) add(uplink::to_protocol(*record));
  const auto incomplete = [&spool](const std::string& why) {
    return Error(Code::kFailedPrecondition, spool.string() + " " + why);
  };
  if (records_.empty() || records_.front().number() != 1) throw incomplete("lacks its first records");
  if (!records_.front().has_attempt_start() || records_.front().attempt_start().has_resume_step())
    throw incomplete("does not begin a run");
  if (!records_.back().has_end() || records_.back().end().state() != v1::RUN_STATE_SUCCEEDED)
    throw incomplete("holds no run that has succeeded");
  if (seconds() <= 0) throw incomplete("holds no two measurements");
}

void Recording::add(v1::Record record) {
  // Played to a server, not synchronised with one.
  if (record.has_attempt_start()) record.mutable_attempt_start()->clear_offline();
  const std::int64_t time_us = time_of(record);
  if (first_us_ == 0) first_us_ = time_us;
  const double before_s = at_s_.empty() ? 0 : at_s_.back();
  at_s_.push_back(time_us == 0 ? before_s
                               : std::max(before_s, static_cast<double>(time_us - first_us_) / 1e6));
  points_.push_back((points_.empty() ? 0 : points_.back()) + rows_of(record));
  if (record.has_scalars()) scalars_ += rows_of(record);
  const std::string text = record.SerializeAsString();
  encoded_ += header(v1::RecordBatch::kRecordsFieldNumber, text.size()) + text;
  ends_.push_back(encoded_.size());
  records_.push_back(std::move(record));
}

std::uint64_t Recording::due(double elapsed_s) const {
  return static_cast<std::uint64_t>(std::upper_bound(at_s_.begin(), at_s_.end(), elapsed_s) - at_s_.begin());
}

std::size_t Recording::bytes(std::uint64_t first, std::uint64_t last) const {
  return ends_[last - 1] - (first == 1 ? 0 : ends_[first - 2]);
}

std::uint64_t Recording::batch_end(std::uint64_t first, std::uint64_t last) const {
  last = std::min(last, first + kBatchRecords - 1);
  const std::size_t begin = first == 1 ? 0 : ends_[first - 2];
  const auto end = std::upper_bound(ends_.begin() + static_cast<std::ptrdiff_t>(first - 1), ends_.end(),
                                    begin + kBatchBytes);
  return std::clamp(static_cast<std::uint64_t>(end - ends_.begin()), first, last);
}

grpc::ByteBuffer Recording::batch(std::uint64_t first, std::uint64_t last) const {
  const std::size_t size = bytes(first, last);
  const char* data = encoded_.data() + (ends_[last - 1] - size);
  const grpc::Slice slices[] = {grpc::Slice(header(v1::StreamRequest::kBatchFieldNumber, size)),
                                grpc::Slice(data, size, grpc::Slice::STATIC_SLICE)};
  return {slices, 2};
}

std::vector<Recording> read_recordings(const fs::path& folder) {
  std::vector<Recording> all;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().filename() != spool::kFileName) continue;
    try {
      all.emplace_back(entry.path());
    } catch (const Error& error) {
      std::cerr << "left out: " << error.what() << "\n";
    }
  }
  if (all.empty())
    throw Error(Code::kNotFound,
                "no spool of a whole run below " + folder.string() +
                    "; `hooke-worker run --out DIR` and `hooke-worker --keep-spool` keep them");
  return all;
}

void record_run(const fs::path& folder) {
  harness::Process process({harness::program("hooke-worker"), "run", "--preset", "fashion-mnist", "--set",
                            "training.epochs=2", "--out", folder / "run", "--data-root", kDataRoot},
                           {}, folder / "run.log");
  if (process.wait(kLongestRun) != 0)
    throw std::runtime_error("no run to record (its data are those of the package dataset-fashion-mnist): " +
                             process.err());
}

}  // namespace hooke::bench
