// What /metrics says, in Prometheus's text format.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "hooke/v1/admin.pb.h"
#include "hooke/v1/experiment.pb.h"
#include "server/gateway/rpc.h"

namespace hooke::gateway {

// Workers that work on a run, that wait for one, and that have not been heard of for a while.
struct WorkerNumbers {
  std::int64_t busy = 0, idle = 0, away = 0;
};
// `now_us`: microseconds since the Unix epoch. Adds to `numbers`.
void count_workers(const v1::ListWorkersResponse& page, std::int64_t now_us, WorkerNumbers& numbers);

// What HTTP is doing.
struct HttpNumbers {
  std::size_t connections = 0, calls = 0, streams = 0;
};

// Pure function.
std::string metrics_text(const v1::Statistics& statistics, const WorkerNumbers& workers,
                         const HttpNumbers& http);

// Asks the services, with the credentials of who asks, and answers. `more_metrics` adds lines, or is empty.
// Throws hooke::Error when nothing was answered yet.
boost::asio::awaitable<void> serve_metrics(Exchange& exchange, Calls& calls, std::size_t connections,
                                           const std::function<std::string()>& more_metrics);

}  // namespace hooke::gateway
