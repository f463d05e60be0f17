#include "server/app.h"

#include <grpcpp/grpcpp.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <vector>

#include "hooke_version.h"
#include "proto/hooke/error.h"
#include "server/access/access.h"
#include "server/access/token_file.h"
#include "server/address.h"
#include "server/gateway/gateway.h"
#include "server/grpc_limits.h"
#include "server/grpc_server.h"
#include "server/ingest/import.h"
#include "server/ingest/ingest.h"
#include "server/scheduling/deletion.h"
#include "server/scheduling/lease_watch.h"
#include "server/scheduling/queue.h"
#include "server/services/access_service.h"
#include "server/services/admin_service.h"
#include "server/services/experiment_service.h"
#include "server/services/query_service.h"
#include "server/services/rpc_counts.h"
#include "server/services/rpc_log.h"
#include "server/services/worker_service.h"
#include "server/storage/changes.h"
#include "server/storage/database.h"
#include "server/storage/digest.h"
#include "server/storage/readers.h"
#include "server/storage/writer.h"
#include "server/timer.h"
#include "server/tls.h"

namespace hooke {
namespace {

constexpr std::size_t kWorkThreads = 4;
constexpr std::chrono::seconds kSweepEvery{1};
constexpr std::chrono::seconds kCollectEvery{60};

TimeUs wall_clock() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

std::optional<std::string> admin_token(const AppOptions& options) {
  if (options.no_auth) {
    spdlog::warn(
        "--no-auth: every user of this machine may read, submit and cancel; submitting is running code");
    return std::nullopt;
  }
  const auto path = token_file(options);
  const auto file = access::read_token_file(path, options.token_file.empty(), storage::random_bytes);
  if (file.made) spdlog::info("made the admin token in {}", path.string());
  if (file.others_may_read) spdlog::warn("{} can be read by other users; chmod 600 it", path.string());
  return file.token;
}

// Written beside and renamed: whoever sees it sees both lines.
void write_port_file(const std::filesystem::path& file, int grpc_port, int http_port) {
  const std::filesystem::path draft = file.string() + ".new";
  std::ofstream out(draft);
  out << grpc_port << '\n' << http_port << '\n';
  out.close();
  std::error_code error;
  if (out) std::filesystem::rename(draft, file, error);
  if (!out || error)
    throw Error(Code::kUnavailable,
                file.string() + " cannot be written: " + (error ? error.message() : std::strerror(errno)),
                "--port-file");
}

}  // namespace

class App::Parts {
 public:
  explicit Parts(const AppOptions& options)
      : options_(options),
        tls_({options.tls_cert, options.tls_key, options.tls_client_ca}),
        database_({options.data, {}}),
        writer_(database_, changes_, writer_options()),
        readers_(database_),
        ingest_(writer_, wall_clock),
        importer_(writer_, wall_clock, storage::random_bytes),
        queue_(writer_, {options.lease_period, scheduling::QueueOptions{}.retry_after}, wall_clock,
               storage::random_bytes),
        leases_(queue_, kSweepEvery, wall_clock),
        deletion_(writer_, readers_, wall_clock),
        access_(admin_token(options), certificate_roles(options), wall_clock),
        gate_(access_),
        idle_imports_(options.import_idle),
        pool_(kWorkThreads),
        experiments_(gate_, queue_, deletion_, importer_, writer_, readers_, changes_, pool_, feeds_,
                     idle_imports_, wall_clock),
        workers_(gate_, queue_, ingest_, worker_streams_),
        queries_(gate_, readers_, changes_, pool_, feeds_),
        admin_(gate_, database_, readers_, writer_, ingest_, deletion_, wall_clock),
        tokens_(gate_, access_, writer_, readers_, wall_clock, storage::random_bytes) {
    spdlog::info("hooked {} ({}), SQLite {}, gRPC {}", kVersion, kGitCommit,
                 storage::Database::sqlite_version(), grpc::Version());
    spdlog::info("data in {}, schema version {}", database_.folder().string(), database_.schema_version());
    watch_leases();
    sweeper_ = std::make_unique<Timer>(kSweepEvery, [this] { sweep(); });
    collector_ = std::make_unique<Timer>(kCollectEvery, [this] { collect(); });
    if (!tls_.on() && options.insecure)
      spdlog::warn("--insecure-without-tls: who can read the network reads tokens and results");
    grpc_ = std::make_unique<GrpcServer>(
        parse_address(options.listen, "--listen"), tls_,
        std::vector<grpc::Service*>{&experiments_, &workers_, &queries_, &admin_, &tokens_},
        services::make_rpc_log(gate_, rpc_counts_));
    const Address http = parse_address(options.http, "--http");
    start_http(options, http);
    Address shown = parse_address(options.listen, "--listen");
    shown.port = grpc_port();
    spdlog::info("gRPC on {}, HTTP on {}{}", shown.text(), Address{http.host, gateway_->port()}.text(),
                 tls_.on() ? ", with TLS" : "");
    if (!options.port_file.empty()) write_port_file(options.port_file, grpc_port(), gateway_->port());
  }

  ~Parts() { stop(); }

  int grpc_port() const { return grpc_->port(); }
  int http_port() const { return gateway_->port(); }

  void reload() {
    const auto again = [](const char* what, const std::function<void()>& work) {
      try {
        work();
        spdlog::info("read {} again", what);
      } catch (const std::exception& error) {
        spdlog::error("{} stay as they were: {}", what, error.what());
      }
    };
    if (tls_.on()) {
      again("certificates", [this] {
        tls_.reload();
        gateway_->set_tls(tls_.texts().cert, tls_.texts().key, tls_.texts().client_ca);
      });
    }
    if (access_.asks_for_tokens()) {
      again("the admin token", [this] {
        access_.set_admin_token(
            access::read_token_file(token_file(options_), false, storage::random_bytes).token);
      });
    }
  }

  void stop() {
    if (stopped_) return;
    stopped_ = true;
    sweeper_.reset();
    collector_.reset();
    if (grpc_) {
      grpc_->close();
      feeds_.stop();
      worker_streams_.stop();
      importer_.stop();
      grpc_->shut_down(kStopGrace);
    }
    if (gateway_) gateway_->stop();
    changes_.stop();
    pool_.stop();
    writer_.stop();
  }

 private:
  void start_http(const AppOptions& options, const Address& address) {
    gateway::GatewayOptions http;
    http.address = address.host;
    http.port = address.port;
    http.check = [this] { ping_database(); };
    http.more_metrics = [this] { return rpc_counts_.text() + lease_metrics(); };
    http.channel = grpc_->own_channel();
    http.allow_hosts = options.http_allow_hosts;
    http.allow_origins = options.http_allow_origins;
    http.tls_cert = tls_.texts().cert;
    http.tls_key = tls_.texts().key;
    http.tls_client_ca = tls_.texts().client_ca;
    gateway_ = std::make_unique<gateway::Gateway>(std::move(http));
  }

  storage::WriterOptions writer_options() {
    storage::WriterOptions options;
    options.without_readers = [this](const std::function<void()>& work) { readers_.while_closed(work); };
    options.fatal = [](const std::string&) {
      spdlog::critical("ending with exit status {}; look at the disk, then start hooked again", kExitStorage);
      spdlog::default_logger()->flush();
      std::_Exit(kExitStorage);
    };
    return options;
  }

  void sweep() {
    admin_.sample();
    idle_imports_.end_idle();
    feeds_.end_refused(gate_);
    worker_streams_.end_refused(gate_);
    watch_leases();
  }

  void watch_leases() {
    try {
      const auto seen = leases_.look();
      if (seen.lapsed > 0) spdlog::warn("{} leases lapsed", seen.lapsed);
      if (seen.renewed > 0 && seen.moved_us == 0) spdlog::info("renewed {} leases", seen.renewed);
      if (seen.renewed > 0 && seen.moved_us != 0)
        spdlog::warn("the clock was set, or stood still: it moved by {:.1f} s; renewed {} leases",
                     static_cast<double>(seen.moved_us) / 1e6, seen.renewed);
      leases_lapsed_ += seen.lapsed;
    } catch (const std::exception& error) {
      spdlog::error("sweeping leases: {}", error.what());
    }
  }

  // What a deletion that was stopped has left; after a crash, too.
  void collect() {
    try {
      const auto bytes = deletion_.collect([this] { return stopped_.load(); });
      if (bytes > 0) spdlog::info("gave {} bytes of deleted runs back", bytes);
    } catch (const std::exception& error) {
      spdlog::error("removing what deleted runs have left: {}", error.what());
    }
  }

  std::string lease_metrics() const {
    return "# HELP hooke_leases_lapsed_total Leases whose worker was not heard of in time, since start.\n"
           "# TYPE hooke_leases_lapsed_total counter\n"
           "hooke_leases_lapsed_total " +
           std::to_string(leases_lapsed_.load()) + "\n";
  }

  void ping_database() {
    auto snapshot = readers_.snapshot();
    storage::count_experiments(snapshot);
  }

  const AppOptions options_;
  Tls tls_;
  storage::Database database_;
  storage::Changes changes_;
  storage::Writer writer_;
  storage::Readers readers_;
  ingest::Ingest ingest_;
  ingest::Importer importer_;
  scheduling::Queue queue_;
  scheduling::LeaseWatch leases_;
  scheduling::Deletion deletion_;
  access::Access access_;
  services::Gate gate_;
  services::RpcCounts rpc_counts_;
  services::OpenStreams feeds_{kMostFeeds, kMostFeedsOfOne};
  services::OpenStreams worker_streams_{kMostWorkerStreams, kMostWorkerStreams};
  services::IdleCalls idle_imports_;
  services::WorkPool pool_;
  services::ExperimentService experiments_;
  services::WorkerService workers_;
  services::QueryService queries_;
  services::AdminService admin_;
  services::AccessService tokens_;
  std::unique_ptr<Timer> sweeper_;
  std::unique_ptr<Timer> collector_;
  std::unique_ptr<GrpcServer> grpc_;
  std::unique_ptr<gateway::Gateway> gateway_;
  std::atomic<bool> stopped_ = false;
  std::atomic<std::int64_t> leases_lapsed_ = 0;
};

App::App(AppOptions options) {
  check(options);
  parts_ = std::make_unique<Parts>(options);
}

App::~App() = default;

int App::grpc_port() const {
  return parts_->grpc_port();
}
int App::http_port() const {
  return parts_->http_port();
}
void App::reload() {
  parts_->reload();
}
void App::stop() {
  parts_->stop();
}

}  // namespace hooke
