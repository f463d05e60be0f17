// bench_query: how long answers take, by the size of the database, while a worker streams at full rate.
// The last line is for programs.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "tests/bench/bench_server.h"

namespace {

using namespace hooke;
using Clock = std::chrono::steady_clock;

constexpr const char* kUsage =
    "bench_query [--points N,N,...: sizes of the databases, default 100000,1000000,10000000]\n"
    "            [--runs R --series S: for the lists, default 1500 and 1500] [--rounds N: of each question]\n"
    "            [--lists: only those] [--export: only exports of the first size, and an import]\n";
constexpr std::int64_t kTimeUs = 1'764'000'000'000'000;
constexpr int kClasses = 10;
constexpr int kNames = 12'345;

struct Options {
  std::vector<std::int64_t> points = {100'000, 1'000'000, 10'000'000};
  int runs = 1500;
  int series = 1500;
  int rounds = 300;
  bool exports = false;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--help") {
      std::cout << kUsage;
      std::exit(0);
    }
    if (option == "--lists") {
      options.points.clear();
      continue;
    }
    if (option == "--export") {
      options.exports = true;
      continue;
    }
    if (i + 1 == argc) throw std::runtime_error(option + ": needs a value\n" + kUsage);
    const std::string value = argv[++i];
    if (option == "--points") {
      options.points.clear();
      for (std::size_t from = 0; from <= value.size();) {
        const std::size_t comma = std::min(value.find(',', from), value.size());
        options.points.push_back(std::stoll(value.substr(from, comma - from)));
        from = comma + 1;
      }
    } else if (option == "--runs") {
      options.runs = std::stoi(value);
    } else if (option == "--series") {
      options.series = std::stoi(value);
    } else if (option == "--rounds") {
      options.rounds = std::stoi(value);
    } else {
      throw std::runtime_error(option + ": there is no such option\n" + kUsage);
    }
  }
  return options;
}

// Sorted milliseconds of one question asked again and again.
struct Times {
  std::vector<double> ms;
  double at(double share) const {
    return ms[static_cast<std::size_t>(share * static_cast<double>(ms.size() - 1))];
  }
};

Times ask(int rounds, const std::function<void(int)>& question) {
  Times times;
  for (int round = 0; round < rounds; ++round) {
    const auto start = Clock::now();
    question(round);
    times.ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
  }
  std::sort(times.ms.begin(), times.ms.end());
  return times;
}

void print(const char* what, const Times& times) {
  std::printf("  %-38s p50 %8.2f ms   p99 %8.2f ms\n", what, times.at(0.5), times.at(0.99));
  std::fflush(stdout);
}

v1::ScalarPoints& add_scalars(v1::StreamRequest& request, std::int64_t step) {
  auto& points = *request.mutable_batch()->add_records()->mutable_scalars();
  points.set_step(step);
  points.set_time_us(kTimeUs + step);
  return points;
}

// Half of the points in one long series, half in a hundred, and a matrix for every thousand points.
void fill(bench::Server& server, const v1::LeaseGrant& grant, std::int64_t points) {
  bench::Stream stream(server.connect(), grant);
  stream.send(bench::first_records(kClasses, points));
  const std::int64_t steps = points / 2;
  for (std::int64_t step = 0; step < steps;) {
    v1::StreamRequest request;
    for (int i = 0; i < 500 && step < steps; ++i, ++step) {
      auto& scalars = add_scalars(request, step);
      scalars.add_key("train/loss");
      scalars.add_value(std::sin(1e-4 * static_cast<double>(step)));
      if (step % 100 == 0) {
        for (int k = 0; k < 100; ++k) {
          scalars.add_key("other/" + std::to_string(k));
          scalars.add_value(static_cast<double>(k));
        }
      }
      if (step % 500 != 0) continue;
      auto& matrix = *request.mutable_batch()->add_records()->mutable_matrix();
      matrix.set_step(step);
      matrix.set_time_us(kTimeUs + step);
      matrix.set_key("elasticity/kl");
      matrix.set_planes(bench::planes(kClasses, step));
    }
    stream.send(std::move(request));
  }
  stream.drain();
  stream.close();
}

// Streams to a run of its own until told to stop.
class Load {
 public:
  Load(bench::Server& server, const v1::LeaseGrant& grant)
      : thread_([this, &server, grant] {
          bench::Stream stream(server.connect(), grant);
          stream.send(bench::first_records(0, 1));
          for (std::int64_t step = 0; !stop_;) {
            v1::StreamRequest request;
            for (int i = 0; i < 20; ++i, ++step) {
              auto& scalars = add_scalars(request, step);
              for (int k = 0; k < 50; ++k) {
                scalars.add_key("load/" + std::to_string(k));
                scalars.add_value(static_cast<double>(step));
              }
            }
            stream.send(std::move(request));
            rows_ += 1000;
          }
          stream.drain();
          stream.close();
        }),
        start_(Clock::now()) {}
  ~Load() {
    stop_ = true;
    thread_.join();
  }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;
  double rate() const {
    return static_cast<double>(rows_) / std::chrono::duration<double>(Clock::now() - start_).count();
  }

 private:
  std::atomic<bool> stop_ = false;
  std::atomic<std::int64_t> rows_ = 0;
  std::thread thread_;
  Clock::time_point start_;
};

class Client {
 public:
  explicit Client(bench::Server& server)
      : channel_(server.connect()),
        queries_(v1::QueryService::NewStub(channel_)),
        experiments_(v1::ExperimentService::NewStub(channel_)) {}

  void view(const std::string& run, const std::string& key, std::int64_t from, std::int64_t to) {
    v1::GetSeriesRequest request;
    request.set_run(run);
    request.add_keys(key);
    request.set_from_step(from);
    request.set_to_step(to);
    request.set_points(1000);
    v1::GetSeriesResponse response;
    grpc::ClientContext context;
    bench::require(queries_->GetSeries(&context, request, &response), "GetSeries");
    if (response.columns(0).step().empty()) throw std::runtime_error("an empty view of " + key);
  }

  void influence(const std::string& run, std::int64_t from, std::int64_t to) {
    v1::GetInfluenceRequest request;
    request.set_parent(run);
    request.set_measure("kl");
    if (from == to) {
      request.set_step(from);
    } else {
      request.set_from_step(from);
      request.set_to_step(to);
    }
    v1::GetInfluenceResponse response;
    grpc::ClientContext context;
    bench::require(queries_->GetInfluence(&context, request, &response), "GetInfluence");
  }

  int list_runs(const std::string& parent) {
    v1::ListRunsRequest request;
    request.set_parent(parent);
    request.set_page_size(1000);
    int count = 0;
    do {
      v1::ListRunsResponse response;
      grpc::ClientContext context;
      bench::require(experiments_->ListRuns(&context, request, &response), "ListRuns");
      count += response.runs_size();
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    return count;
  }

  int list_series(const std::string& run) {
    v1::ListSeriesRequest request;
    request.set_run(run);
    request.set_page_size(10'000);
    int count = 0;
    do {
      v1::ListSeriesResponse response;
      grpc::ClientContext context;
      bench::require(queries_->ListSeries(&context, request, &response), "ListSeries");
      count += response.series_size();
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    return count;
  }

 private:
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::QueryService::Stub> queries_;
  std::unique_ptr<v1::ExperimentService::Stub> experiments_;
};

struct Figures {
  double view = 0, influence = 0, list = 0;
};

Figures measure(std::int64_t points, int rounds) {
  bench::Server server;
  const auto grants = bench::lease(server.connect(), 2);
  fill(server, grants[0], points);
  std::printf("%lld points, %.0f MB:\n", static_cast<long long>(points),
              static_cast<double>(server.statistics().database_bytes()) / 1e6);
  Client client(server);
  const std::string run = grants[0].run();
  const std::int64_t last = points / 2 - 1, window = std::max<std::int64_t>(1, last / 100);
  const auto spread = [&](int round) { return (last - window) * (round * 37 % 101) / 100; };
  const Load load(server, grants[1]);
  Figures figures;
  const Times whole = ask(rounds, [&](int) { client.view(run, "train/loss", 0, last); });
  print("view of the whole, 1,000 points", whole);
  const Times part =
      ask(rounds, [&](int round) { client.view(run, "train/loss", spread(round), spread(round) + window); });
  print("view of 1 %, 1,000 points", part);
  const Times entry = ask(rounds, [&](int) { client.view(run, "elasticity/kl[class-1,class-2]", 0, last); });
  print("view of a matrix entry", entry);
  const Times derived = ask(rounds, [&](int) { client.view(run, "elasticity/kl.dominance", 0, last); });
  print("view of dominance", derived);
  const Times at_step = ask(rounds, [&](int round) {
    const std::int64_t step = spread(round) / 500 * 500;
    client.influence(run, step, step);
  });
  print("influence at a step", at_step);
  const Times over = ask(rounds, [&](int round) {
    const std::int64_t from = spread(round) / 500 * 500;
    client.influence(run, from, from + std::max<std::int64_t>(window, 500));
  });
  print("influence over a window of 1 %", over);
  std::printf("  beside an ingest of %.0f rows/s\n", load.rate());
  figures.view = std::max({whole.at(0.99), part.at(0.99), entry.at(0.99), derived.at(0.99)});
  figures.influence = std::max(at_step.at(0.99), over.at(0.99));
  return figures;
}

// Many runs with many series each, and one run with 12,345.
double measure_lists(const Options& options) {
  bench::Server server;
  const auto grants = bench::lease(server.connect(), options.runs);
  const auto channel = server.connect();
  for (const v1::LeaseGrant& grant : grants) {
    bench::Stream stream(channel, grant);
    stream.send(bench::first_records(0, 1));
    const int series = &grant == &grants.back() ? kNames : options.series;
    for (int first = 0; first < series; first += 5000) {
      v1::StreamRequest request;
      auto& scalars = add_scalars(request, 0);
      for (int k = first; k < std::min(series, first + 5000); ++k) {
        scalars.add_key("metric/" + std::to_string(k));
        scalars.add_value(static_cast<double>(k));
      }
      stream.send(std::move(request));
    }
    stream.drain();
    stream.close();
  }
  std::printf("%d runs of %d series, %.0f MB:\n", options.runs, options.series,
              static_cast<double>(server.statistics().database_bytes()) / 1e6);
  const auto more = bench::lease(server.connect(), 1);
  const Load load(server, more[0]);
  Client client(server);
  const int rounds = std::max(20, options.rounds / 10);
  const Times runs = ask(rounds, [&](int) {
    if (client.list_runs("experiments/-") != options.runs + 1)
      throw std::runtime_error("runs are missing from the list");
  });
  print("list of all runs", runs);
  const Times names = ask(rounds, [&](int) {
    if (client.list_series(grants.back().run()) != kNames) throw std::runtime_error("series are missing");
  });
  print("list of 12,345 series", names);
  return std::max(runs.at(0.99), names.at(0.99));
}

// Runs `hooke` to its end; what it said, with its peak of memory.
std::string timed(bench::Server& server, const std::vector<std::string>& arguments) {
  std::vector<std::string> command = {harness::program("hooke")};
  command.insert(command.end(), arguments.begin(), arguments.end());
  harness::Process process(command, {{"HOOKE_SERVER", server.address()}},
                           server.database().parent_path() / "cli");
  std::string peak;
  while (process.running()) {
    std::ifstream status("/proc/" + std::to_string(process.pid()) + "/status");
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("VmHWM:")) peak = line.substr(line.find_first_not_of(" \t", 6));
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  if (process.wait(std::chrono::seconds(1)) != 0) throw std::runtime_error(process.err());
  std::string said = process.err();
  said = said.substr(said.rfind('\n', said.size() - 2) + 1);
  return said.substr(0, std::min(said.find(" of 1 run"), said.find(" as run"))) + "; peak memory " + peak;
}

// The program `hooke` and its server on one run of `points` points, by format; then one file back.
int measure_exports(std::int64_t points) {
  bench::Server server;
  const auto grants = bench::lease(server.connect(), 1);
  fill(server, grants[0], points);
  const auto folder = server.database().parent_path() / "exports";
  for (const std::string format : {"csv", "jsonl", "npz", "tensorboard"}) {
    const std::string out = folder / ("all-" + format);
    const std::string said = timed(server, {"export", grants[0].run_id(), "--format", format, "--out", out});
    std::printf("export %-12s %s\n", format.c_str(), said.c_str());
    std::fflush(stdout);
  }
  const std::string file = folder / "all-csv" / grants[0].run_id() / "train" / "loss.csv";
  std::printf("import %-12s %s\n", "csv", timed(server, {"import", "csv", file, "--as", "back"}).c_str());
  return 0;
}

int run(const Options& options) {
  if (options.exports) return measure_exports(options.points.at(0));
  std::vector<Figures> all;
  for (const std::int64_t points : options.points) all.push_back(measure(points, options.rounds));
  const double list = measure_lists(options);
  if (all.empty()) return 0;
  const double growth =
      std::max(all.back().view / all.front().view, all.back().influence / all.front().influence);
  std::printf("p99_ms view %.2f influence %.2f list %.2f growth %.2f\n", all.back().view,
              all.back().influence, list, growth);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(parse(argc, argv));
  } catch (const std::exception& error) {
    std::cerr << "bench_query: " << error.what() << "\n";
    return 1;
  }
}
