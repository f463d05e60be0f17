// Sends one attempt's spool to the server, as it grows, exactly as long as that takes.
//
// Owned by whoever sends. Three threads of its own: one tails the spool and writes, one reads
// acknowledgements, one watches that they come. A lost connection is made again, with growing pauses, for
// as long as it takes; the server then says where to go on.
//
// Lock order: one mutex, mutex_, held for moments only.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "hooke/v1/worker.pb.h"
#include "proto/hooke/error.h"
#include "worker/spool/spool.h"
#include "worker/uplink/ledger.h"

namespace grpc {
class ClientContext;
}
namespace hooke::sdk {
class Connection;
}

namespace hooke::uplink {

class Uplink {
 public:
  // Called on the uplink's thread when the connection is lost, with the cause, and without one when it
  // is there again.
  using Notice = std::function<void(const std::optional<std::string>& lost)>;

  // A stream that brings nothing for as long, while the server has something to answer, is ended and opened
  // again. A lost connection gRPC finds itself, sooner.
  static constexpr std::chrono::milliseconds kPatience{60'000};

  // `spool` need not exist yet.
  Uplink(sdk::Connection& connection, v1::AttemptRef attempt, std::filesystem::path spool, Notice notice,
         std::chrono::milliseconds patience = kPatience);
  ~Uplink();
  Uplink(const Uplink&) = delete;
  Uplink& operator=(const Uplink&) = delete;

  // Nothing more will be appended to the spool: drained() once all of it is acknowledged.
  void close_spool();

  // Waits until everything is acknowledged or the server has refused; false after `timeout`.
  bool wait_drained(std::chrono::milliseconds timeout);

  // Why the server takes nothing more of this attempt (fenced, or a record that breaks the rules),
  // or why the spool cannot be read; nullopt while all is well.
  std::optional<Error> refusal() const;

  // The number of the last acknowledged record, 0 before the first.
  std::uint64_t acknowledged() const;

  // The end of the last acknowledged barrier in the spool; nullopt before the first.
  std::optional<spool::Position> acknowledged_barrier() const;

  // What is acknowledged, to the last batch of which all is.
  spool::Position acknowledged_position() const;

  // Whether it was refused because the server has lost what it had acknowledged (a restored backup).
  bool rewound() const;

  // The trainer's last record, once it was read from the spool.
  std::optional<v1::End> end() const;

 private:
  class Session;

  void run();
  bool wait_for_spool();
  void pause(std::chrono::milliseconds time);

  sdk::Connection& connection_;
  const v1::AttemptRef attempt_;
  const std::filesystem::path spool_;
  const Notice notice_;
  const std::chrono::milliseconds patience_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;  // guarded by mutex_, as the rest
  bool closed_ = false;
  bool drained_ = false;
  Ledger ledger_;
  std::optional<Error> refusal_;
  grpc::ClientContext* context_ = nullptr;  // of the open stream

  std::thread thread_;
};

}  // namespace hooke::uplink
