// bench_ingest: workers' streams into a hooked on loopback, against the same rows straight into SQLite
// with the same durability and as many rows in a commit. The last line is for programs.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "tests/bench/bench_server.h"
#include "tests/bench/ingest_options.h"
#include "tests/bench/raw_sqlite.h"
#include "tests/bench/shape.h"
#include "tests/temp_folder.h"
#include "worker/spool/record.h"
#include "worker/spool/spool.h"

namespace {

using namespace hooke;
using bench::kTimeUs;
using bench::Shape;
using Clock = std::chrono::steady_clock;

constexpr std::int64_t kLeastPoints = 100;  // of each series

constexpr Shape kShapes[] = {{"1 scalar", 1, 0}, {"100 scalars", 100, 0}, {"10x10 matrix", 0, 10}};

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
  const hooke::tests::TempFolder folder;
  for (const int values : {1, 100}) {
    spool::Scalars record;
    for (int k = 0; k < values; ++k) record.values.emplace_back("train/loss-" + std::to_string(k), 0.5);
    spool::Writer writer(folder.path() / std::to_string(values), {});
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
}

int run(const bench::IngestOptions& options) {
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
      const double raw = bench::raw_seconds(shape, streams, got.rows, got.rows_per_commit);
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
    const bench::IngestOptions options = bench::parse_ingest_options(argc, argv);
    return options.simulate.workers.empty() ? run(options) : bench::run_simulation(options.simulate);
  } catch (const std::exception& error) {
    std::cerr << "bench_ingest: " << error.what() << "\n";
    return 1;
  }
}
