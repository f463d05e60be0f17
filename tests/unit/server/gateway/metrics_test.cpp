// What /metrics says.
#include "server/gateway/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/services/rpc_counts.h"

namespace hooke::gateway {
namespace {

using testing::HasSubstr;

TEST(Metrics, EveryStateOfARunIsThereAlsoWithoutRuns) {
  v1::Statistics statistics;
  statistics.set_version("1.2.3");
  statistics.set_disk_free_bytes(1'234'567'890'123);
  statistics.set_oldest_waiting_ms(1500);
  (*statistics.mutable_runs())["failed"] = 2;
  const std::string text = metrics_text(statistics, {3, 2, 1}, {5, 4, 3});
  for (const char* line :
       {"hooke_info{version=\"1.2.3\"", "\nhooke_disk_free_bytes 1234567890123\n",
        "\nhooke_runs{state=\"failed\"} 2\n", "\nhooke_runs{state=\"queued\"} 0\n",
        "\nhooke_writer_oldest_waiting_seconds 1.5\n", "\nhooke_workers{state=\"busy\"} 3\n",
        "\nhooke_workers{state=\"away\"} 1\n", "\nhooke_http_streams 3\n",
        "\n# TYPE hooke_ingest_records_total counter\n", "\nprocess_resident_memory_bytes "})
    EXPECT_THAT(text, HasSubstr(line));
  EXPECT_EQ(text.back(), '\n');
}

TEST(Metrics, AWorkerThatWasNotHeardOfIsAway) {
  const std::int64_t now = 1'000'000'000'000;
  v1::ListWorkersResponse page;
  page.add_workers()->set_last_seen_us(now - 119'000'000);
  page.add_workers()->set_last_seen_us(now - 121'000'000);
  auto* busy = page.add_workers();
  busy->set_last_seen_us(now - 121'000'000);
  busy->set_run("experiments/e/runs/r");
  WorkerNumbers numbers;
  count_workers(page, now, numbers);
  EXPECT_EQ(numbers.idle, 1);
  EXPECT_EQ(numbers.away, 1);
  EXPECT_EQ(numbers.busy, 1);
}

TEST(RpcCounts, BucketsAddUpAndStreamsHaveNone) {
  services::RpcCounts counts;
  counts.add("/s/M", "OK", true, 0.002);
  counts.add("/s/M", "OK", true, 100);
  counts.add("/s/M", "NOT_FOUND", true, 0.5);
  counts.add("/s/Tail", "CANCELLED", false, 5000);
  const std::string text = counts.text();
  for (const char* line : {"hooke_rpcs_total{method=\"/s/M\",code=\"OK\"} 2\n",
                           "hooke_rpcs_total{method=\"/s/M\",code=\"NOT_FOUND\"} 1\n",
                           "hooke_rpcs_total{method=\"/s/Tail\",code=\"CANCELLED\"} 1\n",
                           "hooke_rpc_duration_seconds_bucket{method=\"/s/M\",le=\"0.001\"} 0\n",
                           "hooke_rpc_duration_seconds_bucket{method=\"/s/M\",le=\"0.003\"} 1\n",
                           "hooke_rpc_duration_seconds_bucket{method=\"/s/M\",le=\"60\"} 2\n",
                           "hooke_rpc_duration_seconds_bucket{method=\"/s/M\",le=\"+Inf\"} 3\n",
                           "hooke_rpc_duration_seconds_count{method=\"/s/M\"} 3\n",
                           "hooke_rpc_duration_seconds_sum{method=\"/s/M\"} 100.502\n"})
    EXPECT_THAT(text, HasSubstr(line));
  EXPECT_EQ(text.find("seconds_count{method=\"/s/Tail\"}"), std::string::npos);
}

}  // namespace
}  // namespace hooke::gateway
