// Writes what a training tells to the spool file, and its checkpoints beside it.
//
// Owned by main; one thread, the training's. The file is on disk after every barrier, at the end,
// and about once a second in between. A checkpoint is written after its barrier is on disk.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "worker/spool/spool.h"
#include "worker/trainer/checkpoint.h"
#include "worker/trainer/resumption.h"
#include "worker/training/recorder.h"

namespace hooke::trainer {

// A segment of a run that is made without a server.
struct Offline {
  std::string uuid;
  int segment = 1;
  std::uint64_t predecessor_last_record = 0;
};

class SpoolRecorder : public training::Recorder {
 public:
  // Creates records.spool in `folder`. `config` is what checkpoints keep of it. Warnings go to
  // `log`. Throws hooke::Error (kAlreadyExists) when there is one.
  SpoolRecorder(std::filesystem::path folder, std::string config, std::ostream& log,
                spool::Writer::Options options = {});

  // Before start().
  void resume(Resumption resumption) { resumption_ = std::move(resumption); }
  void set_offline(Offline offline) { offline_ = std::move(offline); }
  // Called whenever a checkpoint is on disk.
  void set_after_checkpoint(std::function<void()> then) { after_checkpoint_ = std::move(then); }

  void start(const training::Facts& facts, const std::vector<training::MatrixSeries>& series) override;
  void scalars(std::int64_t step, const std::vector<std::pair<std::string, double>>& values) override;
  void matrix(std::int64_t step, const std::string& key, const engine::Matrix& matrix) override;
  void pairs(std::int64_t step, const std::string& key, const engine::Pairs& pairs) override;
  void barrier(std::int64_t step) override;
  void checkpoint(const training::State& state) override;
  void measuring(std::int64_t step, double share) override;

  // The last record; a failure's is written past the spool's limit, too. None is written when the
  // training was stopped: it may go on later.
  void succeed();
  void fail(const std::string& message);
  void sync();

 private:
  using Clock = std::chrono::steady_clock;

  void resend(const Resend& old);
  std::uint64_t append_json(const std::string& text);
  // The last record; it is on disk when this returns.
  void append_end(const std::string& json_text);
  std::uint64_t append(spool::Kind kind, const std::string& payload);

  const std::filesystem::path folder_;
  const std::string config_;
  std::ostream& log_;
  spool::Writer writer_;
  std::size_t probes_ = 0;  // of all classes
  std::optional<Resumption> resumption_;
  std::optional<Offline> offline_;
  std::function<void()> after_checkpoint_ = [] {};
  Environment environment_;
  Clock::time_point synced_;
  bool dirty_ = false;         // appended to since the last sync
  bool ended_ = false;         // the last record was appended
  std::uint64_t barrier_ = 0;  // number of the last barrier's record
};

}  // namespace hooke::trainer
