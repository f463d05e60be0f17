// The edge of every RPC: checks the caller, runs the handler, turns what it throws into a status.
//
// Owned by server/app; immutable, so any thread may call it.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>
#include <grpcpp/support/status.h>

#include <exception>
#include <string>

#include "server/access/access.h"

namespace hooke::services {

// The one place where an exception becomes a status. Messages are cut to what fits in metadata.
grpc::Status status_of(const std::exception_ptr& error);

class Gate {
 public:
  explicit Gate(const access::Access& access) : access_(access) {}

  // Throws hooke::Error, see Access::check. `method` is as on the wire.
  access::Caller check(const grpc::ServerContextBase& context, const std::string& method) const;
  // Throws hooke::Error, see Access::check_again.
  void check_again(const access::Caller& caller) const { access_.check_again(caller); }

  // A unary handler of the callback API, which must not block: `work(caller, finish)` has `finish(error)`
  // called once the response is filled, by any thread; what it throws is an answer too.
  template <class Work>
  grpc::ServerUnaryReactor* start(grpc::CallbackServerContext& context, const std::string& method,
                                  Work work) const {
    grpc::ServerUnaryReactor* const reactor = context.DefaultReactor();
    try {
      work(check(context, method), [reactor](const std::exception_ptr& error) {
        reactor->Finish(error ? status_of(error) : grpc::Status::OK);
      });
    } catch (...) {
      reactor->Finish(status_of(std::current_exception()));
    }
    return reactor;
  }

  // A unary handler: `work(caller)` fills the response or throws.
  template <class Work>
  grpc::Status run(const grpc::ServerContextBase& context, const std::string& method, Work work) const {
    try {
      work(check(context, method));
      return grpc::Status::OK;
    } catch (...) {
      return status_of(std::current_exception());
    }
  }

 private:
  const access::Access& access_;
};

}  // namespace hooke::services
