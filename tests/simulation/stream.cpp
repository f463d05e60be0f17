#include "tests/simulation/stream.h"

#include <algorithm>

namespace hooke::simulation {

Network::Network(World& world, ServerHost& server) : world_(world), server_(server) {
  server.ended = [this] { cut_all(); };
}

void Network::add(const std::shared_ptr<Stream>& stream) {
  std::erase_if(streams_, [](const auto& known) { return known.expired(); });
  streams_.push_back(stream);
}

std::vector<std::shared_ptr<Stream>> Network::open_streams() {
  std::vector<std::shared_ptr<Stream>> open;
  for (const auto& known : streams_)
    if (auto stream = known.lock(); stream && stream->is_open()) open.push_back(std::move(stream));
  return open;
}

void Network::cut_one() {
  const auto open = open_streams();
  if (open.empty()) return;
  ++world_.totals.cuts;
  open[world_.random.below(open.size())]->cut();
}

void Network::cut_all() {
  for (const auto& stream : open_streams()) stream->cut();
}

void Stream::post(Message message) {
  if (link_is_down_) cut();
  if (cut_) return;
  World& world = network_.world();
  to_server_.push_back(std::move(message));
  server_hears_ = std::max(server_hears_, world.now() + network_.delay());
  world.after(server_hears_ - world.now(), World::kNobody, [self = shared_from_this()] { self->deliver(); });
}

void Stream::open(storage::AttemptKey attempt) {
  network_.add(shared_from_this());
  post({std::move(attempt), nullptr});
}

void Stream::send(v1::RecordBatch batch) {
  post({std::nullopt, std::make_shared<v1::RecordBatch>(std::move(batch))});
}

void Stream::half_close() {
  post({});
}

void Stream::deliver() {
  if (to_server_.empty()) return;
  Message message = std::move(to_server_.front());
  to_server_.pop_front();
  if (server_ended_) return;
  if (cut_ && message.batch) ++network_.world().totals.late_batches;
  ServerHost& host = network_.server();
  const bool served = host.serve([&](Server& server) {
    if (message.open) incarnation_ = host.incarnation();
    if (incarnation_ == host.incarnation()) take(server, message);
  });
  if (served && incarnation_ == host.incarnation()) return;
  // The server that it was opened with is gone.
  server_ended_ = true;
  stream_.reset();
  cut();
}

void Stream::take(Server& server, Message& message) {
  try {
    if (message.open) {
      ++in_flight_;
      server.ingest.open(*message.open, [this, self = shared_from_this()](
                                            std::exception_ptr error, std::shared_ptr<ingest::Stream> stream,
                                            std::uint64_t committed) {
        stream_ = std::move(stream);
        committed_at_server(error, committed);
      });
    } else if (message.batch) {
      ++in_flight_;
      stream_->append(std::move(*message.batch),
                      [this, self = shared_from_this()](std::exception_ptr error, std::uint64_t committed) {
                        committed_at_server(error, committed);
                      });
    } else {
      half_closed_ = true;
      if (in_flight_ == 0) end_at_server(nullptr);
    }
  } catch (const Error&) {
    --in_flight_;
    end_at_server(std::current_exception());
  }
}

void Stream::committed_at_server(const std::exception_ptr& error, std::uint64_t committed) {
  --in_flight_;
  // A machine that has died says nothing.
  if (network_.server().disk.is_dead() || server_ended_) return;
  if (error) return end_at_server(error);
  answer([this, committed] { committed_ = committed; });
  if (half_closed_ && in_flight_ == 0) end_at_server(nullptr);
}

void Stream::end_at_server(const std::exception_ptr& error) {
  server_ended_ = true;
  stream_.reset();
  End end;
  try {
    if (error) std::rethrow_exception(error);
  } catch (const Error& known) {
    end.error = Error(known.code(), known.what(), known.field());
  }
  answer([this, end] { ended_ = end; });
}

void Stream::answer(std::function<void()> arrives) {
  if (cut_) return;
  World& world = network_.world();
  worker_hears_ = std::max(worker_hears_, world.now() + network_.delay());
  world.after(worker_hears_ - world.now(), worker_,
              [self = shared_from_this(), arrives = std::move(arrives)] {
                if (!self->cut_ && !self->ended_) arrives();
              });
}

void Stream::cut() {
  if (std::exchange(cut_, true)) return;
  World& world = network_.world();
  // The worker notices now, or when its keepalive does.
  const TimeUs notices = world.random.one_in(2) ? 0 : world.random.between(0, 20 * kSecond);
  world.after(notices, worker_, [self = shared_from_this()] {
    if (!self->ended_) self->ended_ = End{Error(Code::kUnavailable, "the connection was lost")};
  });
  // Some of the first messages that are under way arrive, whenever.
  auto under_way = std::exchange(to_server_, {});
  under_way.resize(world.random.below(under_way.size() + 1));
  TimeUs arrives = 0;
  for (Message& message : under_way) {
    arrives += world.random.between(0, world.random.one_in(2) ? 100 * kMs : 60 * kSecond);
    world.after(arrives, World::kNobody, [self = shared_from_this(), message = std::move(message)]() mutable {
      self->to_server_.push_front(std::move(message));
      self->deliver();
    });
  }
  if (!server_ended_)
    world.after(arrives + 20 * kSecond, World::kNobody, [self = shared_from_this()] {
      self->server_ended_ = true;
      self->stream_.reset();
    });
}

}  // namespace hooke::simulation
