// Records in the shortest words, and a worker's end of a stream that waits for each answer.
#pragma once

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/ingest/ingest.h"

namespace hooke::ingest {

// Records, in the shortest words.
inline v1::Record start(std::optional<Step> resume = {}, std::int64_t total = 100) {
  v1::Record record;
  if (resume) record.mutable_attempt_start()->set_resume_step(*resume);
  record.mutable_attempt_start()->set_total_steps(total);
  return record;
}
inline v1::Record scalars(Step step, const std::vector<std::pair<std::string, double>>& values) {
  v1::Record record;
  record.mutable_scalars()->set_step(step);
  record.mutable_scalars()->set_time_us(1'000 + step);
  for (const auto& [key, value] : values) {
    record.mutable_scalars()->add_key(key);
    record.mutable_scalars()->add_value(value);
  }
  return record;
}
inline v1::Record loss(Step step, double value = 0.5) {
  return scalars(step, {{"train/loss", value}});
}
inline v1::Record declare(const std::string& key, const std::vector<std::string>& classes) {
  v1::Record record;
  auto* series = record.mutable_series_declaration();
  series->set_key(key);
  series->set_kind(v1::SERIES_KIND_MATRIX);
  for (const auto& name : classes) series->add_class_names(name);
  for (std::size_t i = 0; i < classes.size() * classes.size(); ++i) series->add_eligible(20);
  return record;
}
inline v1::Record matrix(const std::string& key, Step step, std::size_t bytes) {
  v1::Record record;
  record.mutable_matrix()->set_key(key);
  record.mutable_matrix()->set_step(step);
  record.mutable_matrix()->set_planes(std::string(bytes, '\x01'));
  return record;
}
inline v1::Record declare_pairs(const std::string& key, const std::vector<std::string>& classes,
                                int per_class) {
  v1::Record record = declare(key, classes);
  record.mutable_series_declaration()->set_kind(v1::SERIES_KIND_PAIRS);
  record.mutable_series_declaration()->set_per_class(per_class);
  return record;
}
// Rows of a table of four probes.
inline v1::Record pairs(const std::string& key, Step step, int first, int rows) {
  v1::Record record;
  auto* point = record.mutable_pairs();
  point->set_key(key);
  point->set_step(step);
  point->set_first_row(first);
  point->set_numerators(std::string(static_cast<std::size_t>(rows) * 16, 'n'));
  point->set_denominators(std::string(16, 'd'));
  return record;
}
inline v1::Record barrier(Step step) {
  v1::Record record;
  record.mutable_barrier()->set_step(step);
  return record;
}
inline v1::Record end(v1::RunState state = v1::RUN_STATE_SUCCEEDED) {
  v1::Record record;
  record.mutable_end()->set_state(state);
  return record;
}

// One worker's end of one stream.
class Client {
 public:
  Client(Ingest& ingest, storage::AttemptKey key) {
    std::promise<void> opened;
    std::exception_ptr failed;
    ingest.open(std::move(key),
                [&](std::exception_ptr error, std::shared_ptr<Stream> stream, std::uint64_t last) {
                  failed = error;
                  stream_ = std::move(stream);
                  committed = last;
                  next = last + 1;
                  opened.set_value();
                });
    opened.get_future().wait();
    if (failed) std::rethrow_exception(failed);
  }

  // Sends records numbered on from `next`, in one batch; throws what the server answers.
  void send(std::vector<v1::Record> records) {
    v1::RecordBatch batch;
    for (auto& record : records) {
      record.set_number(next++);
      *batch.add_records() = std::move(record);
    }
    send_batch(batch);
  }
  void send_batch(const v1::RecordBatch& batch) {
    auto answer = std::make_shared<std::promise<std::uint64_t>>();
    stream_->append(batch, [answer](std::exception_ptr error, std::uint64_t last) {
      if (error) {
        answer->set_exception(error);
      } else {
        answer->set_value(last);
      }
    });
    committed = answer->get_future().get();
  }
  // The reason with which the fence refuses these records; empty when it does not.
  std::string refused(std::vector<v1::Record> records) {
    try {
      send(std::move(records));
    } catch (const storage::FencedError& error) {
      message = error.what();
      return error.reason();
    }
    return "";
  }

  std::uint64_t committed = 0;
  std::uint64_t next = 1;
  std::string message;

 private:
  std::shared_ptr<Stream> stream_;
};

}  // namespace hooke::ingest
