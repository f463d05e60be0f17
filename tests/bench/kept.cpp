#include "tests/bench/kept.h"

#include <sqlite3.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <stdexcept>
#include <tuple>

#include "hooke/v1/admin.grpc.pb.h"
#include "tests/bench/bench_server.h"

namespace hooke::bench {
namespace {

constexpr std::chrono::seconds kKeptDeadline{60};

constexpr const char* kCounts =
    "SELECT r.run_id, a.number, a.last_record,"
    " (SELECT count(*) FROM series s JOIN scalar_points p ON p.series_id = s.id WHERE s.run_id = r.id)"
    " + (SELECT count(*) FROM series s JOIN matrix_points p ON p.series_id = s.id WHERE s.run_id = r.id)"
    " + (SELECT count(*) FROM series s JOIN pairs_blocks p ON p.series_id = s.id WHERE s.run_id = r.id)"
    " FROM runs r JOIN attempts a ON a.run_id = r.id AND a.number = r.attempt";

struct Stored {
  std::int32_t attempt = 0;
  std::uint64_t last_record = 0;
  std::int64_t points = 0;
};

std::map<std::string, Stored> read_counts(const std::filesystem::path& file) {
  sqlite3* database = nullptr;
  sqlite3_stmt* rows = nullptr;
  std::map<std::string, Stored> counts;
  int result = sqlite3_open_v2(file.c_str(), &database, SQLITE_OPEN_READONLY, nullptr);
  if (result == SQLITE_OK) result = sqlite3_prepare_v2(database, kCounts, -1, &rows, nullptr);
  while (result == SQLITE_OK || result == SQLITE_ROW) {
    result = sqlite3_step(rows);
    if (result != SQLITE_ROW) break;
    counts[reinterpret_cast<const char*>(sqlite3_column_text(rows, 0))] = {
        sqlite3_column_int(rows, 1), static_cast<std::uint64_t>(sqlite3_column_int64(rows, 2)),
        sqlite3_column_int64(rows, 3)};
  }
  const std::string failure = result == SQLITE_DONE ? "" : sqlite3_errmsg(database);
  sqlite3_finalize(rows);
  sqlite3_close(database);
  if (!failure.empty()) throw std::runtime_error(file.string() + ": " + failure);
  return counts;
}

// Of one run; a point as its bits.
using Points = std::map<std::pair<std::string, std::int64_t>, std::string>;

std::string bits(double value) {
  if (std::isnan(value)) return "nan";
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

Points recorded(const Recording& recording, std::uint64_t last) {
  Points points;
  for (std::uint64_t number = 1; number <= last; ++number) {
    const v1::Record& record = recording.record(number);
    for (int k = 0; k < record.scalars().key_size(); ++k)
      points[{record.scalars().key(k), record.scalars().step()}] = bits(record.scalars().value(k));
    if (record.has_matrix())
      points[{record.matrix().key(), record.matrix().step()}] = record.matrix().planes();
  }
  return points;
}

// What a server says of one attempt's run.
struct Answer {
  Points points;
  std::uint64_t last_record = 0;
  bool superseded = false;  // by a later attempt, which may have removed points
  std::int64_t twice = 0;   // steps that came more than once
};

Answer stored(const std::shared_ptr<grpc::Channel>& channel, const Played& played) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kKeptDeadline);
  v1::ReadRecordsRequest request;
  request.set_run(played.run);
  const auto stub = v1::AdminService::NewStub(channel);
  const auto stream = stub->ReadRecords(&context, request);
  Answer answer;
  for (v1::ReadRecordsResponse part; stream->Read(&part);) {
    for (const auto& attempt : part.attempts()) {
      if (attempt.number() == played.attempt) answer.last_record = attempt.last_record();
      answer.superseded |= attempt.number() > played.attempt;
    }
    for (int k = 0; k < part.step_size(); ++k) {
      std::string point = part.value_size() > 0 ? bits(part.value(k)) : part.planes(k);
      const bool is_new = answer.points.emplace(std::pair(part.key(), part.step(k)), std::move(point)).second;
      answer.twice += is_new ? 0 : 1;
    }
  }
  require(stream->Finish(), "ReadRecords");
  return answer;
}

}  // namespace

void count_kept(const std::filesystem::path& database, const std::vector<Played>& played, Kept& kept) {
  const auto counts = read_counts(database);
  for (const Played& one : played) {
    const auto found = counts.find(one.run_id);
    const Stored have = found == counts.end() ? Stored{} : found->second;
    if (have.attempt > one.attempt) {
      ++kept.superseded;
      continue;
    }
    ++kept.runs;
    const std::string where = "run " + one.run_id + ", attempt " + std::to_string(one.attempt) + ": ";
    kept.acknowledged += one.recording->points(one.acknowledged);
    kept.stored += have.points;
    if (have.last_record < one.acknowledged)
      kept.problems.push_back(where + "record " + std::to_string(one.acknowledged) + " was acknowledged, " +
                              std::to_string(have.last_record) + " is the last there");
    if (have.points != one.recording->points(have.last_record))
      kept.problems.push_back(where + std::to_string(have.points) + " points, not the " +
                              std::to_string(one.recording->points(have.last_record)) + " of " +
                              std::to_string(have.last_record) + " records");
  }
}

void compare_kept(const std::shared_ptr<grpc::Channel>& channel, const std::vector<Played>& played,
                  std::size_t runs, Kept& kept) {
  const std::size_t stride = std::max<std::size_t>(1, played.size() / std::max<std::size_t>(1, runs));
  for (std::size_t n = 0; n < played.size(); n += stride) {
    const Played& one = played[n];
    const Answer have = stored(channel, one);
    if (have.superseded) continue;
    const Points want = recorded(*one.recording, have.last_record);
    kept.values += static_cast<std::int64_t>(want.size());
    if (have.last_record < one.acknowledged || have.twice > 0 || have.points != want)
      kept.problems.push_back("run " + one.run_id + ": what is stored is not what was sent");
  }
}

}  // namespace hooke::bench
