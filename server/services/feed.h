// A server stream that sends what its source has, whenever storage says that there may be something new.
//
// The reactor owns itself from start() to OnDone. Its source is made and asked on the work pool, since
// it reads the database; gRPC's callbacks and the writer's wake-ups only note what happened.
//
// Invariants:
// 1. The source is asked by one job at a time, and only when everything it gave before was sent: a
//    slow reader costs one bounded step of messages.
// 2. One write is in flight at most, and Finish is called exactly once, with none in flight.
// Lock order: none is held while calling gRPC, the pool or the source.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "server/query/feed.h"
#include "server/services/gate.h"
#include "server/services/open_streams.h"
#include "server/services/work_pool.h"
#include "server/storage/changes.h"

namespace hooke::services {

// Source: filter() and next(batch) as query::Tail and query::RunWatch have them.
template <class Source, class Response>
class Feed final : public grpc::ServerWriteReactor<Response>,
                   public Stoppable,
                   public std::enable_shared_from_this<Feed<Source, Response>> {
 public:
  using MakeSource = std::function<std::unique_ptr<Source>()>;

  // The reactor of a new stream; a refused one ends at once.
  static grpc::ServerWriteReactor<Response>* start(MakeSource make, storage::Changes& changes, WorkPool& pool,
                                                   OpenStreams& streams, const access::Caller& caller) {
    std::shared_ptr<Feed> feed(new Feed(std::move(make), changes, pool));
    feed->self_ = feed;
    if (streams.add(feed, caller)) feed->look();
    return feed.get();
  }

  void end(const grpc::Status& status) override {
    {
      const std::lock_guard lock(mutex_);
      if (!ended_) ended_ = status;
      queue_.clear();
    }
    advance();
  }

  void OnCancel() override { end(grpc::Status::CANCELLED); }

  void OnWriteDone(bool ok) override {
    {
      const std::lock_guard lock(mutex_);
      writing_ = false;
    }
    if (!ok) return end(grpc::Status(grpc::StatusCode::UNAVAILABLE, "the client is gone"));
    advance();
  }

  void OnDone() override { self_.reset(); }

 private:
  // Between two looks; what changes meanwhile is sent together.
  static constexpr std::chrono::milliseconds kPause{100};

  Feed(MakeSource make, storage::Changes& changes, WorkPool& pool)
      : make_(std::move(make)), changes_(changes), pool_(pool) {}

  // Something may be new.
  void look() {
    {
      const std::lock_guard lock(mutex_);
      news_ = true;
    }
    advance();
  }

  // Does the next thing that is to be done, if it may be done now.
  void advance() {
    enum class Next { kNothing, kWrite, kFinish, kAsk } next = Next::kNothing;
    {
      const std::lock_guard lock(mutex_);
      if (finished_ || writing_ || asking_) return;
      if (!queue_.empty()) {
        current_ = std::move(queue_.front());
        queue_.pop_front();
        writing_ = true;
        next = Next::kWrite;
      } else if (ended_) {
        finished_ = true;
        next = Next::kFinish;
      } else if (news_) {
        news_ = false;
        asking_ = true;
        next = Next::kAsk;
      }
    }
    if (next == Next::kWrite) this->StartWrite(&current_);
    if (next == Next::kFinish) this->Finish(*ended_);
    if (next == Next::kAsk)
      pool_.post([feed = this->shared_from_this()] { feed->ask(); }, source_ && !more_ ? kPause : kPause * 0);
  }

  // On the pool.
  void ask() {
    query::FeedStep<Response> step;
    std::optional<grpc::Status> failed;
    try {
      if (!source_) open();
      const auto batch = subscription_->take();
      if (batch.stopped)
        failed = kStopping;
      else
        step = source_->next(batch);
    } catch (...) {
      failed = status_of(std::current_exception());
    }
    {
      const std::lock_guard lock(mutex_);
      asking_ = false;
      more_ = step.more;
      news_ |= step.more;
      if (!ended_) {
        for (auto& message : step.messages) queue_.push_back(std::move(message));
        if (failed)
          ended_ = *failed;
        else if (step.done)
          ended_ = grpc::Status::OK;
      }
    }
    advance();
  }

  void open() {
    source_ = make_();
    // Subscribes before the source reads: nothing that is committed in between is missed.
    subscription_ = changes_.subscribe(source_->filter(), [weak = this->weak_from_this()] {
      if (const auto feed = weak.lock()) feed->look();
    });
  }

  const MakeSource make_;
  storage::Changes& changes_;
  WorkPool& pool_;
  std::shared_ptr<Feed> self_;
  std::unique_ptr<Source> source_;                                // of the job that is asking
  std::shared_ptr<storage::Changes::Subscription> subscription_;  // likewise
  bool more_ = false;                                             // likewise

  std::mutex mutex_;
  std::deque<Response> queue_;         // GUARDED_BY(mutex_), as all that follows
  Response current_;                   // being written
  std::optional<grpc::Status> ended_;  // how to finish, once nothing is in flight
  bool news_ = false;
  bool asking_ = false;
  bool writing_ = false;
  bool finished_ = false;
};

}  // namespace hooke::services
