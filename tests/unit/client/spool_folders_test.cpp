// What stands below a folder of spools, and what `hooke sync` and `hooke doctor` say of it.
#include "client/cli/spool_folders.h"

#include "tests/unit/client/cli_fixture.h"
#include "worker/spool/spool.h"

namespace hooke::test {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class SpoolFolders : public CliTest {
 protected:
  SpoolFolders() { serve({}); }

  fs::path write(const std::string& name, const std::string& text) {
    fs::create_directories((folder_.path() / name).parent_path());
    return folder_.write(name, text);
  }
  // With these JSON records.
  fs::path spool(const std::string& attempt, const std::vector<std::string>& records) {
    fs::create_directories(folder_.path() / attempt);
    spool::Writer writer(folder_.path() / attempt / spool::kFileName);
    for (const std::string& record : records) writer.append(spool::Kind::kJson, record);
    return folder_.path() / attempt / spool::kFileName;
  }
};

TEST_F(SpoolFolders, FindsOfflineRunsAndAttemptsAndNothingElse) {
  write("a/deep/run.json", R"({"uuid": "u-1", "config": {"name": "x"}})");
  spool("a/deep/10", {"{}"});
  spool("a/deep/2", {"{}"});
  fs::create_directories(folder_.path() / "a/deep/3");  // an empty start
  spool("a/deep/notes", {"{}"});
  write("b/k3f9/1/attempt.json", R"({"attempt_id": "beef"})");
  spool("b/k3f9/1", {"{}"});
  write("b/k3f9/2/attempt.json", R"({"attempt_id": "cafe"})");  // its spool was removed
  spool("c/1", {"{}"});                                         // of nobody

  const auto runs = cli::find_spools(folder_.path().string() + "/");
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_TRUE(runs[0].offline);
  EXPECT_EQ(runs[0].id, "u-1");
  EXPECT_EQ(runs[0].config_json, R"({"name":"x"})");
  ASSERT_EQ(runs[0].files.size(), 2u);
  EXPECT_EQ(runs[0].files[0].number, 2);
  EXPECT_EQ(runs[0].files[1].number, 10);
  EXPECT_FALSE(runs[1].offline);
  EXPECT_EQ(runs[1].id, "k3f9");
  ASSERT_EQ(runs[1].files.size(), 1u);
  EXPECT_EQ(runs[1].files[0].attempt_id, "beef");
  EXPECT_EQ(cli::find_spools(folder_.path() / "b/k3f9/").at(0).id, "k3f9") << "the run's own folder";
}

TEST_F(SpoolFolders, MeasuresASpoolUpToItsTornEnd) {
  const fs::path file =
      spool("1", {R"({"barrier": {"step": "1"}})", R"({"end": {"state": "RUN_STATE_SUCCEEDED"}})"});
  auto extent = cli::measure_spool(file);
  EXPECT_EQ(extent.last, 2u);
  EXPECT_EQ(extent.bytes, fs::file_size(file));
  EXPECT_EQ(extent.torn_bytes, 0u);
  EXPECT_TRUE(extent.ended);
  fs::resize_file(file, fs::file_size(file) - 1);
  extent = cli::measure_spool(file);
  EXPECT_EQ(extent.last, 1u);
  EXPECT_EQ(extent.bytes + extent.torn_bytes, fs::file_size(file));
  EXPECT_GT(extent.torn_bytes, 0u);
  EXPECT_FALSE(extent.ended);
  fs::remove(file);
  fs::create_directory(file);
  try {
    cli::measure_spool(file);
    FAIL() << "a folder is no spool";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kDataLoss) << "kUnavailable is for a server that is away";
    EXPECT_THAT(error.what(), HasSubstr(file.string()));
  }
}

TEST_F(SpoolFolders, WhatIsNoOfflineRunIsRefusedWithWhatToDo) {
  const auto refused = [&](const std::vector<std::string>& arguments, const std::string& words) {
    const Result result = hooke(arguments);
    EXPECT_EQ(result.code, 2) << result.err;
    EXPECT_THAT(result.err, HasSubstr(words));
    EXPECT_EQ(result.out, "");
  };
  const std::string folder = folder_.path();
  refused({"sync", folder}, "no run that was made without a server");
  refused({"sync", folder + "/nowhere"}, "is not a folder");
  refused({"sync"}, "DIR");
  refused({"doctor", "--against", folder}, "--verify");
  write("k3f9/1/attempt.json", R"({"attempt_id": "beef"})");
  refused({"sync", folder}, "start `hooke-worker` with the same --spool");
  write("x/run.json", R"({"uuid": "u-1", "config": {}})");
  write("y/run.json", R"({"uuid": "u-2", "config": {}})");
  refused({"sync", folder, "--follow"}, "holds 2 runs");
  write("z/run.json", "{");
  const Result damaged = hooke({"sync", folder});
  EXPECT_EQ(damaged.code, 1);
  EXPECT_THAT(damaged.err, HasSubstr("run.json is damaged"));
}

}  // namespace
}  // namespace hooke::test
