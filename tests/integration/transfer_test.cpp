// Exports and imports, with the real programs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <sstream>

#include "tests/integration/harness.h"
#include "tests/text_of.h"

namespace hooke::harness {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using tests::text_of;

constexpr const char* kTransferred =
    "name: short\n"
    "model: {type: mlp, hidden: [16]}\n"
    "training: {optimizer: sgd, lr: 0.05, batch: 20, epochs: 4, seed: 3}\n"
    "probes: {per_class: 3, every: 4, keep_pairs: true}\n"
    "measures: [kl, loss]\n";

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

class Transfer : public testing::Test {
 protected:
  void SetUp() override { house_.start_server(); }

  // A run that has been trained.
  std::string train() {
    house_.start_worker("one");
    const std::string run = house_.submit(house_.config(kTransferred));
    EXPECT_EQ(house_.hooke({"wait", run}).exit_code, 0);
    return run;
  }
  std::string place(const std::string& name) { return (house_.folder() / name).string(); }
  std::string write(const std::string& name, const std::string& text) {
    fs::create_directories(fs::path(place(name)).parent_path());
    std::ofstream(place(name)) << text;
    return place(name);
  }
  void expect_error(const std::vector<std::string>& arguments, int exit_code, const std::string& text) {
    const Result result = house_.hooke(arguments);
    EXPECT_EQ(result.exit_code, exit_code) << result.err;
    EXPECT_THAT(result.err, HasSubstr(text));
  }

  House house_;
};

TEST_F(Transfer, WhatIsExportedAndImportedAgainIsTheSame) {
  const std::string run = train();
  const Result exported = house_.hooke({"export", "short", "--format", "csv", "--out", place("csv")});
  ASSERT_EQ(exported.exit_code, 0) << exported.err;
  EXPECT_THAT(exported.err, HasSubstr(" of 1 run to "));
  const fs::path first = fs::path(place("csv")) / run;
  // A series is what `series get` prints, byte for byte.
  EXPECT_EQ(text_of(first / "train/loss.csv"),
            house_.answer({"series", "get", run, "train/loss", "--full", "-o", "csv"}));
  EXPECT_EQ(csv(text_of(first / "elasticity/kl.csv"))[0],
            csv("step," + house_.answer({"influence", run, "-o", "csv"}))[0]);

  const Result imported = house_.hooke({"import", "csv", first.string(), "--as", "copy"});
  ASSERT_EQ(imported.exit_code, 0) << imported.err;
  const std::string copy = first_line(imported.out);
  ASSERT_EQ(house_.hooke({"export", copy, "--format", "csv", "--out", place("again")}).exit_code, 0);
  for (const char* key : {"train/loss.csv", "train/accuracy.csv", "test/loss.csv"})
    EXPECT_EQ(text_of(first / key), text_of(fs::path(place("again")) / copy / key)) << key;
  const std::vector<std::string> phases = {"--series", "train/loss", "-o", "csv"};
  const auto of = [&](const std::string& name) {
    std::vector<std::string> question = {"phases", name};
    question.insert(question.end(), phases.begin(), phases.end());
    return house_.answer(question);
  };
  EXPECT_EQ(of(run), of(copy));

  ASSERT_EQ(house_.hooke({"export", run, "--format", "tensorboard", "--out", place("logs")}).exit_code, 0);
  const std::string events =
      first_line(house_.answer({"import", "tensorboard", place("logs"), "--as", "copy"}));
  EXPECT_EQ(house_.run_column(events, "experiment"), "copy-2");
  for (const char* key : {"train/loss", "elasticity/kl.dominance", "elasticity/kl[a,d]"}) {
    const auto before = csv(house_.answer({"series", "get", run, key, "--full", "-o", "csv"}));
    const auto after = csv(house_.answer({"series", "get", events, key, "--full", "-o", "csv"}));
    ASSERT_EQ(before.size(), after.size());
    for (std::size_t i = 1; i < before.size(); ++i) {
      EXPECT_EQ(before[i][0], after[i][0]);
      EXPECT_EQ(std::stof(before[i][1]), std::stof(after[i][1])) << key;
    }
  }
}

TEST_F(Transfer, NumPyReadsTheArrays) {
  const std::string run = train();
  ASSERT_EQ(house_.hooke({"export", run, "--format", "npz", "--out", place("run.npz")}).exit_code, 0);
  ASSERT_EQ(house_.hooke({"export", run, "--format", "jsonl", "--out", place("run.jsonl")}).exit_code, 0);
  // NumPy against the JSON lines of the same run.
  const std::string script = write("check.py", R"(
import json, sys
import numpy as np
arrays = np.load(sys.argv[1], allow_pickle=False)
points = {}
for line in open(sys.argv[2]):
    row = json.loads(line)
    if row["type"] in ("scalar", "matrix"):
        points.setdefault(row["key"], []).append(row)
assert sum(not key.startswith("system/") for key in points) == 6, list(points)
for key, rows in points.items():
    assert arrays[key + "/step"].tolist() == [row["step"] for row in rows], key
    for name, type in ((("value", "f8"),) if rows[0]["type"] == "scalar" else
                       (("mean", "f4"), ("sd", "f4"), ("ratio_of_means", "f4"), ("skipped", "u4"), ("nonfinite", "u4"))):
        array = arrays[key + "/" + name]
        assert array.dtype == np.dtype("<" + type), (key, name, array.dtype)
        expected = np.array([row[name] for row in rows], dtype=array.dtype).reshape(array.shape)
        assert np.array_equal(array, expected, equal_nan=type[0] == "f"), (key, name)
assert arrays["elasticity/kl/mean"].shape[1:] == (3, 3)
assert arrays["elasticity/kl.pairs/numerators"].shape[1:] == (9, 9)
assert arrays["elasticity/kl/class_names"].tolist() == ["a", "b", "d"]
assert json.loads(str(arrays["run"]))["state"] == "RUN_STATE_SUCCEEDED"
print("the same")
)");
  if (Process probe({"/usr/bin/python3", "-c", "import numpy"}, {}, place("probe"));
      probe.wait(std::chrono::seconds(60)) != 0)
    GTEST_SKIP() << "no NumPy here; deploy/packages.txt has it";
  Process check({"/usr/bin/python3", script, place("run.npz"), place("run.jsonl")}, {}, place("check"));
  EXPECT_EQ(check.wait(std::chrono::seconds(60)), 0) << check.err();
  EXPECT_EQ(check.out(), "the same\n");
}

TEST_F(Transfer, ABadRequestChangesNothing) {
  write("in/a/x.csv", "step,value\n0,1\n1,nan\n");
  const std::string run = first_line(house_.answer({"import", "csv", place("in"), "--as", "theirs"}));
  EXPECT_EQ(house_.answer({"series", "get", run, "a/x", "-o", "csv"}), "step,value\n0,1\n1,nan\n");
  ASSERT_EQ(house_.hooke({"export", run, "--format", "csv", "--out", place("out")}).exit_code, 0);

  write("in/b/y.csv", "step,value\n0,1\n0,2\n");
  expect_error({"import", "csv", place("in"), "--as", "bad"}, 2,
               "b/y.csv, line 3: step 0 comes after step 0");
  expect_error({"import", "csv", place("in/a"), "--as", "a/b"}, 2, "'a/b' is not allowed");
  expect_error({"import", "xml", place("in"), "--as", "bad"}, 2, "xml");
  expect_error({"import", "tensorboard", place("in"), "--as", "bad"}, 2, "has no event files");
  EXPECT_EQ(csv(house_.answer({"experiments", "list", "-o", "csv"})).size(), 2u) << "a header and theirs";

  expect_error({"export", run, "--format", "csv", "--out", place("out")}, 1, "is there already; --force");
  expect_error({"export", "nope", "--format", "csv", "--out", place("new")}, 2,
               "no run or experiment 'nope'");
  expect_error({"export", run, "--format", "csv", "--out", place("in/a/x.csv")}, 2, "is no folder");
  expect_error({"export", run, "--format", "jsonl", "--out", place("out")}, 2, "is a folder");
  expect_error({"export", run, "--format", "npz", "--out", "/proc/new"}, 1, "/proc/new cannot be made");
  EXPECT_FALSE(fs::exists(place("new")));
  ASSERT_EQ(house_.hooke({"export", run, "--format", "csv", "--out", place("out"), "--force"}).exit_code, 0);
  EXPECT_EQ(std::distance(fs::directory_iterator(place("out")), fs::directory_iterator()), 1);
}

// Enough points that it takes a while, and a signal in the midst of it.
TEST_F(Transfer, AnInterruptedExportLeavesNothing) {
  std::ofstream out(place("long.csv"));
  out << "step,value\n";
  for (int step = 0; step < 1'000'000; ++step) out << step << ",0.1234567890123\n";
  out.close();
  const std::string run = first_line(house_.answer({"import", "csv", place("long.csv"), "--as", "long"}));
  Process exporting(
      {program("hooke"), "export", run, "--format", "jsonl", "--out", place("deep/long.jsonl")},
      {{"HOOKE_SERVER", house_.address()}, {"HOOKE_TOKEN_FILE", (house_.folder() / "server/token").string()}},
      house_.folder() / "log" / "hooke-export");
  ASSERT_TRUE(eventually([&] { return fs::exists(place("deep")) && !fs::is_empty(place("deep")); }));
  exporting.signal(SIGINT);
  EXPECT_EQ(exporting.wait(std::chrono::seconds(60)), 130) << exporting.err();
  EXPECT_FALSE(fs::exists(place("deep")));
}

}  // namespace
}  // namespace hooke::harness
