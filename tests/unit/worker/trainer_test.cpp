// hooke-trainer from the outside: exit code, standard error and the spool file.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "tests/unit/worker/idx_files.h"
#include "worker/spool/spool.h"
#include "worker/trainer/checkpoint.h"

namespace hooke {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

class TrainerTest : public ::testing::Test {
 protected:
  TrainerTest() { hooke::tests::write_idx_set(root_.path() / "data" / "set", 36, 12, 3, 8); }

  static json config() {
    return json::parse(R"({"data": {"set": "idx", "path": "set", "class_names": ["a", "b", "c"]},
        "model": {"type": "cnn", "channels": [4]}, "training": {"batch": 12, "epochs": 2, "seed": 3},
        "probes": {"per_class": 2, "every": 2, "updates": [{}, {"name": "small", "lr": 1e-6}]},
        "measures": ["kl", "loss"]})");
  }

  // Starts the program; its standard error goes to a file.
  pid_t start(const json& configuration, std::vector<std::string> more = {}) {
    hooke::tests::write_file(root_.path() / "config.json", configuration.dump());
    std::vector<std::string> arguments = {
        HOOKE_TRAINER,  "--config",    (root_.path() / "config.json").string(), "--out",
        out().string(), "--data-root", (root_.path() / "data").string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    const std::string errors = (root_.path() / "stderr").string();
    const pid_t pid = fork();
    if (pid != 0) return pid;
    const int file = open(errors.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(file, STDERR_FILENO);
    execv(argv[0], argv.data());
    _exit(127);
  }

  static int code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status); }

  static int exit_code(pid_t pid) {
    int status = 0;
    waitpid(pid, &status, 0);
    return code_of(status);
  }

  // Ends the program by `signal` as soon as its spool has more than `bytes`, unless it has ended.
  int interrupt(pid_t pid, int signal, std::uintmax_t bytes) const {
    std::error_code absent;
    while (true) {
      int status = 0;
      if (waitpid(pid, &status, WNOHANG) == pid) return code_of(status);
      const std::uintmax_t size = fs::file_size(spool_file(), absent);
      if (!absent && size > bytes) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    kill(pid, signal);
    return exit_code(pid);
  }

  int run(const json& configuration, std::vector<std::string> more = {}) {
    return exit_code(start(configuration, std::move(more)));
  }

  std::string errors() const {
    std::ifstream file(root_.path() / "stderr");
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

  fs::path out() const { return out_; }
  fs::path spool_file() const { return out() / "records.spool"; }

  std::vector<spool::Record> records() const { return records_of(spool_file()); }

  static std::vector<spool::Record> records_of(const fs::path& file) {
    std::vector<spool::Record> all;
    spool::Reader reader(file);
    while (auto record = reader.next()) all.push_back(std::move(*record));
    return all;
  }

  // Checkpoints in a folder, newest first.
  static std::vector<fs::path> checkpoints(const fs::path& folder) {
    std::map<std::int64_t, fs::path, std::greater<>> by_step;
    for (const auto& entry : fs::directory_iterator(folder)) {
      const std::string name = entry.path().filename();
      if (name.ends_with(".ckpt"))
        by_step[std::stoll(name.substr(std::strlen("checkpoint-")))] = entry.path();
    }
    std::vector<fs::path> all;
    for (const auto& [step, path] : by_step) all.push_back(path);
    return all;
  }

  hooke::tests::TempFolder root_;
  fs::path out_ = root_.path() / "out";
};

// Every value of a run: what the spools of its attempts say in turn, each cutting what lies after
// the step that it resumes, without those of the machine. Values as bytes, so that NaN equals itself.
class RunValues {
 public:
  void add(const std::vector<spool::Record>& records) {
    for (const spool::Record& record : records) {
      if (record.kind == spool::Kind::kScalars) {
        const spool::Scalars scalars = spool::decode_scalars(record.payload);
        for (const auto& [key, value] : scalars.values) {
          if (key.starts_with("system/")) continue;
          put(scalars.step, key, std::string(reinterpret_cast<const char*>(&value), sizeof value));
        }
      } else if (record.kind == spool::Kind::kMatrix) {
        const spool::Matrix matrix = spool::decode_matrix(record.payload);
        put(matrix.step, matrix.series, matrix.planes);
      } else if (const json body = json::parse(record.payload); body.contains("attemptStart")) {
        const json& start = body["attemptStart"];
        const std::int64_t step =
            start.contains("resumeStep") ? std::stoll(start["resumeStep"].get<std::string>()) : -1;
        std::erase_if(values, [&](const auto& entry) { return entry.first.first > step; });
      }
    }
  }

  std::map<std::pair<std::int64_t, std::string>, std::string> values;

 private:
  void put(std::int64_t step, const std::string& key, std::string value) {
    EXPECT_TRUE(values.emplace(std::pair(step, key), std::move(value)).second) << key << " twice at " << step;
  }
};

RunValues run_of(const std::vector<spool::Record>& records) {
  RunValues run;
  run.add(records);
  return run;
}

// Bytes of all weights and optimiser state.
std::string tensors_of(const fs::path& checkpoint) {
  std::string bytes;
  for (const auto& tensor : trainer::read_checkpoint(checkpoint).state.tensors) bytes += tensor.bytes;
  return bytes;
}

// "attemptStart", "provenance", "seriesDeclaration", "scalars", "matrix", "barrier", "end", in a row.
std::string kind(const spool::Record& record) {
  if (record.kind == spool::Kind::kScalars) return "scalars";
  if (record.kind == spool::Kind::kMatrix) return "matrix";
  return json::parse(record.payload).begin().key();
}

TEST_F(TrainerTest, WritesTheRecordsOfARunInOrderWithoutGaps) {
  ASSERT_EQ(run(config()), 0) << errors();
  const auto all = records();
  std::vector<std::string> kinds;
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].number, i + 1);
    kinds.push_back(kind(all[i]));
  }
  std::vector<std::string> expected = {"attemptStart", "provenance"};
  expected.insert(expected.end(), 4, "seriesDeclaration");
  for (int step = 0; step < 6; ++step) {
    expected.push_back("scalars");
    if (step % 2 == 0) expected.insert(expected.end(), 4, "matrix");
    if (step % 3 == 2) expected.push_back("barrier");
  }
  expected.push_back("end");
  EXPECT_EQ(kinds, expected);
  EXPECT_EQ(json::parse(all[0].payload), json::parse(R"({"attemptStart": {"totalSteps": "6"}})"));
  EXPECT_EQ(json::parse(all.back().payload), json::parse(R"({"end": {"state": "RUN_STATE_SUCCEEDED"}})"));
}

TEST_F(TrainerTest, DeclaresSeriesAndProvenanceAsTheContractNamesThem) {
  ASSERT_EQ(run(config(), {"--threads", "2"}), 0) << errors();
  const auto all = records();
  const json provenance = json::parse(all[1].payload)["provenance"];
  EXPECT_EQ(provenance["classNames"], json({"a", "b", "c"}));
  EXPECT_EQ(provenance["trainExamples"], json({"12", "12", "12"}));
  EXPECT_EQ(provenance["threads"], 2);
  EXPECT_EQ(provenance["seed"], "3");
  EXPECT_EQ(provenance["probes"][1]["className"], "b");
  EXPECT_EQ(provenance["probes"][1]["datasetIndex"].size(), 2u);
  EXPECT_EQ(provenance["dataChecksums"].size(), 4u);
  EXPECT_EQ(provenance["dataPath"], (root_.path() / "data" / "set").string());
  const json declaration = json::parse(all[4].payload)["seriesDeclaration"];
  EXPECT_EQ(declaration["key"], "elasticity/kl@small");
  EXPECT_EQ(declaration["kind"], "SERIES_KIND_MATRIX");
  EXPECT_EQ(declaration["eligible"], json(std::vector<std::string>(9, "4")));
  EXPECT_THAT(declaration["description"], "Adam, lr 1e-06, fresh state");
}

TEST_F(TrainerTest, StoresMatricesAsPlanesAndTimesInMicroseconds) {
  ASSERT_EQ(run(config()), 0) << errors();
  for (const spool::Record& record : records()) {
    if (record.kind != spool::Kind::kMatrix) continue;
    const spool::Matrix matrix = spool::decode_matrix(record.payload);
    EXPECT_EQ(matrix.rows, 3u);
    EXPECT_EQ(matrix.planes.size(), 5u * 4 * 9);
    EXPECT_GT(matrix.time_us, 1'600'000'000'000'000);
    // Every mean of KL lies above 0; none is skipped.
    std::uint32_t skipped = 0;
    float mean = 0;
    std::memcpy(&mean, matrix.planes.data(), 4);
    std::memcpy(&skipped, matrix.planes.data() + 3 * 36, 4);
    if (matrix.series == "elasticity/kl") {
      EXPECT_GT(mean, 0);
    }
    EXPECT_EQ(skipped, 0u);
  }
}

TEST_F(TrainerTest, EndsFailedWithTheReasonWhenDataAreMissing) {
  json wanted = config();
  wanted["data"]["path"] = "absent";
  EXPECT_EQ(run(wanted), 1);
  EXPECT_THAT(errors(), HasSubstr("data.path: there is no 'absent'"));
  const auto all = records();
  ASSERT_EQ(all.size(), 1u);
  const json end = json::parse(all[0].payload)["end"];
  EXPECT_EQ(end["state"], "RUN_STATE_FAILED");
  EXPECT_EQ(end["reason"]["kind"], "REASON_KIND_EXCEPTION");
  EXPECT_THAT(end["reason"]["message"], HasSubstr("data.path: there is no 'absent'"));
}

TEST_F(TrainerTest, EndsFailedWithTheFieldWhenTheConfigurationIsWrong) {
  json wanted = config();
  wanted["training"]["lr"] = -1;
  EXPECT_EQ(run(wanted), 1);
  const auto all = records();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_THAT(json::parse(all[0].payload)["end"]["reason"]["message"], "training.lr: -1 is below 0.0");
}

TEST_F(TrainerTest, NeverTouchesAFileThatExists) {
  fs::create_directories(out());
  hooke::tests::write_file(spool_file(), "precious");
  EXPECT_EQ(run(config()), 1);
  EXPECT_THAT(errors(), HasSubstr("exists"));
  EXPECT_EQ(fs::file_size(spool_file()), 8u);
}

TEST_F(TrainerTest, StopsOnSigtermWithACheckpointAndNoEndRecord) {
  json wanted = config();
  wanted["training"]["epochs"] = 100000;
  EXPECT_EQ(interrupt(start(wanted), SIGTERM, 4000), 75);
  const auto all = records();
  ASSERT_GT(all.size(), 7u);
  for (const spool::Record& record : all) EXPECT_NE(kind(record), "end");
  ASSERT_EQ(kind(all.back()), "barrier");
  const trainer::Checkpoint checkpoint = trainer::read_checkpoint(checkpoints(out()).at(0));
  EXPECT_EQ(checkpoint.record, all.back().number);
  EXPECT_EQ(json::parse(all.back().payload)["barrier"]["step"], std::to_string(checkpoint.state.step));
}

TEST_F(TrainerTest, KilledAtAnyMomentAndResumedGivesTheSameBits) {
  json wanted = config();
  wanted["training"]["epochs"] = 40;
  wanted["training"]["checkpoint_every"] = 5;
  out_ = root_.path() / "undisturbed";
  ASSERT_EQ(run(wanted), 0) << errors();
  const RunValues undisturbed = run_of(records());
  const std::string weights = tensors_of(checkpoints(out()).at(0));

  RunValues killed;
  std::vector<std::string> resume;
  std::uintmax_t bytes = 2000;
  for (int attempt = 1;; ++attempt) {
    ASSERT_LT(attempt, 50);
    out_ = root_.path() / std::to_string(attempt);
    const int code = interrupt(start(wanted, resume), SIGKILL, bytes);
    killed.add(records());
    if (code == 0) break;
    ASSERT_EQ(code, -SIGKILL) << errors();
    bytes += 3777;
    if (!checkpoints(out()).empty()) resume = {"--resume", checkpoints(out())[0]};
    if (resume.empty()) killed = {};
  }
  EXPECT_EQ(undisturbed.values, killed.values);
  EXPECT_EQ(weights, tensors_of(checkpoints(out()).at(0)));
}

TEST_F(TrainerTest, TakesAnOlderCheckpointWhenTheNewestIsDamagedAndSaysSo) {
  json wanted = config();
  wanted["training"]["checkpoint_every"] = 2;
  ASSERT_EQ(run(wanted), 0) << errors();
  const RunValues whole = run_of(records());
  const auto files = checkpoints(out());  // of steps 5, 3, 1
  ASSERT_EQ(files.size(), 3u);
  std::fstream file(files[1], std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(-100, std::ios::end);
  file.put('!').put('?').put('!');
  file.close();
  out_ = root_.path() / "second";
  EXPECT_EQ(run(wanted, {"--resume", files[1], "--resume", files[2]}), 0);
  EXPECT_THAT(errors(), HasSubstr("is damaged: wrong checksum"));
  EXPECT_EQ(json::parse(records()[0].payload)["attemptStart"]["resumeStep"], "1");
  EXPECT_THAT(errors(), Not(HasSubstr("warning")));
  RunValues both = whole;
  both.add(records());
  EXPECT_EQ(both.values, whole.values);

  fs::resize_file(files[2], 1000);
  out_ = root_.path() / "third";
  EXPECT_EQ(run(wanted, {"--resume", files[1], "--resume", files[2]}), 3);
  EXPECT_FALSE(fs::exists(spool_file()));
}

TEST_F(TrainerTest, RecordsAgainWhatTheServerLacks) {
  json wanted = config();
  wanted["training"]["checkpoint_every"] = 2;
  ASSERT_EQ(run(wanted), 0) << errors();
  const auto first = records();
  const RunValues whole = run_of(first);
  const fs::path checkpoint = checkpoints(out()).at(1);
  // The server has everything up to the first barrier, which is of step 1.
  std::size_t has = 0;
  while (kind(first[has]) != "barrier") ++has;
  RunValues both = run_of({first.begin(), first.begin() + static_cast<std::ptrdiff_t>(has) + 1});
  out_ = root_.path() / "second";
  ASSERT_EQ(
      run(wanted, {"--resume", checkpoint, "--resend-after", std::to_string(has + 1), "--resume-step", "1"}),
      0)
      << errors();
  EXPECT_EQ(json::parse(records()[0].payload)["attemptStart"]["resumeStep"], "1");
  both.add(records());
  EXPECT_EQ(both.values, whole.values);
  // The checkpoint stands here too, under the number that its barrier has now.
  const trainer::Checkpoint here = trainer::read_checkpoint(checkpoints(out()).at(1));
  EXPECT_EQ(here.state.step, 3);
  EXPECT_EQ(json::parse(records()[here.record - 1].payload)["barrier"]["step"], "3");

  // It has nothing at all.
  out_ = root_.path() / "third";
  ASSERT_EQ(run(wanted, {"--resume", checkpoint, "--resend-after", "0"}), 0) << errors();
  EXPECT_FALSE(json::parse(records()[0].payload)["attemptStart"].contains("resumeStep"));
  EXPECT_EQ(run_of(records()).values, whole.values);
}

TEST_F(TrainerTest, RecordsNothingWhenTheOldSpoolCannotBeSentAgain) {
  json wanted = config();
  wanted["training"]["checkpoint_every"] = 2;
  ASSERT_EQ(run(wanted), 0) << errors();
  const fs::path checkpoint = checkpoints(out()).at(1), old = spool_file();
  out_ = root_.path() / "second";
  fs::resize_file(old, fs::file_size(old) / 2);
  EXPECT_EQ(run(wanted, {"--resume", checkpoint, "--resend-after", "0"}), 3);
  EXPECT_THAT(errors(), HasSubstr("ends before record"));
  fs::remove(old);
  EXPECT_EQ(run(wanted, {"--resume", checkpoint, "--resend-after", "0"}), 3);
  EXPECT_FALSE(fs::exists(spool_file()));
}

TEST_F(TrainerTest, SaysWithItsLastRecordThatTheSpoolIsFull) {
  EXPECT_EQ(run(config(), {"--spool-limit", "3000"}), 1);
  const json end = json::parse(records().back().payload)["end"];
  EXPECT_EQ(end["state"], "RUN_STATE_FAILED");
  EXPECT_THAT(end["reason"]["message"].get<std::string>(), HasSubstr("limit of 3000 bytes"));
}

TEST_F(TrainerTest, ResumesNoOtherConfigurationButForItsEpochs) {
  ASSERT_EQ(run(config()), 0) << errors();
  const fs::path checkpoint = checkpoints(out()).at(0);
  json wanted = config();
  wanted["training"]["epochs"] = 3;
  out_ = root_.path() / "longer";
  EXPECT_EQ(run(wanted, {"--resume", checkpoint}), 0) << errors();
  EXPECT_EQ(spool::decode_scalars(records()[6].payload).step, 6);
  wanted["training"]["batch"] = 6;
  out_ = root_.path() / "other";
  EXPECT_EQ(run(wanted, {"--resume", checkpoint}), 1);
  EXPECT_THAT(errors(), HasSubstr("training.batch: differs from the checkpoint's"));
}

// A checkpoint of an older version lacks the fields that were added since.
TEST_F(TrainerTest, ResumesWhereTheConfigurationHasAFieldMoreThatAsksForNothing) {
  ASSERT_EQ(run(config()), 0) << errors();
  const fs::path checkpoint = checkpoints(out()).at(0);
  json wanted = config();
  wanted["training"]["data_parallel"] = false;
  out_ = root_.path() / "newer";
  EXPECT_EQ(run(wanted, {"--resume", checkpoint}), 0) << errors();
  wanted["training"]["data_parallel"] = true;
  out_ = root_.path() / "other";
  EXPECT_EQ(run(wanted, {"--resume", checkpoint}), 1);
  EXPECT_THAT(errors(), HasSubstr("training.data_parallel: differs from the checkpoint's"));
}

TEST_F(TrainerTest, WarnsWhenItIsResumedWithOtherThreads) {
  json wanted = config();
  wanted["training"]["checkpoint_every"] = 2;
  ASSERT_EQ(run(wanted), 0) << errors();
  const fs::path checkpoint = checkpoints(out()).at(1);
  out_ = root_.path() / "second";
  EXPECT_EQ(run(wanted, {"--resume", checkpoint, "--training-threads", "2"}), 0);
  EXPECT_THAT(errors(), HasSubstr("resumed elsewhere"));
  EXPECT_THAT(errors(), HasSubstr("training threads 1 then, 2 now"));
  EXPECT_EQ(json::parse(records()[1].payload)["provenance"]["trainingThreads"], 2);
}

std::vector<std::string> lines_of(const fs::path& path) {
  std::vector<std::string> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

TEST_F(TrainerTest, WritesOneCsvFileForEachSeries) {
  ASSERT_EQ(run(config(), {"--csv", (root_.path() / "csv").string()}), 0) << errors();
  const auto losses = lines_of(root_.path() / "csv" / "train" / "loss.csv");
  ASSERT_EQ(losses.size(), 7u);
  EXPECT_EQ(losses[0], "step,value");
  std::size_t row = 1;
  for (const spool::Record& record : records()) {
    if (record.kind != spool::Kind::kScalars) continue;
    const double value = spool::decode_scalars(record.payload).values[0].second;
    EXPECT_EQ(std::stod(losses[row].substr(losses[row].find(',') + 1)), value);
    ++row;
  }
  const auto cells = lines_of(root_.path() / "csv" / "elasticity" / "kl@small.csv");
  EXPECT_EQ(cells.size(), 1u + 3 * 9);
  EXPECT_EQ(cells[0], "step,responding,updated,mean,sd,count,skipped,ratio_of_means,nonfinite");
  EXPECT_THAT(cells[2], ::testing::StartsWith("0,a,b,"));
}

TEST_F(TrainerTest, RecordsWhatTheMachineDoesAmongAStepsValues) {
  const fs::path csv = root_.path() / "csv";
  ASSERT_EQ(run(config(), {"--csv", csv.string()}), 0) << errors();
  EXPECT_THAT(errors(), Not(HasSubstr("system/"))) << "people watch the training";
  std::map<std::string, std::vector<std::int64_t>> steps;  // by key
  for (const spool::Record& record : records()) {
    if (record.kind != spool::Kind::kScalars) continue;
    const spool::Scalars scalars = spool::decode_scalars(record.payload);
    for (const auto& [key, value] : scalars.values) {
      if (!key.starts_with("system/")) continue;
      EXPECT_GT(value, 0) << key;
      EXPECT_TRUE(steps[key].empty() || scalars.step > steps[key].back()) << key << " " << scalars.step;
      steps[key].push_back(scalars.step);
    }
  }
  for (const char* key : {"system/cpu.utilization", "system/memory.rss", "system/memory.used"}) {
    ASSERT_FALSE(steps[key].empty()) << key;
    EXPECT_EQ(steps[key].front(), 0);
    EXPECT_EQ(lines_of(csv / (std::string(key) + ".csv")).size(), 1 + steps[key].size());
  }
  EXPECT_EQ(steps.size(), 3u);
}

TEST_F(TrainerTest, WithoutTheMachinesSeriesTheRunIsTheSame) {
  ASSERT_EQ(run(config()), 0) << errors();
  const RunValues with = run_of(records());
  out_ = root_.path() / "second";
  ASSERT_EQ(run(config(), {"--no-system-metrics"}), 0) << errors();
  EXPECT_EQ(run_of(records()).values, with.values);
  for (const spool::Record& record : records())
    EXPECT_EQ(record.payload.find("system/"), std::string::npos) << record.number;
}

TEST_F(TrainerTest, RecordsPairsWholeInItsSpoolAndCsv) {
  json wanted = config();
  wanted["probes"]["keep_pairs"] = true;
  ASSERT_EQ(run(wanted, {"--csv", (root_.path() / "csv").string()}), 0) << errors();
  std::vector<spool::Pairs> tables;
  for (const spool::Record& record : records())
    if (record.kind == spool::Kind::kPairs) tables.push_back(spool::decode_pairs(record.payload));
  ASSERT_EQ(tables.size(), 3u * 4);  // steps 0, 2, 4; two measures, two updates
  EXPECT_EQ(tables[0].series, "elasticity/kl.pairs");
  EXPECT_EQ(tables[0].first_row, 0u);
  ASSERT_EQ(tables[0].numerators.size(), 6u * 6 * 4);
  ASSERT_EQ(tables[0].denominators.size(), 6u * 4);

  const auto rows = lines_of(root_.path() / "csv" / "elasticity" / "kl.pairs.csv");
  ASSERT_EQ(rows.size(), 1u + 3 * 36);
  EXPECT_EQ(rows[0], "step,responding,responding_probe,updated,updated_probe,ratio,numerator,denominator");
  // Row 1 is of the first probe on itself, row 2 of the second one updated.
  EXPECT_THAT(rows[1], ::testing::StartsWith("0,a,"));
  EXPECT_NE(rows[1].find(",1,"), std::string::npos) << rows[1];
  float above = 0, below = 0;
  std::memcpy(&above, tables[0].numerators.data() + 4, 4);
  std::memcpy(&below, tables[0].denominators.data() + 4, 4);
  std::vector<std::string> cells;
  std::stringstream row(rows[2]);
  for (std::string cell; std::getline(row, cell, ',');) cells.push_back(cell);
  ASSERT_EQ(cells.size(), 8u);
  EXPECT_EQ(std::stof(cells[6]), above);
  EXPECT_EQ(std::stof(cells[7]), below);
  EXPECT_EQ(std::stod(cells[5]), double{above} / double{below});
}

TEST_F(TrainerTest, AloneResumesBySameCommandUntilItHasFinished) {
  json wanted = config();
  wanted["training"]["epochs"] = 200;
  ASSERT_EQ(run(wanted), 0) << errors();
  const RunValues whole = run_of(records());
  const fs::path folder = root_.path() / "alone";
  RunValues joined;
  const std::vector<std::string> alone = {"--alone", "--out", folder.string(), "--offline-uuid", "u-1"};
  for (int segment = 1; segment <= 2; ++segment) {
    out_ = folder / std::to_string(segment);
    EXPECT_EQ(interrupt(start(wanted, alone), SIGTERM, 4000), 75) << errors();
    joined.add(records());
  }
  EXPECT_EQ(run(wanted, alone), 0) << errors();
  const auto before = records().size();
  out_ = folder / "3";
  joined.add(records());
  EXPECT_EQ(joined.values, whole.values);
  const json offline = json::parse(records()[0].payload)["attemptStart"]["offline"];
  EXPECT_EQ(offline["uuid"], "u-1");
  EXPECT_EQ(offline["segment"], 3);
  EXPECT_EQ(offline["predecessorLastRecord"], std::to_string(before));
  const auto losses = lines_of(folder / "train" / "loss.csv");
  ASSERT_EQ(losses.size(), 1u + 600);
  for (std::size_t row = 1; row < losses.size(); ++row) {
    EXPECT_THAT(losses[row], ::testing::StartsWith(std::to_string(row - 1) + ","));
  }
  EXPECT_EQ(run(wanted, alone), 0);
  EXPECT_THAT(errors(), HasSubstr("has finished"));
  EXPECT_FALSE(fs::exists(folder / "4"));
}

TEST_F(TrainerTest, RefusesUnknownOptionsAndThoseThatNeedAnother) {
  EXPECT_EQ(run(config(), {"--colour", "red"}), 2);
  EXPECT_EQ(run(config(), {"--resend-after", "3"}), 2);
  EXPECT_EQ(run(config(), {"--alone", "--resume", "x"}), 2);
  EXPECT_EQ(run(config(), {"--offline-uuid", "x"}), 2);
}

}  // namespace
}  // namespace hooke
