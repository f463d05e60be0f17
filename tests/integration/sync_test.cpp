// Runs that were made without a server are sent to one, and what it stores is what was recorded.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <random>

#include "tests/integration/alone.h"
#include "tests/integration/harness.h"
#include "worker/spool/spool.h"

namespace hooke::harness {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

constexpr int kStepsOfRun = 900;  // 100 epochs of 9
class Sync : public testing::Test {
 protected:
  Sync() {
    house_.start_server();
    config_ = house_.config(
        "model: {type: mlp, hidden: [32]}\n"
        "training: {optimizer: sgd, lr: 0.02, momentum: 0.9, batch: 20, epochs: 100, seed: 5, "
        "checkpoint_every: 20}\n"
        "probes: {per_class: 10, every: 2, keep_pairs: true}\nmeasures: [kl, l2]\n");
  }

  fs::path out(const std::string& name) { return house_.folder() / name; }

  std::unique_ptr<Process> start(const std::string& name, const std::vector<std::string>& more = {}) {
    return harness::start_alone(house_, ++starts_, config_, out(name), more);
  }
  void run_to_end(const std::string& name, const std::vector<std::string>& more = {}) {
    auto run = start(name, more);
    ASSERT_EQ(run->wait(std::chrono::seconds(240)), 0) << run->err();
  }
  // Starts it and kills it once it has trained so many steps.
  void run_until(const std::string& name, std::size_t step) {
    auto run = start(name);
    ASSERT_TRUE(eventually([&] { return !run->running() || recorded(name) > step; }));
    run->signal(SIGKILL);
    ASSERT_EQ(run->wait(std::chrono::seconds(60)), 128 + SIGKILL) << "it ended before the kill";
  }
  std::size_t recorded(const std::string& name) {
    std::ifstream in(out(name) / "train" / "loss.csv");
    std::size_t count = 0;
    for (std::string line; std::getline(in, line);) ++count;
    return count;
  }
  std::string uuid(const std::string& name) {
    return nlohmann::json::parse(std::ifstream(out(name) / "run.json")).at("uuid");
  }

  // One row of `hooke sync`, by column.
  std::map<std::string, std::string> sync(const std::string& name) {
    return row_of(house_.answer({"sync", out(name), "-o", "csv"}));
  }
  static std::map<std::string, std::string> row_of(const std::string& text) {
    const auto rows = csv(text);
    EXPECT_EQ(rows.size(), 2u) << text;
    std::map<std::string, std::string> row;
    for (std::size_t i = 0; rows.size() == 2 && i < rows[0].size(); ++i) row[rows[0][i]] = rows[1].at(i);
    return row;
  }
  std::unique_ptr<Process> start_sync(const std::string& name, const std::vector<std::string>& more = {}) {
    std::vector<std::string> command{program("hooke"), "sync", out(name), "-o", "csv"};
    command.insert(command.end(), more.begin(), more.end());
    return std::make_unique<Process>(command, house_.environment(),
                                     house_.folder() / "log" / ("sync" + std::to_string(++starts_)));
  }
  Result doctor(const fs::path& folder) {
    return house_.hooke({"doctor", "--verify", "--against", folder, "-o", "csv"});
  }
  void expect_clean(const std::string& name) {
    const Result result = doctor(out(name));
    EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
    auto row = row_of(result.out);
    EXPECT_GT(std::stol(row["compared"]), 100);
    for (const char* wrong : {"missing", "different", "unexpected", "not_comparable"})
      EXPECT_EQ(row[wrong], "0") << wrong << "\n" << result.err;
  }
  std::string series(const std::string& run, const std::string& key) {
    return house_.answer({"series", "get", run, key, "--full", "-o", "csv"});
  }

  // What an SQL statement says of the database's file: the last row's first column.
  std::string ask_file(const std::string& sql, int flags = SQLITE_OPEN_READONLY) {
    sqlite3* database = nullptr;
    const std::string path = house_.folder() / "server" / "hooke.db";
    EXPECT_EQ(sqlite3_open_v2(path.c_str(), &database, flags, nullptr), SQLITE_OK);
    std::string answer;
    char* message = nullptr;
    const auto note = [](void* to, int, char** values, char**) {
      *static_cast<std::string*>(to) = values[0] ? values[0] : "";
      return 0;
    };
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), note, &answer, &message), SQLITE_OK) << message;
    sqlite3_close(database);
    return answer;
  }
  // Without the server, as somebody who is not allowed to.
  void tamper(const std::string& sql) {
    house_.stop_server(SIGTERM);
    ask_file(sql, SQLITE_OPEN_READWRITE);
    house_.start_server();
  }
  // Every stored value of `run` is one of `other`, bit for bit: scalars, matrices, pairs.
  void expect_part_of(const std::string& run, const std::string& other, bool all) {
    for (const std::string table : {"scalar_points", "matrix_points", "pairs_blocks"}) {
      const std::string columns = table == "scalar_points"   ? "value"
                                  : table == "matrix_points" ? "planes"
                                                             : "first_row, rows, data";
      const auto values_of = [&](const std::string& id) {
        return "SELECT key, " + table + ".step, " + columns + " FROM " + table +
               " JOIN series ON series.id = series_id " +
               "JOIN runs ON runs.id = series.run_id WHERE runs.run_id = '" + id +
               "' AND key NOT LIKE 'system/%'";
      };
      const auto count = [&](const std::string& query) {
        return std::stol(ask_file("SELECT count(*) FROM (" + query + ")"));
      };
      EXPECT_GT(count(values_of(run)), 20) << table;
      EXPECT_EQ(count(values_of(run) + " EXCEPT " + values_of(other)), 0) << table;
      if (all) {
        EXPECT_EQ(count(values_of(run)), count(values_of(other))) << table;
      }
    }
  }

  // A run of `records` scalar records, as if it had been trained; every special value among them.
  void write_long_run(const std::string& name, const std::string& like, int records) {
    fs::create_directories(out(name) / "1");
    auto run = nlohmann::json::parse(std::ifstream(out(like) / "run.json"));
    run["uuid"] = "0f8fad5b-d9cb-469f-a165-70867728950e";
    std::ofstream(out(name) / "run.json") << run;
    spool::Writer writer(out(name) / "1" / spool::kFileName);
    const nlohmann::json offline{{"uuid", run["uuid"]}, {"segment", 1}};
    writer.append(
        spool::Kind::kJson,
        nlohmann::json{{"attemptStart", {{"totalSteps", std::to_string(records)}, {"offline", offline}}}}
            .dump());
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    const double special[] = {NAN, kInfinity, -kInfinity, 0.1, std::numeric_limits<double>::denorm_min(),
                              -0.0};
    // A table of pairs in two records, with every special value, and another one.
    const std::string key = "elasticity/kl.pairs";
    writer.append(spool::Kind::kJson, nlohmann::json{{"seriesDeclaration",
                                                      {{"key", key},
                                                       {"kind", "SERIES_KIND_PAIRS"},
                                                       {"classNames", {"a", "b"}},
                                                       {"eligible", {"4", "4", "4", "4"}},
                                                       {"perClass", 2}}}}
                                          .dump());
    const float infinite = std::numeric_limits<float>::infinity();
    const float cells[] = {NAN, infinite, -infinite, -0.0f, std::numeric_limits<float>::denorm_min(),
                           1,   2,        3};
    const std::string half(reinterpret_cast<const char*>(cells), sizeof cells);
    for (const auto& [step, row] : std::vector<std::pair<int, std::uint32_t>>{{0, 0}, {0, 2}, {1, 0}, {1, 2}})
      writer.append(spool::Kind::kPairs,
                    spool::encode(spool::Pairs{step, 1'000, key, row, half, half.substr(0, 16)}));
    for (int step = 0; step < records; ++step) {
      const double value = step < 600 ? special[step % 6] : step / 7.0;
      writer.append(spool::Kind::kScalars,
                    spool::encode(spool::Scalars{step, 1'000 + step, {{"train/loss", value}}}));
    }
    writer.append(spool::Kind::kJson, R"({"end":{"state":"RUN_STATE_SUCCEEDED"}})");
  }

  House house_;
  std::string config_;
  int starts_ = 0;
};

TEST_F(Sync, ThreeKilledSegmentsAreOneCleanSeriesAndGoOn) {
  run_to_end("whole");
  std::random_device random;
  const std::size_t first = 30 + random() % 100, second = first + 40 + random() % 100,
                    third = second + 40 + random() % 100;
  SCOPED_TRACE("killed after steps " + std::to_string(first) + ", " + std::to_string(second) + " and " +
               std::to_string(third));
  for (const std::size_t step : {first, second, third}) run_until("parts", step);

  // The first segment's folder came late: nothing of the others is taken before it.
  fs::rename(out("parts") / "1", out("first"));
  const Result early = house_.hooke({"sync", out("parts"), "-o", "csv"});
  EXPECT_EQ(early.exit_code, 1);
  EXPECT_THAT(early.err, HasSubstr("of segment 1, of which record 1 and what follows are missing"));
  EXPECT_EQ(row_of(early.out)["sent"], "0");
  fs::rename(out("first"), out("parts") / "1");

  auto whole = sync("whole"), parts = sync("parts");
  EXPECT_EQ(whole["state"], "succeeded");
  EXPECT_EQ(parts["state"], "running");
  EXPECT_EQ(parts["segments"], "3");
  EXPECT_EQ(parts["present"], "0");
  EXPECT_THAT(house_.hooke({"sync", out("parts")}).err, HasSubstr("has not ended"));
  expect_part_of(parts["run"], whole["run"], false);
  expect_clean("parts");

  run_to_end("parts");
  const long sent = std::stol(parts["sent"]);
  parts = sync("parts");
  EXPECT_EQ(parts["state"], "succeeded");
  EXPECT_EQ(parts["segments"], "4");
  EXPECT_EQ(std::stol(parts["present"]), sent);
  expect_part_of(parts["run"], whole["run"], true);
  const auto loss = csv(series(parts["run"], "train/loss"));
  ASSERT_EQ(loss.size(), kStepsOfRun + 1u);
  for (int step = 0; step < kStepsOfRun; ++step) ASSERT_EQ(loss[step + 1][0], std::to_string(step));
  for (const char* key : kComparedKeys)
    EXPECT_EQ(series(parts["run"], key), series(whole["run"], key)) << key;
  EXPECT_EQ(house_.run_column(parts["run"], "seed"), "5");
  expect_clean("parts");
  EXPECT_THAT(house_.answer({"runs", "show", parts["run"], "-o", "json"}), HasSubstr("\"attempt\": 4"));

  const auto again = sync("parts");
  EXPECT_EQ(again.at("sent"), "0");
  EXPECT_EQ(again.at("run"), parts["run"]);
  EXPECT_EQ(std::stol(again.at("present")), sent + std::stol(parts["sent"]));
  expect_part_of(parts["run"], whole["run"], true);
  expect_clean("parts");
}

TEST_F(Sync, ARunIsSentWhileItGoesOnAndFollowedToItsEnd) {
  auto run = start("run");
  ASSERT_TRUE(eventually([&] { return recorded("run") > 20; }));
  auto row = sync("run");
  ASSERT_TRUE(run->running()) << "it ended before it was sent";
  EXPECT_EQ(row["state"], "running");
  EXPECT_GE(house_.step_of(row["run"]), 0);
  auto follow = start_sync("run", {"--follow"});
  ASSERT_TRUE(eventually([&] { return house_.step_of(row["run"]) > 100; }));
  run->signal(SIGKILL);
  run->wait(std::chrono::seconds(60));
  EXPECT_TRUE(follow->running()) << follow->err();
  EXPECT_EQ(house_.run_column(row["run"], "state"), "running");
  run_to_end("run");
  ASSERT_EQ(follow->wait(std::chrono::seconds(60)), 0) << follow->err();
  EXPECT_EQ(row_of(follow->out())["state"], "succeeded");
  expect_clean("run");
}

TEST_F(Sync, SeveralMaySendAtOnceAndTheServerMayDieMeanwhile) {
  run_to_end("small", {"--set", "training.epochs=1"});
  write_long_run("long", "small", 400'000);
  auto one = start_sync("long"), two = start_sync("long");
  const auto runs = [&] { return csv(house_.hooke({"runs", "list", "-o", "csv"}).out); };
  ASSERT_TRUE(eventually([&] { return runs().size() > 1 && std::stol(runs()[1][3]) > 1000; }));
  house_.stop_server(SIGKILL);
  house_.start_server();
  const long survived = std::stol(runs()[1][3]);
  EXPECT_LT(survived, 399'999) << "it was all there before the kill";
  ASSERT_EQ(one->wait(std::chrono::seconds(120)), 0) << one->err();
  ASSERT_EQ(two->wait(std::chrono::seconds(120)), 0) << two->err();
  EXPECT_EQ(row_of(one->out())["run"], row_of(two->out())["run"]);
  EXPECT_EQ(row_of(one->out())["state"], "succeeded");
  EXPECT_EQ(sync("long")["sent"], "0");
  expect_clean("long");
  ASSERT_EQ(runs().size(), 2u);
  const auto values = csv(series(runs()[1][0], "train/loss"));
  const std::vector<std::string> first{"nan", "inf", "-inf", "0.1", "5e-324", "0"};
  for (std::size_t step = 0; step < first.size(); ++step) EXPECT_EQ(values.at(step + 1).at(1), first[step]);
}

TEST_F(Sync, ATornEndStaysAndIsSaid) {
  run_until("run", 30);
  const fs::path spool = out("run") / "1" / spool::kFileName;
  // The begin of a record of 100 bytes, as a power failure leaves it.
  std::ofstream(spool, std::ios::binary | std::ios::app) << std::string("d\0\0\0beginning", 13);
  const Result result = house_.hooke({"sync", out("run"), "-o", "csv"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.err, HasSubstr("no whole record"));
  const auto size = fs::file_size(spool);
  EXPECT_EQ(house_.run_column(row_of(result.out)["run"], "state"), "running");
  run_to_end("run");
  EXPECT_LT(fs::file_size(spool), size) << "whoever goes on cuts it";
  EXPECT_EQ(sync("run")["state"], "succeeded");
  expect_clean("run");
}

TEST_F(Sync, WhatCannotBeReadIsSaidAndTheOthersAreSent) {
  const std::vector<std::string> brief{"--set", "training.epochs=1"};
  for (const char* name : {"all/damaged", "all/folder", "all/sound"}) run_to_end(name, brief);
  const fs::path damaged = out("all/damaged") / "1" / spool::kFileName;
  std::fstream(damaged, std::ios::in | std::ios::out | std::ios::binary).seekp(100) << "damage";
  const fs::path folder = out("all/folder") / "1" / spool::kFileName;
  fs::remove(folder);
  fs::create_directory(folder);
  const Result result = house_.hooke({"sync", out("all"), "-o", "csv"});
  EXPECT_EQ(result.exit_code, 1);
  const auto rows = csv(result.out);
  ASSERT_EQ(rows.size(), 4u) << result.out;
  EXPECT_EQ(rows[3][2], "succeeded");
  for (const auto& path : {damaged, folder}) EXPECT_THAT(result.err, HasSubstr(path.string()));
  EXPECT_THAT(result.err, HasSubstr("stays in the folder"));
  EXPECT_EQ(house_.hooke({"doctor", "--verify", "--against", out("all/sound")}).exit_code, 0);
}

TEST_F(Sync, DoctorFindsWhatWasChangedBehindTheServersBack) {
  run_to_end("run", {"--set", "training.epochs=4"});
  const std::string run = sync("run")["run"];
  expect_clean("run");
  const std::string loss = "series_id = (SELECT id FROM series WHERE key = 'train/loss')";
  tamper("UPDATE scalar_points SET value = value + 1e-12 WHERE " + loss + " AND step = 5;" +
         "DELETE FROM scalar_points WHERE " + loss + " AND step = 7;" +
         "INSERT INTO scalar_points SELECT series_id, 9999, time_us, value FROM scalar_points WHERE " + loss +
         " AND step = 5;" +
         "UPDATE matrix_points SET planes = zeroblob(length(planes)) WHERE id = (SELECT max(id) FROM "
         "matrix_points);" +
         "UPDATE pairs_blocks SET data = (SELECT data FROM pairs_blocks ORDER BY id DESC LIMIT 1) WHERE id = "
         "(SELECT min(id) FROM pairs_blocks)");
  const Result result = doctor(out("run"));
  EXPECT_EQ(result.exit_code, 1);
  auto row = row_of(result.out);
  EXPECT_EQ(row["run"], run);
  EXPECT_EQ(row["missing"], "1");
  EXPECT_EQ(row["different"], "3");
  EXPECT_EQ(row["unexpected"], "1");
  for (const char* words :
       {"train/loss step 5: stored as", "train/loss step 7: not stored", "train/loss step 9999: in no spool",
        "matrices differ from byte", "numerators differ from byte"})
    EXPECT_THAT(result.err, HasSubstr(words));
}

TEST_F(Sync, DoctorComparesWhatWorkersKept) {
  Process& first = house_.start_worker("first", {"--keep-spool", "--spool", out("spool")});
  const std::string run = house_.submit(config_);
  ASSERT_TRUE(eventually([&] { return house_.step_of(run) > 60; }));
  first.signal(SIGTERM);
  ASSERT_EQ(first.wait(std::chrono::seconds(60)), 0);
  house_.start_worker("second", {"--keep-spool", "--spool", out("spool")});
  ASSERT_EQ(house_.hooke({"wait", run}).exit_code, 0);
  ASSERT_TRUE(eventually([&] { return fs::exists(out("spool") / run / "2" / spool::kFileName); }));
  expect_clean("spool");

  // Without the first attempt's spool its values cannot be judged.
  fs::remove(out("spool") / run / "1" / spool::kFileName);
  const Result result = doctor(out("spool"));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_GT(std::stol(row_of(result.out)["not_comparable"]), 0);
  EXPECT_THAT(result.err, HasSubstr("attempt 1: its spool is not there"));

  const Result refused = house_.hooke({"sync", out("spool")});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("is no offline run"));
}

TEST_F(Sync, SendsEveryRunBelowAFolderAndSaysWhatItCannot) {
  const std::vector<std::string> brief{"--set", "training.epochs=1"};
  run_to_end("all/a", brief);
  run_to_end("all/b/deep", brief);
  const Result result = house_.hooke({"sync", out("all"), "--as", "laptop", "-o", "csv"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const auto rows = csv(result.out);
  ASSERT_EQ(rows.size(), 3u);
  for (const auto& row : {rows[1], rows[2]}) {
    EXPECT_EQ(row[1], "laptop");
    EXPECT_EQ(row[2], "succeeded");
  }
  EXPECT_EQ(house_.hooke({"sync", out("all"), "--follow"}).exit_code, 2);
  EXPECT_THAT(house_.answer({"runs", "show", uuid("all/a")}), HasSubstr(rows[1][0]));

  fs::create_directories(out("empty"));
  EXPECT_EQ(house_.hooke({"sync", out("empty")}).exit_code, 2);
  EXPECT_EQ(house_.hooke({"sync", out("nowhere")}).exit_code, 2);
  EXPECT_EQ(house_.hooke({"doctor", "--verify", "--against", out("empty")}).exit_code, 2);
  EXPECT_EQ(house_.hooke({"doctor", "--against", out("all")}).exit_code, 2);

  // A cancelled run takes nothing more; what was not sent stays.
  run_until("later", 30);
  const std::string later = sync("later")["run"];
  house_.answer({"runs", "cancel", later});
  run_to_end("later");
  const Result cancelled = house_.hooke({"sync", out("later")});
  EXPECT_EQ(cancelled.exit_code, 1);
  EXPECT_THAT(cancelled.err, HasSubstr("cancelled"));
  EXPECT_THAT(cancelled.err, HasSubstr("stays in the folder"));
}

}  // namespace
}  // namespace hooke::harness
