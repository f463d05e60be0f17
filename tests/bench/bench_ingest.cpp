// bench_ingest: workers' streams into a hooked on loopback, against the same rows straight into SQLite
// with the same durability and as many rows in a commit. The last line is for programs.
#include <sqlite3.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "tests/bench/bench_server.h"
#include "tests/bench/simulate.h"
#include "worker/spool/record.h"
#include "worker/spool/spool.h"

namespace {

using namespace hooke;
using Clock = std::chrono::steady_clock;

constexpr const char* kUsage =
    "bench_ingest [--streams N,N,...] [--rows N: of each measurement] [--idle N: streams that only stay "
    "open]\n"
    "             [--floats: only 10 processes x 100 calls x 100 values]\n"
    "bench_ingest --simulate-workers N,N,... [--from DIR: kept spools] [--speed X: times the recorded pace, "
    "or "
    "max]\n"
    "             [--seconds S: measured] [--ramp S: within which workers begin]\n";
constexpr std::int64_t kLeastPoints = 100;  // of each series
constexpr std::int64_t kTimeUs = 1'764'000'000'000'000;

struct Options {
  std::vector<int> streams = {1, 10, 100, 1000};
  std::int64_t rows = 1'000'000;
  int idle = 1000;
  bool floats = false;
  bench::SimulateOptions simulate;  // without workers: not asked for
};

// What a record holds.
struct Shape {
  const char* name;
  int scalars;  // 0: one matrix
  int classes;
  std::int64_t rows() const { return scalars > 0 ? scalars : 1; }
};

constexpr Shape kShapes[] = {{"1 scalar", 1, 0}, {"100 scalars", 100, 0}, {"10x10 matrix", 0, 10}};

int number(const std::string& option, const std::string& text) {
  int value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size() || value < 0)
    throw std::runtime_error(option + ": '" + text + "' is not a number\n" + kUsage);
  return value;
}

std::vector<int> numbers(const std::string& option, const std::string& text) {
  std::vector<int> all;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t comma = std::min(text.find(',', from), text.size());
    all.push_back(number(option, text.substr(from, comma - from)));
    from = comma + 1;
  }
  return all;
}

double positive(const std::string& option, const std::string& text) {
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size() || !(value > 0))
    throw std::runtime_error(option + ": '" + text + "' is not a number above 0\n" + kUsage);
  return value;
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--help") {
      std::cout << kUsage;
      std::exit(0);
    }
    if (option == "--floats") {
      options.floats = true;
      continue;
    }
    if (i + 1 == argc) throw std::runtime_error(option + ": needs a value\n" + kUsage);
    const std::string value = argv[++i];
    if (option == "--streams") {
      options.streams = numbers(option, value);
    } else if (option == "--simulate-workers") {
      options.simulate.workers = numbers(option, value);
    } else if (option == "--from") {
      options.simulate.from = value;
    } else if (option == "--speed") {
      options.simulate.speed = value == "max" ? 0 : positive(option, value);
    } else if (option == "--seconds") {
      options.simulate.seconds = positive(option, value);
    } else if (option == "--ramp") {
      options.simulate.ramp_s = positive(option, value);
    } else if (option == "--rows") {
      options.rows = number(option, value);
    } else if (option == "--idle") {
      options.idle = number(option, value);
    } else {
      throw std::runtime_error(option + ": there is no such option\n" + kUsage);
    }
  }
  return options;
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void add_record(v1::StreamRequest& request, const Shape& shape, std::int64_t step) {
  v1::Record& record = *request.mutable_batch()->add_records();
  if (shape.scalars == 0) {
    auto& matrix = *record.mutable_matrix();
    matrix.set_step(step);
    matrix.set_time_us(kTimeUs + step);
    matrix.set_key("elasticity/kl");
    matrix.set_planes(bench::planes(shape.classes, step));
    return;
  }
  auto& points = *record.mutable_scalars();
  points.set_step(step);
  points.set_time_us(kTimeUs + step);
  for (int k = 0; k < shape.scalars; ++k) {
    points.add_key("train/loss-" + std::to_string(k));
    points.add_value(static_cast<double>(step) + 0.001 * k);
  }
}

// All batches of one stream, ready to be sent.
std::vector<v1::StreamRequest> batches(const Shape& shape, std::int64_t records) {
  constexpr std::int64_t kBatchRows = 1000;
  const std::int64_t per_batch =
      std::max<std::int64_t>(1, kBatchRows / (shape.scalars == 0 ? 10 : shape.rows()));
  std::vector<v1::StreamRequest> all;
  for (std::int64_t step = 0; step < records;) {
    v1::StreamRequest request;
    for (std::int64_t i = 0; i < per_batch && step < records; ++i) add_record(request, shape, step++);
    all.push_back(std::move(request));
  }
  return all;
}

struct Outcome {
  double seconds = 0;
  std::int64_t rows = 0;
  double rows_per_commit = 0;
  double bytes = 0;  // of the whole database, for each row
};

std::int64_t file_bytes(const std::filesystem::path& file) {
  std::error_code failed;
  const auto size = std::filesystem::file_size(file, failed);
  return failed ? 0 : static_cast<std::int64_t>(size);
}

Outcome ingest(const Shape& shape, int streams, std::int64_t rows) {
  bench::Server server;
  const auto grants = bench::lease(server.connect(), streams);
  const std::int64_t records = std::max<std::int64_t>(1, rows / (shape.rows() * streams));
  std::vector<std::vector<v1::StreamRequest>> work(static_cast<std::size_t>(streams));
  for (auto& one : work) one = batches(shape, records);
  std::vector<std::unique_ptr<bench::Stream>> open;
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (int s = 0; s < streams; ++s) {
    if (s % 100 == 0) channels.push_back(server.connect());
    open.push_back(std::make_unique<bench::Stream>(channels.back(), grants[static_cast<std::size_t>(s)]));
    open.back()->send(bench::first_records(shape.classes, records));
  }
  for (auto& stream : open) stream->drain();
  const std::int64_t commits = server.statistics().commits();
  const auto start = Clock::now();
  std::vector<std::thread> threads;
  for (std::size_t s = 0; s < open.size(); ++s) {
    threads.emplace_back([&, s] {
      for (v1::StreamRequest& batch : work[s]) open[s]->send(std::move(batch));
      open[s]->drain();
    });
  }
  for (std::thread& thread : threads) thread.join();
  Outcome outcome;
  outcome.seconds = seconds_since(start);
  outcome.rows = records * shape.rows() * streams;
  const auto after = server.statistics();
  outcome.rows_per_commit = static_cast<double>(outcome.rows) /
                            static_cast<double>(std::max<std::int64_t>(1, after.commits() - commits));
  for (auto& stream : open) stream->close();
  open.clear();
  server.stop();
  outcome.bytes = static_cast<double>(file_bytes(server.database())) / static_cast<double>(outcome.rows);
  return outcome;
}

// SQLite itself, for comparison.
class RawDatabase {
 public:
  explicit RawDatabase(const std::filesystem::path& file) {
    if (sqlite3_open(file.c_str(), &handle_) != SQLITE_OK)
      throw std::runtime_error("SQLite cannot open a file");
    exec(
        "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
        "CREATE TABLE scalar_points (series_id INTEGER NOT NULL, step INTEGER NOT NULL, time_us INTEGER NOT "
        "NULL,"
        " value REAL, PRIMARY KEY (series_id, step)) STRICT, WITHOUT ROWID;"
        "CREATE TABLE matrix_points (id INTEGER PRIMARY KEY, series_id INTEGER NOT NULL, step INTEGER NOT "
        "NULL,"
        " time_us INTEGER NOT NULL, planes BLOB NOT NULL, UNIQUE (series_id, step)) STRICT");
    prepare("INSERT INTO scalar_points (series_id, step, time_us, value) VALUES (?, ?, ?, ?)", &scalar_);
    prepare("INSERT INTO matrix_points (series_id, step, time_us, planes) VALUES (?, ?, ?, ?)", &matrix_);
  }
  ~RawDatabase() {
    sqlite3_finalize(scalar_);
    sqlite3_finalize(matrix_);
    sqlite3_close(handle_);
  }
  RawDatabase(const RawDatabase&) = delete;
  RawDatabase& operator=(const RawDatabase&) = delete;

  void exec(const char* sql) {
    if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
      throw std::runtime_error(sqlite3_errmsg(handle_));
  }
  void insert(std::int64_t series, std::int64_t step, double value) {
    sqlite3_bind_double(scalar_, 4, value);
    run(scalar_, series, step);
  }
  void insert(std::int64_t series, std::int64_t step, const std::string& planes) {
    sqlite3_bind_blob(matrix_, 4, planes.data(), static_cast<int>(planes.size()), SQLITE_STATIC);
    run(matrix_, series, step);
  }

 private:
  void prepare(const char* sql, sqlite3_stmt** statement) {
    if (sqlite3_prepare_v2(handle_, sql, -1, statement, nullptr) != SQLITE_OK)
      throw std::runtime_error(sqlite3_errmsg(handle_));
  }
  void run(sqlite3_stmt* statement, std::int64_t series, std::int64_t step) {
    sqlite3_bind_int64(statement, 1, series);
    sqlite3_bind_int64(statement, 2, step);
    sqlite3_bind_int64(statement, 3, kTimeUs + step);
    if (sqlite3_step(statement) != SQLITE_DONE) throw std::runtime_error(sqlite3_errmsg(handle_));
    sqlite3_reset(statement);
  }

  sqlite3* handle_ = nullptr;
  sqlite3_stmt* scalar_ = nullptr;
  sqlite3_stmt* matrix_ = nullptr;
};

// The same rows, stream after stream a batch, as many in a commit as the server had.
double raw_seconds(const Shape& shape, int streams, std::int64_t rows, double rows_per_commit) {
  std::string folder = (std::filesystem::temp_directory_path() / "hooke-raw-XXXXXX").string();
  if (!::mkdtemp(folder.data())) throw std::runtime_error("cannot make a folder like " + folder);
  double seconds = 0;
  {
    RawDatabase database(std::filesystem::path(folder) / "raw.db");
    const std::string planes = shape.scalars == 0 ? bench::planes(shape.classes, 1) : std::string();
    const std::int64_t records = rows / (shape.rows() * streams);
    const std::int64_t per_batch = std::max<std::int64_t>(1, 1000 / (shape.scalars == 0 ? 10 : shape.rows()));
    const auto start = Clock::now();
    std::int64_t in_commit = 0;
    database.exec("BEGIN IMMEDIATE");
    for (std::int64_t first = 0; first < records; first += per_batch) {
      for (int stream = 0; stream < streams; ++stream) {
        for (std::int64_t step = first; step < std::min(first + per_batch, records); ++step) {
          for (int k = 0; k < shape.rows(); ++k) {
            const std::int64_t series = std::int64_t{stream} * shape.rows() + k + 1;
            if (shape.scalars == 0) {
              database.insert(series, step, planes);
            } else {
              database.insert(series, step, static_cast<double>(step) + 0.001 * k);
            }
          }
          in_commit += shape.rows();
        }
        if (static_cast<double>(in_commit) < rows_per_commit) continue;
        database.exec("COMMIT; BEGIN IMMEDIATE");
        in_commit = 0;
      }
    }
    database.exec("COMMIT");
    seconds = seconds_since(start);
  }
  std::filesystem::remove_all(folder);
  return seconds;
}

void measure_idle(int streams) {
  bench::Server server;
  const auto grants = bench::lease(server.connect(), streams);
  const std::int64_t before = server.memory();
  std::vector<std::unique_ptr<bench::Stream>> open;
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (int s = 0; s < streams; ++s) {
    channels.push_back(server.connect());
    open.push_back(std::make_unique<bench::Stream>(channels.back(), grants[static_cast<std::size_t>(s)]));
    open.back()->send(bench::first_records(0, 1));
    open.back()->drain();
  }
  std::printf("%d idle streams, each with a connection: server memory %.0f MB, before %.0f MB\n", streams,
              static_cast<double>(server.memory()) / 1e6, static_cast<double>(before) / 1e6);
  for (auto& stream : open) stream->close();
}

// 10 processes, 100 calls of 100 values each, everything durable at the end; streams stand for processes.
void measure_floats() {
  constexpr int kProcesses = 10, kCalls = 100, kValues = 100;
  constexpr Shape kShape{"100 scalars", kValues, 0};
  bench::Server server;
  const auto grants = bench::lease(server.connect(), kProcesses);
  const auto start = Clock::now();
  std::vector<std::thread> threads;
  for (const v1::LeaseGrant& grant : grants) {
    threads.emplace_back([&server, &grant, kShape] {
      bench::Stream stream(server.connect(), grant);
      stream.send(bench::first_records(0, kCalls));
      for (std::int64_t step = 0; step < kCalls; ++step) {
        v1::StreamRequest call;
        add_record(call, kShape, step);
        stream.send(std::move(call));
      }
      stream.drain();
      stream.close();
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::printf("10 processes x 100 calls x 100 values, start to durable: %.3f s\n", seconds_since(start));
}

// What the training loop spends on a record: an append to the spool, which the agent reads behind it.
void measure_spool() {
  constexpr int kRecords = 100'000;
  std::string folder = (std::filesystem::temp_directory_path() / "hooke-spool-XXXXXX").string();
  if (!::mkdtemp(folder.data())) throw std::runtime_error("cannot make a folder like " + folder);
  for (const int values : {1, 100}) {
    spool::Scalars record;
    for (int k = 0; k < values; ++k) record.values.emplace_back("train/loss-" + std::to_string(k), 0.5);
    spool::Writer writer(std::filesystem::path(folder) / std::to_string(values), {});
    std::vector<double> microseconds;
    for (int i = 0; i < kRecords; ++i) {
      record.step = i;
      record.time_us = kTimeUs + i;
      const auto start = Clock::now();
      writer.append(spool::Kind::kScalars, spool::encode(record));
      microseconds.push_back(1e6 * seconds_since(start));
    }
    std::sort(microseconds.begin(), microseconds.end());
    std::printf("a record of %3d values costs the training loop: p50 %.1f us, p99 %.1f us, most %.0f us\n",
                values, microseconds[kRecords / 2], microseconds[kRecords * 99 / 100], microseconds.back());
  }
  std::filesystem::remove_all(folder);
}

int run(const Options& options) {
  measure_spool();
  measure_floats();
  if (options.floats) return 0;
  if (options.idle > 0) measure_idle(options.idle);
  double worst = 0, worst_rate = 0, worst_raw = 0;
  for (const Shape& shape : kShapes) {
    for (const int streams : options.streams) {
      // A matrix has a hundred cells; making a series costs more than a point of it.
      const std::int64_t rows = shape.scalars == 0
                                    ? options.rows / 20
                                    : std::max(options.rows, kLeastPoints * streams * shape.rows());
      const Outcome got = ingest(shape, streams, rows);
      const double raw = raw_seconds(shape, streams, got.rows, got.rows_per_commit);
      const double rate = static_cast<double>(got.rows) / got.seconds,
                   raw_rate = static_cast<double>(got.rows) / raw;
      const double bytes = shape.scalars == 0 ? got.bytes / (shape.classes * shape.classes) : got.bytes;
      std::printf(
          "%-12s %5d streams: %9.0f rows/s, raw %9.0f rows/s, ratio %.2f; %.0f rows a commit, %.1f bytes a "
          "%s\n",
          shape.name, streams, rate, raw_rate, rate / raw_rate, got.rows_per_commit, bytes,
          shape.scalars == 0 ? "cell" : "row");
      std::fflush(stdout);
      if (worst_raw != 0 && rate / raw_rate >= worst) continue;
      worst = rate / raw_rate;
      worst_rate = rate;
      worst_raw = raw_rate;
    }
  }
  std::printf("ingest %.0f rows/s raw %.0f rows/s ratio %.2f\n", worst_rate, worst_raw, worst);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Options options = parse(argc, argv);
    return options.simulate.workers.empty() ? run(options) : bench::run_simulation(options.simulate);
  } catch (const std::exception& error) {
    std::cerr << "bench_ingest: " << error.what() << "\n";
    return 1;
  }
}
