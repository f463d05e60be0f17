#include "tests/bench/simulate.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <thread>

#include "tests/bench/bench_server.h"
#include "tests/bench/fleet.h"
#include "tests/bench/kept.h"
#include "tests/bench/usage.h"

namespace hooke::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kSampleEvery{500};
constexpr int kRunsOfOne = 1000;
constexpr std::size_t kComparedRuns = 25;
// Below this share of what was offered the server falls behind.
constexpr double kKeepsUp = 0.9;
constexpr double kLongestRampS = 60;
constexpr double kLeasesPerS = 500;  // without a pace

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// What was seen of one fleet.
struct Step {
  int workers = 0;
  double offered = 0, acknowledged = 0, bytes = 0, batches = 0, commits = 0;  // a second
  std::int64_t leased = 0, finished = 0;
  double server_cores = 0, own_cores = 0;
  std::int64_t resident = 0, handles = 0, threads = 0;  // of the server, most
  std::int64_t streams = 0, wal = 0, queue = 0;         // most
  double oldest_ms = 0;                                 // most
  double restart_s = 0;
  double bytes_a_point = 0;  // of the database
  Kept kept;
  std::string broke;  // empty: nothing did
};

// Keeps runs in the queue, and watches the server meanwhile.
class Watch {
 public:
  Watch(Server& server, Tally& tally, Step& step)
      : server_(server), channel_(server.connect()), tally_(tally), step_(step) {}

  void feed() {
    while (submitted_ < tally_.leased + step_.workers + kRunsOfOne / 2) {
      v1::SubmitExperimentResponse submitted;
      const grpc::Status status = submit(channel_, kRunsOfOne, submitted);
      if (!status.ok()) return tally_.error("SubmitExperiment", status);
      submitted_ += kRunsOfOne;
    }
  }

  // Until `end`; the most of everything goes into the step.
  void until(Clock::time_point end) {
    while (Clock::now() < end) {
      std::this_thread::sleep_until(std::min(end, Clock::now() + kSampleEvery));
      feed();
      sample();
    }
  }

  std::int64_t commits() const { return commits_; }

 private:
  void sample() {
    const Usage usage = usage_of(server_.pid());
    step_.resident = std::max(step_.resident, usage.resident_bytes);
    step_.handles = std::max(step_.handles, usage.handles);
    step_.threads = std::max(step_.threads, usage.threads);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    v1::Statistics now;
    const auto status = v1::AdminService::NewStub(channel_)->GetStatistics(&context, {}, &now);
    if (!status.ok()) return tally_.error("GetStatistics", status);
    commits_ = now.commits();
    step_.streams = std::max(step_.streams, now.streams());
    step_.wal = std::max(step_.wal, now.wal_bytes());
    step_.queue = std::max(step_.queue, now.writer_queue());
    step_.oldest_ms = std::max(step_.oldest_ms, now.oldest_waiting_ms());
  }

  Server& server_;
  const std::shared_ptr<grpc::Channel> channel_;
  Tally& tally_;
  Step& step_;
  std::int64_t submitted_ = 0;
  std::int64_t commits_ = 0;
};

// Running sums, to be compared with later ones.
struct Mark {
  Clock::time_point time = Clock::now();
  std::int64_t acknowledged, bytes, batches, commits;
  double server_s, own_s;
};

Mark mark(const Server& server, const Tally& tally, const Watch& watch) {
  return {.acknowledged = tally.acknowledged,
          .bytes = tally.bytes,
          .batches = tally.batches,
          .commits = watch.commits(),
          .server_s = usage_of(server.pid()).cpu_s,
          .own_s = usage_of(::getpid()).cpu_s};
}

void note_rates(const Mark& from, const Mark& to, Step& step) {
  const double time = std::chrono::duration<double>(to.time - from.time).count();
  const auto rate = [time](auto a, auto b) { return static_cast<double>(b - a) / time; };
  step.acknowledged = rate(from.acknowledged, to.acknowledged);
  step.bytes = rate(from.bytes, to.bytes);
  step.batches = rate(from.batches, to.batches);
  step.commits = rate(from.commits, to.commits);
  step.server_cores = rate(from.server_s, to.server_s);
  step.own_cores = rate(from.own_s, to.own_s);
}

// What broke, if anything did.
std::string verdict(Tally& tally, const Step& step, unsigned cores) {
  if (!step.kept.problems.empty()) return "what was acknowledged is lost: " + step.kept.problems.front();
  if (const auto error = tally.first_error()) return *error;
  if (step.acknowledged >= kKeepsUp * step.offered) return "";
  char text[200];
  std::snprintf(
      text, sizeof text,
      "%.0f %% of the points offered are acknowledged; of %u cores the server has %.1f, the fleet %.1f",
      100 * step.acknowledged / step.offered, cores, step.server_cores, step.own_cores);
  return text;
}

void print_latency(Tally& tally, const char* call, const char* name) {
  const auto values = tally.quantiles(call, {0.5, 0.99, 1});
  if (values.empty()) return;
  std::printf("  %-10s p50 %.1f ms, p99 %.1f ms, most %.0f ms\n", name, 1e3 * values[0], 1e3 * values[1],
              1e3 * values[2]);
}

void print(const Step& step, Tally& tally) {
  std::printf(
      "%d workers: %lld runs leased, %lld finished; %.0f points/s offered, %.0f acknowledged (%.2f MB/s, "
      "%.0f messages/s)\n",
      step.workers, static_cast<long long>(step.leased), static_cast<long long>(step.finished), step.offered,
      step.acknowledged, step.bytes / 1e6, step.batches);
  print_latency(tally, "Stream, a batch", "ack");
  print_latency(tally, "Lease", "lease");
  print_latency(tally, "Stream, its opening", "stream");
  print_latency(tally, "Heartbeat", "heartbeat");
  print_latency(tally, "Finish", "finish");
  std::printf(
      "  server     %.2f cores, %.0f points a core second, %.0f MB, %lld file handles, %lld threads; %lld "
      "streams, %.0f commits/s, "
      "WAL %.0f MB, queue %lld jobs, oldest %.0f ms\n",
      step.server_cores, step.acknowledged / step.server_cores, static_cast<double>(step.resident) / 1e6,
      static_cast<long long>(step.handles), static_cast<long long>(step.threads),
      static_cast<long long>(step.streams), step.commits, static_cast<double>(step.wal) / 1e6,
      static_cast<long long>(step.queue), step.oldest_ms);
  std::printf("  fleet      %.2f cores\n", step.own_cores);
  for (const auto& [kind, count] : tally.errors())
    std::printf("  error      %lld times %s\n", static_cast<long long>(count), kind.c_str());
  std::printf(
      "  after kill -9: there again after %.1f s; %lld runs hold %lld points (%.0f bytes each), %lld "
      "acknowledged; %lld "
      "compared one by one; %zu problems\n",
      step.restart_s, static_cast<long long>(step.kept.runs), static_cast<long long>(step.kept.stored),
      step.bytes_a_point, static_cast<long long>(step.kept.acknowledged),
      static_cast<long long>(step.kept.values), step.kept.problems.size());
  std::printf("  %s%s\n", step.broke.empty() ? "carried" : "broke: ", step.broke.c_str());
  std::fflush(stdout);
}

// Points a second that the workers' trainers make when nothing holds them up; 0: no pace is kept.
double pace(const SimulateOptions& options, int workers, const std::vector<Recording>& recordings) {
  double sum = 0;
  for (const Recording& recording : recordings)
    sum += static_cast<double>(recording.points(recording.size())) / recording.seconds();
  return options.speed * workers * sum / static_cast<double>(recordings.size());
}

Step simulate(const SimulateOptions& options, int workers, const std::vector<Recording>& recordings) {
  Step step;
  step.workers = workers;
  step.offered = pace(options, workers, recordings);
  Tally tally;
  Server server;
  Watch watch(server, tally, step);
  watch.feed();
  double ramp_s = options.ramp_s;
  if (ramp_s < 0)
    ramp_s = options.speed == 0 ? workers / kLeasesPerS
                                : std::min(kLongestRampS, recordings[0].seconds() / options.speed);
  Fleet fleet(
      {workers, options.speed, std::chrono::milliseconds(static_cast<std::int64_t>(1e3 * ramp_s))},
      recordings, [&server] { return server.connect(); }, tally);
  const auto window = [](double seconds) {
    return Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  };
  watch.until(window(ramp_s + 2));
  tally.begin();
  const Mark begin = mark(server, tally, watch);
  watch.until(window(options.seconds));
  note_rates(begin, mark(server, tally, watch), step);
  tally.end();
  server.kill();  // with everything under way
  fleet.stop();
  step.leased = tally.leased;
  step.finished = tally.finished;
  const auto dead = Clock::now();
  server.start();
  step.restart_s = seconds_since(dead);
  compare_kept(server.connect(), fleet.played(), kComparedRuns, step.kept);
  server.stop();
  count_kept(server.database(), fleet.played(), step.kept);
  step.bytes_a_point = static_cast<double>(std::filesystem::file_size(server.database())) /
                       static_cast<double>(std::max<std::int64_t>(1, step.kept.stored));
  step.broke = verdict(tally, step, std::thread::hardware_concurrency());
  print(step, tally);
  for (const std::string& problem : step.kept.problems) std::printf("  problem    %s\n", problem.c_str());
  return step;
}

std::vector<Recording> recordings_of(const SimulateOptions& options) {
  if (!options.from.empty()) return read_recordings(options.from);
  std::string folder = (std::filesystem::temp_directory_path() / "hooke-recording-XXXXXX").string();
  if (!::mkdtemp(folder.data())) throw std::runtime_error("cannot make a folder like " + folder);
  record_run(folder);
  auto recordings = read_recordings(folder);
  std::filesystem::remove_all(folder);
  return recordings;
}

}  // namespace

int run_simulation(const SimulateOptions& options) {
  std::printf("file handles: %lld for each of server and fleet; every worker has a connection of its own\n",
              static_cast<long long>(raise_handles()));
  const auto recordings = recordings_of(options);
  for (const Recording& recording : recordings)
    std::printf("recorded run: %.1f s, %llu records with %lld points (%lld scalars), %.1f points/s\n",
                recording.seconds(), static_cast<unsigned long long>(recording.size()),
                static_cast<long long>(recording.points(recording.size())),
                static_cast<long long>(recording.scalars()),
                static_cast<double>(recording.points(recording.size())) / recording.seconds());
  std::optional<Step> carried, broken;
  bool lost = false;
  for (const int workers : options.workers) {
    Step step = simulate(options, workers, recordings);
    lost |= !step.kept.problems.empty();
    if (!step.broke.empty() && !broken) broken = step;
    if (step.broke.empty() && !broken) carried = step;
  }
  std::printf("simulate carried %d workers %.0f points/s", carried ? carried->workers : 0,
              carried ? carried->acknowledged : 0);
  if (broken) std::printf("; broke at %d: %s", broken->workers, broken->broke.c_str());
  std::printf("\n");
  return lost ? 1 : 0;
}

}  // namespace hooke::bench
