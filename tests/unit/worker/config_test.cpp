// The configuration's parser: defaults, and an error with the field's path for everything else.
#include "worker/training/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/hooke/error.h"
#include "worker/training/random.h"
#include "worker/training/schedule.h"

namespace hooke::training {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Config parse_with(const std::string& more) {
  return parse_config(R"({"data": {"set": "idx"}, "model": {"type": "cnn"})" + more + "}");
}

TEST(TrainerConfig, TakesTheContractsDefaults) {
  const Config config = parse_with("");
  EXPECT_EQ(config.training.optimizer, Optimizer::kAdam);
  EXPECT_EQ(config.training.lr, 1e-3);
  EXPECT_EQ(config.training.batch, 64);
  EXPECT_EQ(config.training.epochs, 1);
  EXPECT_EQ(config.probes.per_class, 20);
  EXPECT_EQ(config.probes.every, 10);
  EXPECT_TRUE(config.probes.self_pairs);
  EXPECT_EQ(config.probes.updates.size(), 1u);
  EXPECT_THAT(config.model.channels, ElementsAre(16, 32));
  EXPECT_THAT(config.measures, ElementsAre(engine::Measure::kKl, engine::Measure::kL2,
                                           engine::Measure::kL2Logit, engine::Measure::kLoss));
}

TEST(TrainerConfig, ReadsEveryFieldOfAnUpdateAndSeedsWrittenAsText) {
  const Config config =
      parse_with(R"(, "training": {"seed": "9007199254740993", "lr": 0}, "probes": {"updates":
      [{"optimizer": "sgd", "lr": 0.1, "weight_decay": 0.5}, {"name": "own", "optimizer": "training"}]})");
  EXPECT_EQ(config.training.seed, 9007199254740993);
  EXPECT_EQ(config.training.lr, 0);
  EXPECT_EQ(config.probes.updates[0].lr, 0.1);
  EXPECT_EQ(config.probes.updates[0].weight_decay, 0.5);
  EXPECT_EQ(config.probes.updates[1].optimizer, Optimizer::kTraining);
  EXPECT_EQ(config.probes.updates[1].name, "own");
  EXPECT_FALSE(config.probes.updates[1].lr.has_value());
}

TEST(TrainerConfig, GivesARegressionItsOwnDefaults) {
  const Config config = parse_config(R"({"data": {"set": "teacher_student"}, "model": {"type": "mlp"}})");
  EXPECT_EQ(config.training.loss, engine::Loss::kSquared);
  EXPECT_THAT(config.measures, ElementsAre(engine::Measure::kL2, engine::Measure::kLoss));
}

struct Refusal {
  const char* more;
  const char* field;
  Code code;
  const char* text;
};

TEST(TrainerConfig, RefusesWhatIsWrongWithTheFieldsPath) {
  const Refusal refusals[] = {
      {R"(, "training": {"lr": -1})", "training.lr", Code::kInvalidArgument, "-1 is below 0"},
      {R"(, "training": {"lr": "fast"})", "training.lr", Code::kInvalidArgument, "not a number"},
      {R"(, "training": {"batch": 1.5})", "training.batch", Code::kInvalidArgument, "not an integer"},
      {R"(, "training": {"momentum": 0.9})", "training.momentum", Code::kInvalidArgument, "sgd only"},
      {R"(, "training": {"epoch": 3})", "training.epoch", Code::kInvalidArgument, "no such field"},
      {R"(, "training": {"optimizer": "lion"})", "training.optimizer", Code::kInvalidArgument,
       "sgd, adam, adamw"},
      {R"(, "training": {"loss": "hinge"})", "training.loss", Code::kInvalidArgument,
       "cross_entropy, squared, binary"},
      {R"(, "training": {"checkpoint_every": -5})", "training.checkpoint_every", Code::kInvalidArgument,
       "-5 is below 0"},
      {R"(, "training": {"data_parallel": 1})", "training.data_parallel", Code::kInvalidArgument, "true"},
      {R"(, "probes": {"per_class": 0})", "probes.per_class", Code::kInvalidArgument, "0 is below 1"},
      {R"(, "probes": {"keep_pairs": 1})", "probes.keep_pairs", Code::kInvalidArgument, "true"},
      {R"(, "probes": {"updates": [{}, {}]})", "probes.updates[1].name", Code::kInvalidArgument, "required"},
      {R"(, "probes": {"updates": [{"optimizer": "adamw"}]})", "probes.updates[0].optimizer",
       Code::kInvalidArgument, "sgd, adam, training"},
      {R"(, "measures": ["kl", "nothing"])", "measures", Code::kUnimplemented, "kl_reverse"},
      {R"(, "measures": ["kl", "kl"])", "measures", Code::kInvalidArgument, "twice"},
      {R"(, "probes": {"thin": true})", "probes.thin", Code::kInvalidArgument, "a later version may have it"},
      {R"(, "colour": 1)", "colour", Code::kInvalidArgument, "no such field"},
      {R"(, "training": 3)", "training", Code::kInvalidArgument, "object"},
  };
  for (const Refusal& refusal : refusals) {
    try {
      parse_with(refusal.more);
      ADD_FAILURE() << "accepted: " << refusal.more;
    } catch (const Error& error) {
      EXPECT_EQ(error.field(), refusal.field) << refusal.more;
      EXPECT_EQ(error.code(), refusal.code) << refusal.more;
      EXPECT_THAT(error.what(), HasSubstr(refusal.text)) << refusal.more;
    }
  }
}

TEST(TrainerConfig, SplitsNoMinibatchOfANetWhoseOutputsDependOnTheWholeOfIt) {
  const auto refusal = [](const std::string& model) -> std::string {
    try {
      parse_config(R"({"data": {"set": "idx"}, "training": {"data_parallel": true}, "model": )" + model +
                   "}");
    } catch (const Error& error) {
      return error.field() + ": " + error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(refusal(R"({"type": "resnet18"})"), "accepted");
  EXPECT_THAT(refusal(R"({"type": "vgg", "norm": "batch"})"),
              HasSubstr("training.data_parallel: true is not allowed with model.norm 'batch'"));
  EXPECT_THAT(refusal(R"({"type": "torchscript", "path": "a.pt"})"),
              HasSubstr("training.data_parallel: true is not allowed with model.type 'torchscript'"));
}

TEST(TrainerConfig, ALaterVersionsFieldsAreNotMissedWhereTheyAskForNothing) {
  EXPECT_NO_THROW(
      parse_with(R"(, "training": {"sharpness": 0, "rounds": "0", "mixup": false, "teacher": "", "extra": []},
                                "ensemble": {})"));
}

TEST(TrainerConfig, RefusesWhatIsNotJsonOrLacksDataOrModel) {
  EXPECT_THROW(parse_config("name: x"), Error);
  EXPECT_THROW(parse_config("[]"), Error);
  EXPECT_THROW(parse_config(R"({"model": {"type": "cnn"}})"), Error);
  EXPECT_THROW(parse_config(R"({"data": {"set": "idx"}})"), Error);
}

TEST(LearningRate, FollowsScheduleAndWarmUp) {
  TrainingConfig config;
  config.lr = 1;
  EXPECT_EQ(learning_rate(config, 7, 10, 100), 1);
  config.warmup = 4;
  EXPECT_EQ(learning_rate(config, 0, 10, 100), 0.25);
  EXPECT_EQ(learning_rate(config, 3, 10, 100), 1);
  config.schedule = Schedule::kStep;
  config.milestones = {2, 5};
  EXPECT_EQ(learning_rate(config, 19, 10, 100), 1);
  EXPECT_EQ(learning_rate(config, 20, 10, 100), 0.1);
  EXPECT_NEAR(learning_rate(config, 50, 10, 100), 0.01, 1e-15);
  config.schedule = Schedule::kCosine;
  EXPECT_NEAR(learning_rate(config, 50, 10, 100), 0.5, 1e-15);
}

TEST(Permutation, HasEveryIndexOnceAndDependsOnTheSeedAlone) {
  std::vector<std::int64_t> order = permutation(100, 5);
  EXPECT_EQ(order, permutation(100, 5));
  EXPECT_NE(order, permutation(100, 6));
  std::sort(order.begin(), order.end());
  for (std::int64_t i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
  EXPECT_TRUE(permutation(0, 1).empty());
}

TEST(Streams, OfOneSeedDiffer) {
  EXPECT_NE(stream_seed(0, Stream::kOrder, 0), stream_seed(0, Stream::kOrder, 1));
  EXPECT_NE(stream_seed(0, Stream::kOrder, 0), stream_seed(0, Stream::kProbes, 0));
  EXPECT_NE(stream_seed(0, Stream::kOrder, 0), stream_seed(1, Stream::kOrder, 0));
}

}  // namespace
}  // namespace hooke::training
