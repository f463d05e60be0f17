// Network: what lies between workers and the server. Calls are lost, delayed and repeated; streams keep their
// order and lose nothing while they last, but are cut anywhere, and what was under way may still arrive, when
// the worker has long opened another.
//
// The server's end of a stream does what server/services/worker_stream does, without gRPC.
#pragma once

#include <coroutine>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hooke/v1/worker.pb.h"
#include "proto/hooke/error.h"
#include "tests/simulation/server_host.h"

namespace hooke::simulation {

// One value, or why there is none.
template <class T>
struct Answer {
  std::optional<T> value;
  std::exception_ptr error;
};

class Stream;

class Network {
 public:
  // What can go wrong: in permille of the calls; or a link that carries nothing.
  struct Faults {
    unsigned lost = 0, repeated = 0;
    TimeUs longest_delay = 20 * kMs;
  };

  Network(World& world, ServerHost& server);

  Faults faults;

  World& world() { return world_; }
  ServerHost& server() { return server_; }
  TimeUs delay() { return world_.random.between(kMs / 10, faults.longest_delay); }

  // Streams that are open.
  void add(const std::shared_ptr<Stream>& stream);
  void cut_one();
  void cut_all();

  // auto call = network.call<T>(process, link, what); co_await call: a unary call (in two steps, because
  // g++ 12 mistreats temporaries of what is awaited) with a deadline. `what` asks the server, which answers
  // after its commit, or answers at once. Throws what the server does, kUnavailable or kDeadlineExceeded.
  template <class T>
  class Call;
  template <class T>
  using Ask = std::function<void(Server&, storage::Then<T>)>;
  template <class T>
  Call<T> call(Process& caller, const bool& link_is_down, Ask<T> what) {
    return Call<T>(*this, caller, link_is_down, std::move(what));
  }
  template <class T>
  Call<T> call(Process& caller, const bool& link_is_down, std::function<T(Server&)> what) {
    return call<T>(caller, link_is_down, Ask<T>([what](Server& server, const storage::Then<T>& then) {
                     then(nullptr, what(server));
                   }));
  }

 private:
  std::vector<std::shared_ptr<Stream>> open_streams();

  World& world_;
  ServerHost& server_;
  std::vector<std::weak_ptr<Stream>> streams_;
};

template <class T>
class Network::Call {
 public:
  Call(Network& network, Process& caller, const bool& link_is_down, Ask<T> ask)
      : network_(network), caller_(caller), link_is_down_(link_is_down), ask_(std::move(ask)) {}

  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> waiting) {
    Network& network = network_;
    World& world = network.world_;
    const auto caller = caller_.id();
    auto pending = std::make_shared<Pending>(Pending{waiting, {}, false});
    pending_ = pending;
    const auto fail = [pending](Code code) {
      if (!pending->done) pending->finish({{}, std::make_exception_ptr(Error(code, "no answer"))});
    };
    world.after(kDeadline, caller, [fail] { fail(Code::kDeadlineExceeded); });
    if (link_is_down_ || world.random.permille(network.faults.lost)) {
      ++world.totals.calls_lost;
      return;
    }
    const auto serve = [&network, &world, pending, caller, fail, ask = std::move(ask_)](bool answers) {
      const auto answer = [&network, &world, pending, caller, answers](const std::exception_ptr& error,
                                                                       std::optional<T> value) {
        // A machine that has died says nothing.
        if (!answers || network.server_.disk.is_dead() || world.random.permille(network.faults.lost)) return;
        world.after(network.delay(), caller, [pending, answer = Answer<T>{std::move(value), error}] {
          if (!pending->done) pending->finish(answer);
        });
      };
      const bool served = network.server_.serve([&](Server& server) {
        try {
          ask(server, answer);
        } catch (const Error&) {
          answer(std::current_exception(), std::nullopt);
        }
      });
      if (!served && answers) world.after(network.delay(), caller, [fail] { fail(Code::kUnavailable); });
    };
    world.after(network.delay(), World::kNobody, [serve] { serve(true); });
    if (!world.random.permille(network.faults.repeated)) return;
    ++world.totals.calls_repeated;
    world.after(world.random.between(0, 90 * kSecond), World::kNobody, [serve] { serve(false); });
  }
  T await_resume() {
    if (pending_->answer.error) std::rethrow_exception(pending_->answer.error);
    return std::move(*pending_->answer.value);
  }

 private:
  static constexpr TimeUs kDeadline = 10 * kSecond;
  struct Pending {
    std::coroutine_handle<> waiting;
    Answer<T> answer;
    bool done = false;
    void finish(Answer<T> with) {
      done = true;
      answer = std::move(with);
      waiting.resume();
    }
  };

  Network& network_;
  Process& caller_;
  const bool& link_is_down_;
  Ask<T> ask_;
  std::shared_ptr<Pending> pending_;
};

}  // namespace hooke::simulation
