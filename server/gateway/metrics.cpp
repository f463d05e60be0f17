#include "server/gateway/metrics.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "proto/hooke/status.h"
#include "server/gateway/call.h"

namespace hooke::gateway {
namespace {

namespace net = boost::asio;

constexpr int kWorkersAtATime = 1000;
// Workers ask for work, or say how it goes, several times in this time.
constexpr std::int64_t kAwayAfterUs = 120'000'000;

std::int64_t now_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

// Text of one family after the other.
class Families {
 public:
  void family(const char* name, const char* type, const char* help) {
    name_ = name;
    text_ += fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
  }
  template <class Number>
  void value(Number number, const std::string& labels = {}) {
    text_ += fmt::format("{}{} {}\n", name_, labels, number);
  }
  template <class Number>
  void gauge(const char* name, const char* help, Number number) {
    family(name, "gauge", help);
    value(number);
  }
  template <class Number>
  void counter(const char* name, const char* help, Number number) {
    family(name, "counter", help);
    value(number);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string name_, text_;
};

std::string label(const char* name, const std::string& value) {
  return fmt::format("{{{}=\"{}\"}}", name, value);
}

void add_storage(Families& out, const v1::Statistics& statistics) {
  out.gauge("hooke_database_bytes", "Size of the database file.", statistics.database_bytes());
  out.gauge("hooke_wal_bytes", "Size of the write-ahead log.", statistics.wal_bytes());
  out.gauge("hooke_disk_free_bytes", "Bytes left on the data folder's file system.",
            statistics.disk_free_bytes());
  out.counter("hooke_commits_total", "Commits since start.", statistics.commits());
  out.gauge("hooke_writer_queue_jobs", "Jobs that wait for the writer.", statistics.writer_queue());
  out.gauge("hooke_writer_oldest_waiting_seconds", "Age of the oldest of them.",
            statistics.oldest_waiting_ms() / 1e3);
}

void add_work(Families& out, const v1::Statistics& statistics, const WorkerNumbers& workers) {
  out.gauge("hooke_experiments", "Experiments.", statistics.experiments());
  out.family("hooke_runs", "gauge", "Runs by state.");
  for (const std::string state : {"queued", "running", "succeeded", "failed", "cancelled"}) {
    const auto found = statistics.runs().find(state);
    out.value(found == statistics.runs().end() ? 0 : found->second, label("state", state));
  }
  out.family("hooke_workers", "gauge",
             "Workers of the last day: busy with a run, idle, or away for two minutes or more.");
  out.value(workers.busy, label("state", "busy"));
  out.value(workers.idle, label("state", "idle"));
  out.value(workers.away, label("state", "away"));
  out.gauge("hooke_worker_streams", "Open streams of workers.", statistics.streams());
  out.counter("hooke_ingest_records_total", "Records committed since start.", statistics.records_committed());
}

void add_http(Families& out, const HttpNumbers& http) {
  out.gauge("hooke_http_connections", "Open HTTP connections.", http.connections);
  out.gauge("hooke_http_calls", "Unary calls over HTTP that are being served.", http.calls);
  out.gauge("hooke_http_streams", "Open streams over HTTP.", http.streams);
}

// Under the names that every Prometheus client gives them. What cannot be read is left out.
void add_process(Families& out) {
  std::int64_t pages = 0, resident = 0;
  if (std::ifstream("/proc/self/statm") >> pages >> resident)
    out.gauge("process_resident_memory_bytes", "Resident memory size in bytes.",
              resident * ::sysconf(_SC_PAGESIZE));
  std::error_code error;
  const std::filesystem::directory_iterator descriptors("/proc/self/fd", error);
  if (!error)
    out.gauge("process_open_fds", "Number of open file descriptors.",
              std::distance(begin(descriptors), end(descriptors)));
}

// Throws hooke::Error.
template <class Request, class Answer>
net::awaitable<void> ask(Exchange& exchange, Calls& calls, const char* method, const Request& request,
                         Answer& message) {
  const std::string authorization(exchange.request().find(kAuthorizationKey).value_or(""));
  Call call(calls.stub, {method, authorization, exchange.peer(), calls.limits.metrics});
  const Watch::Guard watched(calls.watch, exchange.descriptor(), call.canceller());
  const std::string bytes = request.SerializeAsString();
  Call::Answer answer;
  co_await call.unary(bytes, answer);
  if (!answer.status.ok()) throw from_status(answer.status);
  if (!message.ParseFromString(answer.message))
    throw Error(Code::kInternal, std::string(method) + " gave no answer that can be read");
}

}  // namespace

void count_workers(const v1::ListWorkersResponse& page, std::int64_t now_us, WorkerNumbers& numbers) {
  for (const v1::Worker& worker : page.workers()) {
    const bool away = now_us - worker.last_seen_us() >= kAwayAfterUs;
    ++(!worker.run().empty() ? numbers.busy : away ? numbers.away : numbers.idle);
  }
}

std::string metrics_text(const v1::Statistics& statistics, const WorkerNumbers& workers,
                         const HttpNumbers& http) {
  Families out;
  out.family("hooke_info", "gauge", "What runs, always 1.");
  out.value(1, fmt::format("{{version=\"{}\",sqlite_version=\"{}\",schema_version=\"{}\"}}",
                           statistics.version(), statistics.sqlite_version(), statistics.schema_version()));
  out.gauge("hooke_uptime_seconds", "Seconds since start.", statistics.uptime_s());
  add_storage(out, statistics);
  add_work(out, statistics, workers);
  add_http(out, http);
  add_process(out);
  return out.take();
}

net::awaitable<void> serve_metrics(Exchange& exchange, Calls& calls, std::size_t connections,
                                   const std::function<std::string()>& more_metrics) {
  const Request& request = exchange.request();
  if (request.method != "GET" && request.method != "HEAD")
    throw Refused(405, Code::kUnimplemented, "/metrics is read by GET", {{"Allow", "GET, HEAD"}});
  const HttpNumbers http{connections, calls.calls.taken(), calls.streams.taken()};
  const auto place = place_for_call(calls);
  v1::Statistics statistics;
  const v1::GetStatisticsRequest everything;
  co_await ask(exchange, calls, "/hooke.v1.AdminService/GetStatistics", everything, statistics);
  WorkerNumbers workers;
  v1::ListWorkersRequest wanted;
  wanted.set_page_size(kWorkersAtATime);
  do {
    v1::ListWorkersResponse page;
    co_await ask(exchange, calls, "/hooke.v1.ExperimentService/ListWorkers", wanted, page);
    count_workers(page, now_us(), workers);
    wanted.set_page_token(page.next_page_token());
  } while (!wanted.page_token().empty());
  Response response{200,
                    {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}},
                    metrics_text(statistics, workers, http)};
  if (more_metrics) response.body += more_metrics();
  if (accepts_coding(request.find("accept-encoding").value_or(""), "gzip")) compress(response);
  co_await exchange.respond(std::move(response));
}

}  // namespace hooke::gateway
