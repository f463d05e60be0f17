// One gRPC call in process, awaited by a coroutine. Messages are bytes: any method of any service.
//
// Used by one coroutine; cancel() by any thread.
#pragma once

#include "server/gateway/asio.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "server/gateway/connect.h"

namespace hooke::gateway {

class Call {
 public:
  struct Options {
    std::string method;         // "/hooke.v1.QueryService/GetSeries"
    std::string authorization;  // the caller's own; empty: none is sent
    std::string caller;         // where it comes from, for the log
    std::optional<std::chrono::milliseconds> timeout;
  };

  // Begins the call.
  Call(grpc::GenericStub& stub, const Options& options);
  // Cancels it when it was not awaited to its end.
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  // False when the server takes no more: finish() says why.
  boost::asio::awaitable<bool> write(const std::string& message);
  boost::asio::awaitable<void> writes_done();
  // Until the server has begun to answer, or has ended the call.
  boost::asio::awaitable<void> begun();
  // The next message; false at the end. One at a time is taken from the server, so who is slow
  // makes the server wait, not grow.
  boost::asio::awaitable<bool> read();
  // What read() gave.
  std::string message() const;
  // To be called once, after read() or write() gave false.
  boost::asio::awaitable<bool> finish();
  // Valid after finish().
  const grpc::Status& status() const;

  // Valid after begun() and after finish().
  const Metadata& leading() const;
  // Valid after finish().
  const Metadata& trailing() const;

  // All of the above for a call with one message each way.
  struct Answer {
    grpc::Status status;
    std::string message;  // when the status is OK
  };
  boost::asio::awaitable<void> unary(const std::string& request, Answer& answer);

  void cancel();
  // Cancels while the call lives, does nothing afterwards.
  std::function<void()> canceller() const;

 private:
  class Reactor;
  std::shared_ptr<Reactor> reactor_;
};

}  // namespace hooke::gateway
