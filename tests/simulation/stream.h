// A stream of records, from a worker's end to the server's. Both ends stand here; between them are two
// queues, whose messages arrive in their order.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "tests/simulation/network.h"

namespace hooke::simulation {

class Stream : public std::enable_shared_from_this<Stream> {
 public:
  // `link_is_down`: nothing passes between this worker and the server.
  Stream(Network& network, Process& worker, const bool& link_is_down)
      : network_(network), worker_(worker.id()), link_is_down_(link_is_down) {}

  // The worker's end. REQUIRES of open(): a shared_ptr owns the stream.
  void open(storage::AttemptKey attempt);
  void send(v1::RecordBatch batch);
  void half_close();
  // What the server has said, newest; absent before the first.
  std::optional<std::uint64_t> committed() const { return committed_; }
  // How it has ended; kUnavailable when it was cut. Absent: it has not.
  struct End {
    std::optional<Error> error;
  };
  const std::optional<End>& ended() const { return ended_; }

  // The connection is gone: the worker hears of it, the server maybe later; what was under way is lost or
  // arrives still.
  void cut();
  bool is_open() const { return !cut_ && !ended_; }

 private:
  struct Message {
    std::optional<storage::AttemptKey> open;
    std::shared_ptr<v1::RecordBatch> batch;  // neither: half-close
  };

  // To the server.
  void post(Message message);
  void deliver();
  void take(Server& server, Message& message);
  // Of the server's end.
  void committed_at_server(const std::exception_ptr& error, std::uint64_t committed);
  void end_at_server(const std::exception_ptr& error);
  // To the worker.
  void answer(std::function<void()> arrives);

  Network& network_;
  const World::ProcessId worker_;
  const bool& link_is_down_;
  bool cut_ = false;

  std::deque<Message> to_server_;
  TimeUs server_hears_ = 0, worker_hears_ = 0;  // the last that is under way

  std::uint64_t incarnation_ = 0;  // of the server that it was opened with
  std::shared_ptr<ingest::Stream> stream_;
  int in_flight_ = 0;
  bool half_closed_ = false, server_ended_ = false;

  std::optional<std::uint64_t> committed_;
  std::optional<End> ended_;
};

}  // namespace hooke::simulation
