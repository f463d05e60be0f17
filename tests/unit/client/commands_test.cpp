// Commands that act: submit, cancel, wait, watch; help and offline ones.
#include <sstream>
#include <thread>

#include "client/cli/sweep.h"
#include "tests/unit/client/cli_fixture.h"

namespace hooke::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class Commands : public CliTest {};

TEST_F(Commands, TheVersionIsPrinted) {
  const Result result = hooke({"--version"});
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.out, testing::StartsWith("hooke 0."));
}

TEST_F(Commands, ADryRunNeedsNoServerAndPrintsEveryDefaultAndRun) {
  variables_["HOOKE_SERVER"] = "127.0.0.1:1";
  const Result result = hooke({"submit", folder_.write("c.yaml", kSmallConfig), "--seeds", "2", "--sweep",
                               "training.lr=0.1,0.2", "--dry-run"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("  epochs: 1\n"));
  EXPECT_THAT(result.out, HasSubstr("# 4 runs would be submitted:\n"
                                    "#   seed 5, training.lr: 0.1\n"
                                    "#   seed 6, training.lr: 0.1\n"
                                    "#   seed 5, training.lr: 0.2\n"
                                    "#   seed 6, training.lr: 0.2\n"));
  // What is printed is a configuration itself.
  EXPECT_EQ(hooke({"config", "check", folder_.write("again.yaml", result.out)}).code, 0);
}

TEST_F(Commands, SubmitSendsTheConfigurationWithItsSeedsSweepAndLabels) {
  serve(two_runs());
  const Result result = hooke({"submit", folder_.write("c.yaml", kSmallConfig), "--set", "training.epochs=3",
                               "--seeds", "3", "--sweep", "training.batch=16,32", "--name", "mine", "--tag",
                               "kind=trial=1", "--require", "gpu=a100", "-q"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out, "k3f9aaaa\nk3f1bbbb\n");
  const v1::SubmitExperimentRequest sent = server_->script().submitted;
  EXPECT_THAT(sent.seeds(), ElementsAre(5, 6, 7));
  EXPECT_EQ(sent.config().training().epochs(), 3);
  EXPECT_FALSE(sent.config().training().has_batch()) << "the server fills defaults";
  ASSERT_EQ(sent.sweep_size(), 1);
  EXPECT_EQ(sent.sweep(0).field(), "training.batch");
  EXPECT_THAT(sent.sweep(0).values(), ElementsAre("16", "32"));
  EXPECT_EQ(sent.experiment_id(), "mine");
  EXPECT_EQ(sent.tags().at("kind"), "trial=1");
  EXPECT_EQ(sent.require().at("gpu"), "a100");
  EXPECT_EQ(sent.request_id().size(), 36u);
}

TEST_F(Commands, ASubmitThatMeetsARestartIsSentAgainUnderTheSameId) {
  Script script = two_runs();
  script.unavailable = 2;
  serve(std::move(script));
  const Result result = hooke({"submit", folder_.write("c.yaml", kSmallConfig), "-q"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(server_->script().calls, 3);
}

TEST_F(Commands, EveryPresetIsValidAndFashionMnistHasTwoUpdates) {
  std::istringstream rows(hooke({"presets", "list", "-o", "csv"}).out);
  std::string row;
  std::getline(rows, row);  // the header
  std::vector<std::string> names;
  while (std::getline(rows, row)) {
    names.push_back(row.substr(0, row.find(',')));
    const Result shown = hooke({"presets", "show", names.back()});
    const Result checked = hooke({"config", "check", folder_.write("p.yaml", shown.out)});
    EXPECT_EQ(checked.code, 0) << names.back() << ": " << checked.err;
  }
  EXPECT_THAT(names, testing::IsSupersetOf({"fashion-mnist", "dan2021-cifar10", "dan2021-regression"}));
  EXPECT_THAT(hooke({"presets", "show", "fashion-mnist", "--complete"}).out, HasSubstr("name: small"));
}

TEST_F(Commands, TheSchemaHasEveryFieldWithItsComment) {
  const std::string out = hooke({"config", "schema"}).out;
  EXPECT_THAT(out, HasSubstr("  # Learning rate, at least 0 and finite. Default: 1e-3.\n  lr:  # number\n"));
  EXPECT_THAT(out, HasSubstr("      # L2 penalty added to the gradient. Default: 0.\n      weight_decay:"));
  EXPECT_THAT(out, HasSubstr("measures:  # list of: loss | kl"));
}

TEST_F(Commands, AxesSplitAtCommasOutsideBrackets) {
  const v1::SweepAxis axis = cli::parse_axis("model.hidden=[64, 64],[128]");
  EXPECT_THAT(axis.values(), ElementsAre("[64, 64]", "[128]"));
  EXPECT_THROW(cli::parse_axis("model.hidden=[64"), Error);
  EXPECT_THROW(cli::parse_axis("training.lr=1,,2"), Error);
}

TEST_F(Commands, CancelSaysWhatBecameOfEachRun) {
  serve(two_runs());
  const Result result = hooke({"runs", "cancel", "k3f9", "k3f1"});
  EXPECT_EQ(result.code, 0);
  EXPECT_THAT(result.err, HasSubstr("k3f9aaaa cancelled\nk3f1bbbb cancelled\n"));
}

class Waiting : public CliTest {
 protected:
  Waiting() { serve(two_runs()); }

  // Runs the command while `meanwhile` happens to the server, from when it watches.
  Result during(const std::vector<std::string>& arguments, const std::function<void()>& meanwhile) {
    out_ = std::make_unique<SharedText>();
    err_ = std::make_unique<SharedText>();
    std::thread other([&] {
      until([&] { return server_->script().watchers > 0; });
      meanwhile();
    });
    Result result = run(arguments);
    other.join();
    return result;
  }

  // Gives up after a while: the expectations then say what is missing.
  static void until(const std::function<bool()>& condition) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition() && std::chrono::steady_clock::now() < limit)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }

  void end_all(v1::RunState last) {
    server_->change([&](Script& script) {
      script.runs[0].set_state(v1::RUN_STATE_SUCCEEDED);
      script.runs[1].set_state(last);
      if (last == v1::RUN_STATE_FAILED)
        script.runs[1].mutable_reason()->set_message("trainer killed by signal 9 (Killed)");
    });
  }
};

TEST_F(Waiting, WaitEndsWith0WhenEveryRunSucceeded) {
  const Result result = during({"wait", "shirts"}, [&] { end_all(v1::RUN_STATE_SUCCEEDED); });
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out + result.err, "") << "no terminal, no progress";
}

TEST_F(Waiting, WaitEndsWith3AndTheReasonWhenOneFailedOrWasCancelled) {
  Result result = during({"wait", "k3f9", "k3f1"}, [&] { end_all(v1::RUN_STATE_FAILED); });
  EXPECT_EQ(result.code, 3);
  EXPECT_THAT(result.err, HasSubstr("k3f1bbbb failed: trainer killed by signal 9 (Killed)"));
  end_all(v1::RUN_STATE_CANCELLED);
  EXPECT_EQ(hooke({"wait", "shirts"}).code, 3) << "runs that have ended already count";
}

TEST_F(Waiting, WaitOutlivesARestartOfTheServerAndSaysSo) {
  const Result result = during({"wait", "shirts"}, [&] {
    server_->stop();
    until([&] { return err_->contains("the server is away"); });
    server_->start();
    until([&] { return err_->contains("the server is back"); });
    end_all(v1::RUN_STATE_SUCCEEDED);
  });
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("the server is away"));
  EXPECT_THAT(result.err, HasSubstr("the server is back"));
}

TEST_F(Waiting, WaitGivesUpWhenTheServerRefusesTheToken) {
  const Result result = during({"wait", "shirts"}, [&] {
    server_->stop();
    server_->change([](Script& script) { script.token = "new"; });
    server_->start();
  });
  EXPECT_EQ(result.code, 4) << result.err;
}

TEST_F(Waiting, WatchPrintsALineForEachChangeWhereThereIsNoTerminal) {
  const Result result = during({"watch", "shirts"}, [&] {
    until([&] { return out_->contains("k3f1bbbb queued"); });
    end_all(v1::RUN_STATE_FAILED);
  });
  EXPECT_EQ(result.code, 3);
  EXPECT_THAT(result.out, HasSubstr("k3f9aaaa running step 8/321 loss 0.5\nk3f1bbbb queued\n"));
  EXPECT_THAT(result.out, HasSubstr("k3f1bbbb failed\n"));
  EXPECT_THAT(result.out, Not(HasSubstr("\x1b")));
}

TEST_F(Waiting, WatchOnATerminalTakesItsScreenAndLeavesHowItEnded) {
  terminal_ = {.out = true, .err = true, .colour = false, .columns = 100, .rows = 40};
  const Result result = during({"watch", "shirts"}, [&] {
    until([&] { return out_->contains("loss 0.5"); });
    end_all(v1::RUN_STATE_SUCCEEDED);
  });
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("9/322"));
  EXPECT_THAT(result.out, HasSubstr("loss 0.5"));
  EXPECT_THAT(result.out, HasSubstr("[1.00]"));
  const auto left = result.out.find("\x1b[?1049l");
  EXPECT_LT(result.out.find("\x1b[?1049h"), left);
  ASSERT_NE(left, std::string::npos);
  EXPECT_THAT(result.out.substr(left), HasSubstr("shirts: 2 succeeded\n"));
}

TEST_F(Waiting, WatchOnADumbTerminalPrintsLines) {
  terminal_ = {.out = true, .dumb = true};
  const Result result = during({"watch", "shirts"}, [&] { end_all(v1::RUN_STATE_SUCCEEDED); });
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.out, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace hooke::test
