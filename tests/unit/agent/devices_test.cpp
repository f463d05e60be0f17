// Which devices a worker takes, where the trainer seems to find GPUs.
#include "worker/agent/devices.h"

#include <gmock/gmock.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <sstream>

namespace hooke::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// Any library stands for CUDA's: whether it is there is all that matters.
const std::string kDriver = "libc.so.6", kNoDriver = "libhooke-is-not-there.so.1";
using Told = std::vector<std::string>;

class DevicesTest : public testing::Test {
 protected:
  DevicesTest() : before_(spdlog::default_logger()) {
    std::string pattern = (std::filesystem::temp_directory_path() / "hooke-devices-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    spdlog::set_default_logger(
        std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(log_)));
    finds(R"({"name": "cuda:0"}, {"name": "cuda:1"})", true);
  }
  ~DevicesTest() override {
    spdlog::set_default_logger(before_);
    std::filesystem::remove_all(folder_);
  }

  // A trainer that says this of a machine with two GPUs, which no other test has.
  void finds(const std::string& devices, bool cuda_build) {
    const std::string board = std::to_string(::getpid());
    trainer(R"({"cudaBuild": )" + std::string(cuda_build ? "true" : "false") +
            R"(, "devices": [{"name": "cpu"})" + (devices.empty() ? "" : ", " + devices) +
            R"(], "gpus": [")" + board + R"(-a", ")" + board + R"(-b"]})");
  }
  void trainer(const std::string& says) {
    std::ofstream(program()) << "#!/bin/sh\ncat <<'END'\n" + says + "\nEND\n";
    ::chmod(program().c_str(), 0755);
  }
  std::filesystem::path program() const { return folder_ / "hooke-trainer"; }

  Devices choose(const Told& told = {}, const std::string& driver = kDriver,
                 const std::map<std::string, std::string>& variables = {}) {
    const auto environment = [&variables](const char* name) {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
    log_.str("");
    return choose_devices(told, environment, program(), driver);
  }
  std::string log() const { return log_.str(); }

 private:
  std::shared_ptr<spdlog::logger> before_;
  std::ostringstream log_;
  std::filesystem::path folder_;
};

TEST_F(DevicesTest, EachWorkerTakesAGpuOfItsOwnAndThenTheyShare) {
  const Devices first = choose();
  EXPECT_THAT(first.names, ElementsAre("cuda:0"));
  EXPECT_THAT(log(), HasSubstr("trains on cuda:0"));
  {
    const Devices second = choose();
    EXPECT_THAT(second.names, ElementsAre("cuda:1"));
    EXPECT_THAT(log(), Not(HasSubstr("another worker")));
    const Devices third = choose(), fourth = choose();
    EXPECT_THAT(third.names, ElementsAre("cuda:0"));
    EXPECT_THAT(fourth.names, ElementsAre("cuda:1"));
    EXPECT_THAT(log(), HasSubstr("cuda:1 is used by another worker, too"));
  }
  EXPECT_THAT(choose().names, ElementsAre("cuda:1")) << "a worker that has ended leaves its GPU";
}

TEST_F(DevicesTest, WhatAWorkerIsToldItTakesAndOthersKeepAway) {
  EXPECT_THAT(choose({"cpu"}).names, ElementsAre("cpu"));
  const Devices told = choose({"cuda"});
  EXPECT_THAT(told.names, ElementsAre("cuda:0"));
  EXPECT_THAT(log(), IsEmpty());
  EXPECT_THAT(choose().names, ElementsAre("cuda:1"));
  EXPECT_THAT(choose({"cuda:0", "cuda:1"}).names, ElementsAre("cuda:0", "cuda:1"));
  EXPECT_THAT(log(), HasSubstr("cuda:0 is used by another worker, too"));
  EXPECT_THAT(choose({"cuda:7"}).names, ElementsAre("cuda:7")) << "the trainer says what is wrong with it";
}

TEST_F(DevicesTest, WithoutADriverTheCpuIsUsedAndNothingSaid) {
  EXPECT_THAT(choose({}, kNoDriver).names, ElementsAre("cpu"));
  trainer(R"({"cudaBuild": false, "devices": [{"name": "cpu"}], "gpus": []})");
  EXPECT_THAT(choose().names, ElementsAre("cpu"));
  EXPECT_THAT(log(), IsEmpty());
}

TEST_F(DevicesTest, GpusThatTheTrainerCannotUseAreNamedInTheLog) {
  finds("", false);
  EXPECT_THAT(choose().names, ElementsAre("cpu"));
  EXPECT_THAT(log(),
              HasSubstr("2 GPUs are visible, but hooke-trainer was built without CUDA: the CPU is used"));
  finds("", true);
  EXPECT_THAT(choose().names, ElementsAre("cpu"));
  EXPECT_THAT(log(), HasSubstr("2 GPUs are visible, but LibTorch finds none"));
  trainer("Segmentation fault");
  EXPECT_THAT(choose().names, ElementsAre("cpu"));
  EXPECT_THAT(log(), HasSubstr("does not say what it can use"));
}

TEST_F(DevicesTest, AnOlderTrainerKnowsGpusByTheirNumbersAlone) {
  trainer(R"({"cudaBuild": true, "devices": [{"name": "cpu"}, {"name": "cuda:0"}]})");
  EXPECT_THAT(choose().names, ElementsAre("cuda:0"));
}

TEST_F(DevicesTest, ASlurmTaskHasThoseThatSlurmGave) {
  const auto in_slurm = [&](const std::string& visible, const Told& told = {}) {
    return choose(told, kDriver, {{"SLURM_JOB_ID", "1"}, {"CUDA_VISIBLE_DEVICES", visible}}).names;
  };
  EXPECT_THAT(in_slurm("2,3"), ElementsAre("cuda:0", "cuda:1"));
  for (const char* none : {"NoDevFiles", "-1"}) EXPECT_THAT(in_slurm(none), ElementsAre("cpu")) << none;
  EXPECT_THAT(in_slurm("2,3", {"cuda:1"}), ElementsAre("cuda:1"));
  EXPECT_THAT(choose({}, kDriver, {{"SLURM_JOB_ID", "1"}}).names, ElementsAre("cpu"));
}

}  // namespace
}  // namespace hooke::agent
