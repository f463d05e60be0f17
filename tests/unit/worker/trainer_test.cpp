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
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "tests/unit/worker/idx_files.h"
#include "worker/spool/spool.h"

namespace hooke {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;

class TrainerTest : public ::testing::Test {
 protected:
  TrainerTest() { hooke::testing::write_idx_set(root_.path() / "data" / "set", 36, 12, 3, 8); }

  static json config() {
    return json::parse(R"({"data": {"set": "idx", "path": "set", "class_names": ["a", "b", "c"]},
        "model": {"type": "cnn", "channels": [4]}, "training": {"batch": 12, "epochs": 2, "seed": 3},
        "probes": {"per_class": 2, "every": 2, "updates": [{}, {"name": "small", "lr": 1e-6}]},
        "measures": ["kl", "loss"]})");
  }

  // Starts the program; its standard error goes to a file.
  pid_t start(const json& configuration, std::vector<std::string> more = {}) {
    hooke::testing::write_file(root_.path() / "config.json", configuration.dump());
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

  static int exit_code(pid_t pid) {
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
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

  fs::path out() const { return root_.path() / "out"; }
  fs::path spool_file() const { return out() / "records.spool"; }

  std::vector<spool::Record> records() const {
    std::vector<spool::Record> all;
    spool::Reader reader(spool_file());
    while (auto record = reader.next()) all.push_back(std::move(*record));
    return all;
  }

  hooke::testing::TemporaryFolder root_;
};

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
  hooke::testing::write_file(spool_file(), "precious");
  EXPECT_EQ(run(config()), 1);
  EXPECT_THAT(errors(), HasSubstr("exists"));
  EXPECT_EQ(fs::file_size(spool_file()), 8u);
}

TEST_F(TrainerTest, StopsOnSigtermWithoutAnEndRecord) {
  json wanted = config();
  wanted["training"]["epochs"] = 100000;
  const pid_t pid = start(wanted);
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  const auto is_training = [&] { return fs::exists(spool_file()) && fs::file_size(spool_file()) > 4000; };
  while (!is_training() && std::chrono::steady_clock::now() < give_up) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  kill(pid, SIGTERM);
  EXPECT_EQ(exit_code(pid), 75);
  const auto all = records();
  ASSERT_GT(all.size(), 7u);
  for (const spool::Record& record : all) EXPECT_NE(kind(record), "end");
}

TEST_F(TrainerTest, RefusesUnknownOptions) {
  EXPECT_EQ(run(config(), {"--colour", "red"}), 2);
}

}  // namespace
}  // namespace hooke
