#include "worker/agent/agent.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <thread>

#include "client/sdk/uuid.h"
#include "hooke/v1/worker.grpc.pb.h"
#include "hooke_version.h"
#include "worker/agent/attempt.h"
#include "worker/agent/slurm_task.h"

namespace hooke::agent {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstPause{500};

v1::LeaseRequest lease_request(const Options& options) {
  v1::LeaseRequest request;
  request.set_worker(options.name);
  request.mutable_labels()->insert(options.labels.begin(), options.labels.end());
  for (const std::string& device : options.devices) request.add_devices(device);
  request.set_version(kVersion);
  request.set_run(options.run);
  if (options.slurm) *request.mutable_slurm() = *options.slurm;
  return request;
}

// The first lease of a named run in a Slurm task is known by the task: one that starts twice gets the same.
std::string request_id(const Options& options, int leases) {
  if (options.run.empty() || !options.slurm) return sdk::make_uuid();
  return lease_request_id(*options.slurm) + (leases > 1 ? "-" + std::to_string(leases) : "");
}

void sleep_unless(const std::atomic<bool>& stop, milliseconds time) {
  const auto deadline = std::chrono::steady_clock::now() + time;
  while (!stop && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(milliseconds(20));
}

// Errors that time does not heal.
bool is_final(Code code) {
  return code != Code::kUnavailable && code != Code::kDeadlineExceeded;
}

bool goes_on(const Options& options, AttemptResult result) {
  if (result == AttemptResult::kNotBegun) return true;
  if (!options.run.empty()) return result == AttemptResult::kToBeRepeated;
  return !options.once;
}

}  // namespace

AgentEnd run_agent(sdk::Connection& connection, const Options& options, const std::atomic<bool>& stop) {
  using Clock = std::chrono::steady_clock;
  const auto stub = v1::WorkerService::NewStub(connection.channel());
  v1::LeaseRequest request = lease_request(options);
  int leases = 1;
  request.set_request_id(request_id(options, leases));
  milliseconds pause = kFirstPause;
  bool away = false;
  auto idle_since = Clock::now();
  while (!stop) {
    v1::LeaseResponse response;
    try {
      response = connection.call(*stub, &v1::WorkerService::Stub::Lease, request,
                                 {.deadline = milliseconds(10'000), .retry_for = milliseconds(0)});
    } catch (const Error& error) {
      if (is_final(error.code())) throw;
      if (!away) spdlog::warn("{}; asking again until it answers", describe(error));
      away = true;
      sleep_unless(stop, pause);
      pause = std::min(2 * pause, options.poll_longest);
      continue;
    }
    if (away) spdlog::info("{} answers again", connection.endpoint().address);
    away = false;
    pause = kFirstPause;
    if (!response.has_grant()) {
      if (options.idle_longest.count() > 0 && Clock::now() - idle_since >= options.idle_longest) {
        spdlog::info("no run for {} s", options.idle_longest.count());
        return AgentEnd::kDone;
      }
      const auto& after = response.retry_after();
      sleep_unless(stop, std::clamp(milliseconds(after.seconds() * 1000 + after.nanos() / 1'000'000),
                                    kFirstPause, options.poll_longest));
      continue;
    }
    const AttemptResult result = run_attempt(connection, options, response.grant(), stop);
    if (result == AttemptResult::kToBeRepeated) sleep_unless(stop, kFirstPause);
    request.set_request_id(request_id(options, ++leases));
    idle_since = Clock::now();
    if (goes_on(options, result)) continue;
    if (result == AttemptResult::kSucceeded) return AgentEnd::kDone;
    return stop ? AgentEnd::kStopped : AgentEnd::kFailed;
  }
  return AgentEnd::kStopped;
}

}  // namespace hooke::agent
