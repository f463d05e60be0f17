// What `hooke doctor` finds, at the server and on this machine, and what it advises.
#include <chrono>
#include <nlohmann/json.hpp>

#include "tests/unit/client/cli_fixture.h"

namespace hooke::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr const char* kAbout = R"({"version": "0.1.0", "libtorch": "1.13.0", "threads": 8,
  "blas": {"name": "openblas", "file": "/lib/openblas.so", "fast": true}, "cudaBuild": true,
  "devices": [{"name": "cpu", "what": "8 threads"}, {"name": "cuda:0", "what": "GPU"}],
  "dataSets": [{"set": "mnist", "folder": "/data/mnist", "origin": ""}, {"set": "svhn", "folder": "", "origin": "get it there"}]})";

class Doctor : public CliTest {
 protected:
  // A program beside hooke that prints `text`.
  void program(const std::string& name, const std::string& text, int code = 0) {
    const auto file =
        folder_.write(name, "#!/bin/sh\ncat <<'END'\n" + text + "\nEND\nexit " + std::to_string(code) + "\n");
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  }
  void serve_all_well() {
    Script script;
    script.statistics.set_disk_free_bytes(900'000'000'000);
    script.statistics.set_time_us(now_us());
    auto& worker = script.workers.emplace_back();
    worker.set_name("node1");
    worker.set_version("0.1.0");
    serve(std::move(script));
    program("hooke-worker", "hooke-worker 0.1.0 (abc)");
    program("hooke-trainer", kAbout);
    programs_ = folder_.path();
  }
  static std::int64_t now_us() {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
  // By name.
  std::map<std::string, json> checks(int code) {
    const Result result = hooke({"doctor", "-o", "json", "--data-root", "/data"});
    EXPECT_EQ(result.code, code) << result.err;
    std::map<std::string, json> found;
    for (const json& check : json::parse(result.out)) found[check.at("check")] = check;
    return found;
  }
  void expect(const json& check, const char* verdict, const std::string& found, const std::string& advice) {
    EXPECT_EQ(check.at("verdict"), verdict) << check;
    EXPECT_THAT(check.at("found").get<std::string>(), HasSubstr(found));
    EXPECT_THAT(check.at("advice").get<std::string>(), HasSubstr(advice));
  }
};

TEST_F(Doctor, AllIsWell) {
  serve_all_well();
  auto found = checks(0);
  for (const auto& [name, check] : found) {
    if (name == "this disk") continue;  // may be nearly full
    EXPECT_EQ(check.at("verdict"), "ok") << check;
  }
  EXPECT_EQ(found.size(), 11u);
  expect(found.at("GPU"), "ok", "cuda:0", "");
  expect(found.at("data sets"), "ok", "mnist below /data", "svhn: get it there");
  EXPECT_THAT(hooke({"doctor"}).out, HasSubstr("ok       BLAS"));
}

TEST_F(Doctor, TheServersTroublesAreNamedWithAdvice) {
  serve_all_well();
  server_->change([](Script& script) {
    script.statistics.set_disk_free_bytes(1'000'000'000);
    script.statistics.set_time_us(now_us() + 3'600'000'000);
    script.workers[0].set_version("0.0.9");
  });
  auto found = checks(0);
  expect(found.at("clock"), "warning", "ahead of this machine's", "NTP");
  expect(found.at("server's disk"), "warning", "1.0 GB left", "delete experiments");
  expect(found.at("workers"), "warning", "node1 0.0.9", "up to date");
  server_->change([](Script& script) {
    script.statistics.set_time_us(now_us() - 60'000'000);
    script.statistics.set_version("0.2.0");
    script.workers.clear();
  });
  found = checks(0);
  expect(found.at("clock"), "warning", "behind this machine's", "NTP");
  expect(found.at("version"), "warning", "0.2.0, while this is hooke 0.1.0", "up to date");
  expect(found.at("workers"), "warning", "none", "hooke up");
  server_->change([](Script& script) { script.statistics.set_version("1.0.0"); });
  expect(checks(1).at("version"), "fails", "1.0.0", "the same version");
}

TEST_F(Doctor, AServerThatIsAwayIsAFindingAndTheRestIsLookedAt) {
  serve_all_well();
  server_->stop();
  auto found = checks(1);
  expect(found.at("server"), "fails", "hooke up", "");
  expect(found.at("BLAS"), "ok", "openblas", "");
}

TEST_F(Doctor, ThisMachinesTroublesAreNamedWithAdvice) {
  serve_all_well();
  json about = json::parse(kAbout);
  about["blas"] = {{"name", "reference"}, {"file", "/lib/libblas.so.3"}, {"fast", false}};
  about["dataSets"][0]["folder"] = "";
  program("hooke-trainer", about.dump());
  auto found = checks(0);
  expect(found.at("BLAS"), "warning", "/lib/libblas.so.3", "libopenblas0-pthread");
  expect(found.at("data sets"), "warning", "none below /data", "mnist is not there");
  program("hooke-trainer", "no JSON");
  expect(checks(1).at("hooke-trainer"), "fails", "cannot be run", "--about");
  program("hooke-trainer", kAbout, 127);
  expect(checks(1).at("hooke-trainer"), "fails", "cannot be run", "--about");
  std::filesystem::remove(folder_.path() / "hooke-trainer");
  expect(checks(0).at("hooke-trainer"), "warning", "is not beside", "GPU nodes");
}

}  // namespace
}  // namespace hooke::test
