// ServerHost: the machine on which the server runs, as it is: storage, ingest and scheduling on a simulated
// disk, with the simulation in place of its threads. It starts, is killed, loses power, and starts again.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "server/ingest/ingest.h"
#include "server/scheduling/lease_watch.h"
#include "server/scheduling/queue.h"
#include "server/storage/changes.h"
#include "server/storage/database.h"
#include "server/storage/readers.h"
#include "server/storage/writer.h"
#include "tests/simulation/disk.h"
#include "tests/simulation/model.h"

namespace hooke::simulation {

// The server while it runs.
struct Server {
  Server(World& world, const std::filesystem::path& folder);

  storage::WriterOptions writer_options(World& world);

  // The database could not be opened again: the process ends.
  bool is_broken = false;
  storage::Changes changes;
  storage::Database database;
  storage::Readers readers;
  storage::Writer writer;
  ingest::Ingest ingest;
  scheduling::Queue queue;
  scheduling::LeaseWatch leases;
  std::shared_ptr<storage::Changes::Subscription> subscription;
};

class ServerHost {
 public:
  // `folder` is a real one, for the lock alone.
  ServerHost(World& world, Model& model, std::filesystem::path folder);
  ~ServerHost();

  Disk disk;
  // Called when the server is gone: its connections are.
  std::function<void()> ended = [] {};

  void start();
  // In order; kill -9; power loss.
  void stop();
  void kill();
  void lose_power();

  // Calls the server, when it runs. False: nobody has answered, nor will.
  bool serve(const std::function<void(Server&)>& work);
  // Of the server that runs; another after each start.
  std::uint64_t incarnation() const { return incarnation_; }
  bool runs() const { return server_ != nullptr; }

  // Everything stored is compared, and SQLite's own checks are made.
  void check_all();

 private:
  void end(bool power_lost);
  // After whatever the server did: has it died, what has changed, is there more to write?
  void look(bool something_failed);
  std::int64_t failures() const;  // of the disk, so far
  void write_soon();
  void sweep_later();

  World& world_;
  Model& model_;
  const std::filesystem::path folder_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<Process> process_;  // while the server runs, for its timers
  std::uint64_t incarnation_ = 0;
  bool write_planned_ = false;
};

}  // namespace hooke::simulation
