#include "tests/fault/audit.h"

#include <chrono>
#include <cmath>
#include <cstring>
#include <functional>
#include <vector>

#include "hooke/v1/query.grpc.pb.h"
#include "tests/bench/bench_server.h"
#include "tests/fault/producer.h"

namespace hooke::fault {
namespace {

constexpr int kClasses = 3;
constexpr std::int64_t kMatrixEvery = 10, kFirstMatrix = 9;

struct Points {
  std::vector<std::int64_t> step;
  std::vector<double> value;
};

std::vector<Points> read(v1::QueryService::Stub& query, const std::string& run,
                         const std::vector<std::string>& keys) {
  std::vector<Points> out(keys.size());
  v1::GetSeriesRequest request;
  request.set_run(run);
  for (const std::string& key : keys) request.add_keys(key);
  do {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    v1::GetSeriesResponse response;
    bench::require(query.GetSeries(&context, request, &response), "GetSeries");
    for (int k = 0; k < response.columns_size(); ++k) {
      Points& points = out.at(static_cast<std::size_t>(k));
      const v1::SeriesColumn& column = response.columns(k);
      points.step.insert(points.step.end(), column.step().begin(), column.step().end());
      points.value.insert(points.value.end(), column.value().begin(), column.value().end());
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return out;
}

bool same(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

// Points at steps first, first + every, …: `count` of them, the i-th with value expected(step).
Audit compare(const Points& points, std::int64_t first, std::int64_t every, std::int64_t count,
              const std::function<double(std::int64_t)>& expected) {
  Audit out;
  out.values = count;
  std::int64_t before = -1, met = 0;
  for (std::size_t i = 0; i < points.step.size(); ++i) {
    const std::int64_t step = points.step[i];
    const bool sent = step >= first && (step - first) % every == 0 && (step - first) / every < count;
    if (step <= before) {
      ++out.duplicated;
    } else if (!sent) {
      ++out.invented;
    } else {
      ++met;
      if (!same(points.value[i], expected(step))) ++out.changed;
    }
    before = std::max(before, step);
  }
  out.lost = count - met;
  return out;
}

float cell_of(const std::string& planes, int cell) {
  float value = 0;
  std::memcpy(&value, planes.data() + static_cast<std::size_t>(cell) * sizeof value, sizeof value);
  return value;
}

}  // namespace

Audit& Audit::operator+=(const Audit& other) {
  values += other.values;
  lost += other.lost;
  duplicated += other.duplicated;
  changed += other.changed;
  invented += other.invented;
  return *this;
}

Audit audit(const std::shared_ptr<grpc::Channel>& channel, const std::string& run_name, unsigned run,
            std::uint64_t last) {
  const auto query = v1::QueryService::NewStub(channel);
  Audit out;
  const auto scalars = read(*query, run_name, {"train/loss", "train/accuracy"});
  for (int key = 0; key < 2; ++key)
    out += compare(scalars[static_cast<std::size_t>(key)], 0, 1, steps_of(last),
                   [&](std::int64_t step) { return scalar_of(run, step, key); });
  std::vector<std::string> entries;
  for (int cell = 0; cell < kClasses * kClasses; ++cell)
    entries.push_back("elasticity/kl[class-" + std::to_string(cell / kClasses) + ",class-" +
                      std::to_string(cell % kClasses) + "]");
  const auto cells = read(*query, run_name, entries);
  for (int cell = 0; cell < kClasses * kClasses; ++cell)
    out += compare(cells[static_cast<std::size_t>(cell)], kFirstMatrix, kMatrixEvery, matrices_of(last),
                   [&](std::int64_t step) { return double{cell_of(planes_of(run, step), cell)}; });
  return out;
}

}  // namespace hooke::fault
