#include "tests/simulation/server_host.h"

#include "server/storage/backup.h"
#include "tests/simulation/vfs.h"

namespace hooke::simulation {
namespace {

constexpr std::int64_t kExt4 = 0xEF53;

std::string draw(World& world, std::size_t count) {
  std::string bytes;
  while (bytes.size() < count) bytes.push_back(static_cast<char>(world.random.next()));
  return bytes;
}

scheduling::QueueOptions queue_options() {
  scheduling::QueueOptions options;
  options.lease_period = std::chrono::seconds(6);
  return options;
}

}  // namespace

storage::WriterOptions Server::writer_options(World& world) {
  storage::WriterOptions options;
  options.thread = false;
  options.max_group_jobs = 1 + world.random.below(8);
  options.checkpoint_bytes = std::int64_t{16 << 10} << world.random.below(6);
  options.without_readers = [this](const std::function<void()>& work) { readers.while_closed(work); };
  options.fatal = [this](const std::string&) { is_broken = true; };
  return options;
}

Server::Server(World& world, const std::filesystem::path& folder)
    : database({folder, [](const std::filesystem::path&) { return kExt4; }, kVfsName}),
      readers(database),
      writer(database, changes, writer_options(world)),
      ingest(writer, [&world] { return world.now(); }),
      queue(
          writer, queue_options(), [&world] { return world.now(); },
          [&world](std::size_t count) { return draw(world, count); }),
      leases(queue, std::chrono::seconds(1), [&world] { return world.now(); }),
      subscription(changes.subscribe({})) {
  leases.look();
}

ServerHost::ServerHost(World& world, Model& model, std::filesystem::path folder)
    : disk(world), world_(world), model_(model), folder_(std::move(folder)) {
  mount(disk, world);
}

ServerHost::~ServerHost() {
  ended = [] {};  // nobody is connected any more
  end(false);
}

void ServerHost::start() {
  if (server_) return;
  try {
    server_ = std::make_unique<Server>(world_, folder_);
    process_ = std::make_unique<Process>(world_);
    ++incarnation_;
    write_planned_ = false;
    world_.note("server: started");
    model_.check_all(server_->readers);
    sweep_later();
  } catch (const Error& error) {
    world_.note(std::string("server: does not start: ") + error.what());
    const bool died = disk.is_dead();
    end(died && world_.random.one_in(2));
    world_.after(world_.random.between(100 * kMs, 5 * kSecond), World::kNobody, [this] { start(); });
  }
}

// Nothing that the server does while it is taken apart has an effect any more.
void ServerHost::end(bool power_lost) {
  process_.reset();
  disk.die();
  server_.reset();
  disk.restart(power_lost);
  ended();
}

void ServerHost::stop() {
  if (!server_) return;
  world_.note("server: stops");
  ++world_.totals.server_stops;
  process_.reset();
  server_->writer.stop();
  const bool died = disk.is_dead();
  server_.reset();
  if (died) disk.restart(true);
  ended();
}

void ServerHost::kill() {
  if (server_) ++world_.totals.server_kills;
  world_.note("server: killed");
  end(false);
}

void ServerHost::lose_power() {
  ++world_.totals.server_power_losses;
  world_.note("server: power lost");
  end(true);
}

bool ServerHost::serve(const std::function<void(Server&)>& work) {
  if (!server_) return false;
  const std::uint64_t before = incarnation_;
  const std::int64_t failed = failures();
  work(*server_);
  look(failures() != failed);
  return server_ && incarnation_ == before;
}

std::int64_t ServerHost::failures() const {
  const Totals& totals = world_.totals;
  return totals.failed_syncs + totals.failed_writes + totals.full_writes;
}

void ServerHost::look(bool something_failed) {
  if (disk.is_dead()) {
    if (world_.random.one_in(2)) {
      lose_power();
    } else {
      kill();
    }
  } else if (server_->is_broken) {
    world_.note("server: gives up");
    end(false);
  }
  if (!server_) {
    world_.after(world_.random.between(100 * kMs, 10 * kSecond), World::kNobody, [this] { start(); });
    return;
  }
  auto changed = server_->subscription->take();
  // What failed may be stored nevertheless.
  changed.everything |= something_failed;
  if (!changed.empty()) model_.check(server_->readers, changed);
  if (server_->writer.statistics().queued_jobs > 0) write_soon();
}

void ServerHost::write_soon() {
  if (std::exchange(write_planned_, true)) return;
  world_.after(world_.random.between(0, 5 * kMs), process_->id(), [this] {
    write_planned_ = false;
    serve([this](Server& server) {
      ++world_.totals.commits;
      server.writer.step();
    });
  });
}

void ServerHost::sweep_later() {
  world_.after(kSecond, process_->id(), [this] {
    const bool lives = serve([](Server& server) {
      try {
        server.leases.look();
      } catch (const Error&) {  // the next one comes
      }
    });
    if (lives) sweep_later();
  });
}

void ServerHost::check_all() {
  if (!server_) throw Violation("the server does not run, though nothing is wrong any more");
  model_.check_all(server_->readers);
  const auto findings = storage::verify(server_->database);
  if (!findings.empty()) throw Violation("the database is damaged: " + findings.front());
}

}  // namespace hooke::simulation
