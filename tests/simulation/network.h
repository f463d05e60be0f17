// Network: what lies between workers and the server. Calls are lost, delayed and repeated; streams keep their
// order and lose nothing while they last, but are cut anywhere, and what was under way may still arrive, when
// the worker has long opened another.
//
// The server's end of a stream does what server/services/worker_stream does, without gRPC.
#pragma once

#include <coroutine>
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
  std::optional<Error> error;
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

  // auto call = network.call<T>(process, link, [](Server&) -> T {…}); co_await call: a unary call (in two
  // steps, because g++ 12 mistreats temporaries of what is awaited) with a deadline. Throws what the server
  // does, kUnavailable or kDeadlineExceeded.
  template <class T>
  class Call;
  template <class T>
  Call<T> call(Process& caller, const bool& link_is_down, std::function<T(Server&)> work) {
    return Call<T>(*this, caller, link_is_down, std::move(work));
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
  Call(Network& network, Process& caller, const bool& link_is_down, std::function<T(Server&)> work)
      : network_(network), caller_(caller), link_is_down_(link_is_down), work_(std::move(work)) {}

  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> waiting) {
    Network& network = network_;
    World& world = network.world_;
    const auto caller = caller_.id();
    auto pending = std::make_shared<Pending>(Pending{waiting, {}, false});
    pending_ = pending;
    const auto fail = [pending](Code code) {
      if (!pending->done) pending->finish({{}, Error(code, "no answer")});
    };
    world.after(kDeadline, caller, [fail] { fail(Code::kDeadlineExceeded); });
    if (link_is_down_ || world.random.permille(network.faults.lost)) {
      ++world.totals.calls_lost;
      return;
    }
    const auto serve = [&network, &world, pending, caller, fail, work = std::move(work_)](bool answers) {
      Answer<T> answer;
      const bool served = network.server_.serve([&](Server& server) {
        try {
          answer.value.emplace(work(server));
        } catch (const Error& error) {
          answer.error = error;
        }
      });
      if (!answers || world.random.permille(network.faults.lost)) return;
      if (!served) return world.after(network.delay(), caller, [fail] { fail(Code::kUnavailable); });
      world.after(network.delay(), caller, [pending, answer] {
        if (!pending->done) pending->finish(answer);
      });
    };
    world.after(network.delay(), World::kNobody, [serve] { serve(true); });
    if (!world.random.permille(network.faults.repeated)) return;
    ++world.totals.calls_repeated;
    world.after(world.random.between(0, 90 * kSecond), World::kNobody, [serve] { serve(false); });
  }
  T await_resume() {
    if (pending_->answer.error) throw *pending_->answer.error;
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
  std::function<T(Server&)> work_;
  std::shared_ptr<Pending> pending_;
};

}  // namespace hooke::simulation
