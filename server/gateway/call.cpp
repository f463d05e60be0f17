#include "server/gateway/call.h"

#include <absl/base/thread_annotations.h>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/post.hpp>
#include <functional>
#include <mutex>
#include <utility>

#include "proto/hooke/channel.h"

namespace hooke::gateway {
namespace {

namespace net = boost::asio;
using Resume = std::function<void(bool)>;

// Suspends the coroutine until the `Resume` that `start` is given is called, by any thread.
template <class Start>
net::awaitable<bool> suspend(Start start) {
  return net::async_initiate<const net::use_awaitable_t<>, void(bool)>(
      [start](auto handler) {
        const auto executor = net::get_associated_executor(handler);
        const auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        start(
            [executor, shared](bool ok) { net::post(executor, [shared, ok] { std::move (*shared)(ok); }); });
      },
      net::use_awaitable);
}

// Happens once; one coroutine waits for it.
class Event {
 public:
  void set() {
    Resume resume;
    {
      const std::lock_guard lock(mutex_);
      set_ = true;
      resume = std::exchange(resume_, nullptr);
    }
    if (resume) resume(true);
  }

  net::awaitable<bool> wait() {
    return suspend([this](Resume resume) {
      {
        const std::lock_guard lock(mutex_);
        if (!set_) {
          resume_ = std::move(resume);
          return;
        }
      }
      resume(true);
    });
  }

 private:
  std::mutex mutex_;
  Resume resume_ ABSL_GUARDED_BY(mutex_);
  bool set_ ABSL_GUARDED_BY(mutex_) = false;
};

grpc::ByteBuffer buffer_of(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

std::string bytes_of(const grpc::ByteBuffer& buffer) {
  grpc::Slice slice;
  if (!buffer.DumpToSingleSlice(&slice).ok()) return {};
  return std::string(reinterpret_cast<const char*>(slice.begin()), slice.size());
}

}  // namespace

// Lives until gRPC is done with it, however early the coroutine goes.
class Call::Reactor final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  static std::shared_ptr<Reactor> start(grpc::GenericStub& stub, const Options& options) {
    auto reactor = std::make_shared<Reactor>();
    if (!options.authorization.empty())
      reactor->context_.AddMetadata(kAuthorizationKey, options.authorization);
    if (!options.caller.empty()) reactor->context_.AddMetadata(kCallerKey, options.caller);
    if (options.timeout) reactor->context_.set_deadline(std::chrono::system_clock::now() + *options.timeout);
    stub.PrepareBidiStreamingCall(&reactor->context_, options.method, {}, reactor.get());
    reactor->self_ = reactor;
    // Held until release(): reads and writes begin outside gRPC's own callbacks.
    reactor->AddHold();
    reactor->StartCall();
    return reactor;
  }

  net::awaitable<bool> write(const std::string& message) {
    outgoing_ = buffer_of(message);
    return suspend([this](Resume resume) {
      on_write_ = std::move(resume);
      StartWrite(&outgoing_);
    });
  }

  net::awaitable<bool> writes_done() {
    return suspend([this](Resume resume) {
      on_write_ = std::move(resume);
      StartWritesDone();
    });
  }

  net::awaitable<bool> read() {
    incoming_.Clear();
    return suspend([this](Resume resume) {
      on_read_ = std::move(resume);
      StartRead(&incoming_);
    });
  }

  net::awaitable<bool> begun() { return begun_.wait(); }
  net::awaitable<bool> done() { return done_.wait(); }

  // No more reads and writes begin.
  void release() {
    if (!std::exchange(released_, true)) RemoveHold();
  }

  void cancel() { context_.TryCancel(); }
  std::string incoming() const { return bytes_of(incoming_); }
  const grpc::Status& status() const { return status_; }
  const grpc::ClientContext& context() const { return context_; }

  void OnWriteDone(bool ok) override { std::exchange(on_write_, nullptr)(ok); }
  void OnWritesDoneDone(bool ok) override { std::exchange(on_write_, nullptr)(ok); }
  void OnReadDone(bool ok) override { std::exchange(on_read_, nullptr)(ok); }
  void OnReadInitialMetadataDone(bool) override { begun_.set(); }
  void OnDone(const grpc::Status& status) override {
    const auto self = std::move(self_);
    status_ = status;
    done_.set();
  }

 private:
  grpc::ClientContext context_;
  grpc::ByteBuffer outgoing_, incoming_;
  Resume on_write_, on_read_;
  bool released_ = false;
  std::shared_ptr<Reactor> self_;
  Event begun_;
  grpc::Status status_;  // written before done_
  Event done_;
};

Call::Call(grpc::GenericStub& stub, const Options& options) : reactor_(Reactor::start(stub, options)) {}

Call::~Call() {
  // After its end this does nothing.
  reactor_->cancel();
  reactor_->release();
}

net::awaitable<bool> Call::write(const std::string& message) {
  return reactor_->write(message);
}

net::awaitable<void> Call::writes_done() {
  co_await reactor_->writes_done();
}

net::awaitable<void> Call::begun() {
  co_await reactor_->begun();
}

net::awaitable<bool> Call::read() {
  return reactor_->read();
}

std::string Call::message() const {
  return reactor_->incoming();
}

net::awaitable<bool> Call::finish() {
  reactor_->release();
  return reactor_->done();
}

const grpc::Status& Call::status() const {
  return reactor_->status();
}

const Metadata& Call::leading() const {
  return reactor_->context().GetServerInitialMetadata();
}

const Metadata& Call::trailing() const {
  return reactor_->context().GetServerTrailingMetadata();
}

net::awaitable<void> Call::unary(const std::string& request, Answer& answer) {
  bool answered = false;
  co_await write(request);
  co_await writes_done();
  while (co_await read()) {
    answer.message = message();
    answered = true;
  }
  co_await finish();
  answer.status = status();
  if (answer.status.ok() && !answered)
    answer.status = {grpc::StatusCode::INTERNAL, "the server gave no answer"};
}

void Call::cancel() {
  reactor_->cancel();
}

std::function<void()> Call::canceller() const {
  return [weak = std::weak_ptr(reactor_)] {
    if (const auto reactor = weak.lock()) reactor->cancel();
  };
}

}  // namespace hooke::gateway
