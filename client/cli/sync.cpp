// hooke sync
#include <algorithm>
#include <atomic>
#include <chrono>
#include <nlohmann/json.hpp>
#include <ostream>
#include <thread>

#include "client/cli/commands.h"
#include "client/cli/progress.h"
#include "client/cli/resources.h"
#include "client/cli/spool_folders.h"
#include "client/cli/text.h"
#include "worker/spool/spool.h"

namespace hooke::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kSyncTick{200};
// A server that is away for longer than this ends the command, but for --follow.
constexpr std::chrono::seconds kSyncPatience{60};
// Between lines of progress where there is no terminal.
constexpr int kBarColumns = 24;
constexpr int kTries = 4;  // of one segment, when the server forgets what it had

struct SyncOptions {
  std::string folder;
  std::string experiment;
  bool follow = false;
  int every = 0;  // seconds; 0: once
  Format format = Format::kTable;
};

// What became of one run.
struct Report {
  std::string folder;
  std::string run;
  std::string experiment;
  std::string state;
  std::size_t segments = 0;      // that have records
  std::uint64_t sent = 0;        // records
  std::uint64_t present = 0;     // records that were there already
  std::uint64_t sent_bytes = 0;  // of the spools
  std::string error;             // empty: all was sent
};

class RunSender {
 public:
  RunSender(Context& context, const SyncOptions& options, const SpoolRun& run)
      : context_(context), options_(options), run_(run), line_(context) {
    report_.folder = run.folder.string();
  }

  // Sends what is there; with --follow also what comes, until the run has ended. Errors are in the
  // report; those of the connection and of authorisation are thrown.
  Report send() {
    try {
      send_segments();
    } catch (const Error& error) {
      const ExitCode code = exit_code(error.code());
      if (error.code() == Code::kUnavailable || code == kNotAuthorised) throw;
      fail(describe(error), code);
    } catch (const std::filesystem::filesystem_error& error) {
      fail(error.what(), kFailed);
    }
    if (!report_.run.empty()) ask_state();
    return report_;
  }

 private:
  void fail(const std::string& why, ExitCode code) {
    report_.error = why;
    context_.exit_code = code;
    line_.note("hooke: " + report_.folder + ": " + why + "; what was not sent stays in the folder");
  }

  void ask_state() {
    const auto run = find_run(context_.api(), report_.run);
    report_.state = run ? state_name(run->state()) : "deleted";
    if (report_.error.empty() && run && run->state() == v1::RUN_STATE_RUNNING)
      line_.note(
          report_.folder + ": run " + report_.run +
          " has not ended: it is still going on, or was interrupted; the same command sends what comes "
          "(--follow keeps sending until its end)");
  }

  void send_segments() {
    for (std::int32_t done = 0;;) {
      const auto next = segment_after(done);
      if (next) {
        send_segment(*next);
        done = next->number;
        continue;
      }
      if (!options_.follow || ended_) break;
      line_.draw(run_.id + "  waits for the run to go on");
      std::this_thread::sleep_for(kSyncTick);
    }
    if (report_.segments == 0) line_.note(report_.folder + ": nothing is recorded yet");
  }

  std::optional<SpoolFile> segment_after(std::int32_t number) const {
    for (const SpoolFile& file : segments_of(run_.folder))
      if (file.number > number) return file;
    return std::nullopt;
  }

  v1::LeaseGrant lease(std::int32_t segment) {
    v1::OfflineSegment request;
    request.set_uuid(run_.id);
    request.set_segment(segment);
    request.set_config_json(run_.config_json);
    request.set_experiment(options_.experiment);
    line_.clear();
    v1::LeaseGrant grant;
    {
      const Waiting waiting(context_,
                            "waiting for the server at " + context_.api().endpoint().address +
                                ", for at most " + std::to_string(kLeasePatience.count()) + " s",
                            Waiting::InPipes::kAtOnce);
      grant = context_.api().lease_segment(request, run_.submitted);
    }
    report_.run = grant.run_id();
    report_.experiment = experiment_of(grant.run());
    name_ = grant.run();
    return grant;
  }

  // An interrupted start may have left nothing whole; then there is nothing to ask the server for.
  void send_segment(const SpoolFile& file) {
    for (int tries = 1;; ++tries) {
      line_.draw(file.path.string() + ": reads what is there");
      const SpoolExtent extent = measure_spool(file.path);
      ended_ = extent.ended;
      if (extent.torn_bytes > 0 && !options_.follow && tries == 1)
        line_.note(file.path.string() + ": " + bytes(static_cast<std::int64_t>(extent.torn_bytes)) +
                   " at its end are no whole record (cut short, or being written) and are not sent");
      if (extent.last == 0 && !wait_for_records(file)) return;
      const auto grant = lease(file.number);
      if (tries == 1) {
        ++report_.segments;
        report_.present += grant.committed_record();
      }
      const bool complete = grant.committed_record() >= extent.last;
      if (complete && (extent.ended || !going_on(file))) return;
      const std::uint64_t held = grant.committed_record(), first_byte = offset_after(file, held);
      lost_since_ = 0;
      auto uplink = context_.api().send_spool(
          grant, file.path, [this](const std::optional<std::string>& lost) { note_connection(lost); });
      const auto refusal = follow(*uplink, file, extent, first_byte);
      const std::uint64_t after = uplink->acknowledged();
      if (after > held) report_.sent += after - held;
      if (!refusal) return;
      // A run that was deleted is not made again.
      if (!uplink->rewound() && !find_run(context_.api(), report_.run)) throw *refusal;
      // Someone else may have sent the rest meanwhile, and the run gone on or ended with it.
      if (lease(file.number).committed_record() >= measure_spool(file.path).last) return;
      if (!uplink->rewound() || tries == kTries) throw *refusal;
    }
  }

  static std::uint64_t offset_after(const SpoolFile& file, std::uint64_t record) {
    spool::Reader reader(file.path);
    reader.skip_to(record);
    return reader.position().offset;
  }

  // False when there will be none.
  bool wait_for_records(const SpoolFile& file) const {
    while (going_on(file)) {
      if (measure_spool(file.path).last > 0) return true;
      std::this_thread::sleep_for(kSyncTick);
    }
    return false;
  }

  // Whether more may come into this segment, and is wanted.
  bool going_on(const SpoolFile& file) const { return options_.follow && !segment_after(file.number); }

  // Until all is acknowledged or refused. Throws kUnavailable when the server stays away.
  std::optional<Error> follow(uplink::Uplink& uplink, const SpoolFile& file, const SpoolExtent& extent,
                              std::uint64_t first_byte) {
    const auto start = steady_clock::now();
    bool closed = false;
    while (true) {
      if (!closed && (uplink.end() || !going_on(file))) {
        ended_ = uplink.end().has_value();
        uplink.close_spool();
        closed = true;
      }
      if (uplink.wait_drained(kSyncTick)) break;
      draw(file, extent, uplink.acknowledged_position(), first_byte, start);
      give_up_when_away(file);
    }
    report_.sent_bytes += std::max(first_byte, uplink.acknowledged_position().offset) - first_byte;
    ended_ = ended_ || uplink.end().has_value();
    return uplink.refusal();
  }

  void draw(const SpoolFile& file, const SpoolExtent& extent, const spool::Position& position,
            std::uint64_t first_byte, steady_clock::time_point start) {
    const double seconds = std::chrono::duration<double>(steady_clock::now() - start).count();
    const double rate = static_cast<double>(position.offset - std::min(first_byte, position.offset)) /
                        std::max(seconds, 0.001);
    const std::uint64_t last = std::max(extent.last, position.number);
    std::string text = report_.run + "  segment " + std::to_string(file.number) + "  ";
    if (last > 0)
      text += bar(static_cast<double>(position.number) / static_cast<double>(last), kBarColumns,
                  context_.terminal.unicode) +
              "  ";
    text += std::to_string(position.number) + "/" + std::to_string(last) + " records  " +
            bytes(static_cast<std::int64_t>(position.offset)) + "  " +
            bytes(static_cast<std::int64_t>(rate)) + "/s";
    if (lost_since_ != 0) text += "  the server is away; trying again";
    line_.draw(text);
  }

  // On the uplink's thread.
  void note_connection(const std::optional<std::string>& lost) {
    lost_since_ = lost ? steady_clock::now().time_since_epoch().count() : 0;
  }

  void give_up_when_away(const SpoolFile& file) const {
    const auto since = lost_since_.load();
    if (options_.follow || since == 0) return;
    if (steady_clock::now() - steady_clock::time_point(steady_clock::duration(since)) < kSyncPatience) return;
    throw Error(Code::kUnavailable, "the server at " + context_.api().endpoint().address +
                                        " went away while " + file.path.string() +
                                        " was sent; the same command goes on when it is back");
  }

  Context& context_;
  const SyncOptions& options_;
  const SpoolRun& run_;
  ProgressLine line_;
  Report report_;
  std::string name_;
  bool ended_ = false;                            // the End record of the last segment was seen
  std::atomic<steady_clock::rep> lost_since_{0};  // 0: connected
};

// The offline runs below the folder; says what else there is.
std::vector<SpoolRun> runs_to_send(Context& context, const SyncOptions& options) {
  std::vector<SpoolRun> runs = find_spools(options.folder);
  const auto leased =
      std::stable_partition(runs.begin(), runs.end(), [](const auto& run) { return run.offline; });
  const std::string hint =
      " was leased from a server, and only its worker may send it: start `hooke-worker` with the same "
      "--spool, "
      "and the run's next attempt sends what the server lacks; `hooke doctor --verify --against` compares";
  if (leased == runs.begin()) {
    if (leased != runs.end())
      throw invalid("", "'" + leased->folder.string() + "' is no offline run: it" + hint);
    throw invalid("", "'" + options.folder +
                          "' holds no run that was made without a server (a folder that `hooke-worker run "
                          "--out` was given, or one above it)");
  }
  for (auto run = leased; run != runs.end(); ++run) context.note("hooke: " + run->folder.string() + hint);
  runs.erase(leased, runs.end());
  if (options.follow && runs.size() > 1)
    throw invalid("--follow", "'" + options.folder + "' holds " + plural(std::ssize(runs), "run") +
                                  "; one can be followed, give its own folder");
  return runs;
}

void print_reports(Context& context, const std::vector<Report>& reports, Format format) {
  if (format == Format::kJson) {
    std::vector<std::string> texts;
    for (const Report& report : reports)
      texts.push_back(nlohmann::ordered_json{
          {"folder", report.folder},
          {"run", report.run},
          {"experiment", report.experiment},
          {"state", report.state},
          {"segments", report.segments},
          {"sent", report.sent},
          {"present", report.present},
          {"sentBytes", report.sent_bytes},
          {"error",
           report.error}}.dump(2));
    return print_json_list(context.out, texts);
  }
  const bool csv = format == Format::kCsv;
  Grid grid{{"run", "experiment", "state", "segments", "sent", csv ? "present" : "there already",
             csv ? "sent_bytes" : "size", "folder"},
            {}};
  for (const Report& report : reports)
    grid.rows.push_back(
        {report.run, report.experiment, report.state, std::to_string(report.segments),
         std::to_string(report.sent), std::to_string(report.present),
         csv ? std::to_string(report.sent_bytes) : bytes(static_cast<std::int64_t>(report.sent_bytes)),
         report.folder});
  csv ? print_csv(context.out, grid) : print_table(context.out, grid);
}

std::vector<Report> send_all(Context& context, const SyncOptions& options) {
  std::vector<Report> reports;
  for (const SpoolRun& run : runs_to_send(context, options))
    reports.push_back(RunSender(context, options, run).send());
  return reports;
}

bool has_ended(const Report& report) {
  return report.state == "succeeded" || report.state == "failed" || report.state == "cancelled" ||
         report.state == "deleted";
}

// A server that is away for one pass is there for a later one.
void sync(Context& context, const SyncOptions& options) {
  while (options.every > 0) {
    std::vector<Report> reports;
    try {
      context.exit_code = kDone;
      reports = send_all(context, options);
    } catch (const Error& error) {
      if (error.code() != Code::kUnavailable) throw;
      context.note("hooke: " + describe(error) + "; trying again in " + std::to_string(options.every) + " s");
    }
    if (!reports.empty() && std::all_of(reports.begin(), reports.end(), has_ended))
      return print_reports(context, reports, options.format);
    std::this_thread::sleep_for(std::chrono::seconds(options.every));
  }
  print_reports(context, send_all(context, options), options.format);
}

}  // namespace

void add_sync(CLI::App& app, Context& context) {
  auto options = std::make_shared<SyncOptions>();
  CLI::App* command = add_command<SyncOptions>(
      app, "sync", "Send what `hooke-worker run` recorded without a server",
      "  hooke sync runs/first               one run; again, it sends what has come since\n"
      "  hooke sync runs --as laptop-seeds   every run below runs, into one experiment\n"
      "  hooke sync runs/first --follow      goes on until the run has ended\n"
      "  hooke sync /scratch/me/hooke --every 60    all of `submit --on slurm --offline`, until the last has "
      "ended\n"
      "Nothing is removed, and several may send the same folder at once: the server takes every record "
      "once.\n"
      "Until its end has come the run is shown as running. A run that is started again later goes on there.",
      options, [&](const SyncOptions& given) { sync(context, given); });
  command->add_option("DIR", options->folder, "Folder of a run (its --out), or one above several")
      ->required();
  command
      ->add_option("--as", options->experiment,
                   "Experiment that the runs join; made when it is not there. Default: one for each, named "
                   "as in its configuration")
      ->type_name("NAME");
  CLI::Option* follow =
      command->add_flag("--follow", options->follow, "Keep sending until the run has ended");
  command
      ->add_option("--every", options->every,
                   "Send what has come after so many seconds, again and again, until every run has ended")
      ->type_name("SECONDS")
      ->check(CLI::PositiveNumber)
      ->excludes(follow);
  add_format(*command, options->format);
}

}  // namespace hooke::cli
