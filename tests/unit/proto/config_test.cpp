#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/hooke/error.h"
#include "proto/hooke/run_config.h"
#include "proto/hooke/status.h"
#include "proto/hooke/yaml_config.h"

namespace hooke {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr const char* kSmall = "data: {set: fashion_mnist, classes: [0, 1, 8]}\nmodel: {type: cnn}\n";

// The error of reading and completing a document, as a user sees it.
std::string refusal(const std::string& yaml) {
  try {
    complete(parse_config(yaml, "x.yaml"));
  } catch (const Error& error) {
    return describe(error);
  }
  return "accepted";
}

TEST(Config, FillsEveryDefaultOfASmallDocument) {
  const v1::RunConfig config = complete(parse_config(kSmall, "x.yaml"));
  EXPECT_EQ(config.name(), "fashion_mnist-cnn");
  EXPECT_EQ(config.data().path(), "fashion-mnist");
  EXPECT_EQ(config.training().optimizer(), v1::OPTIMIZER_ADAM);
  EXPECT_DOUBLE_EQ(config.training().lr(), 1e-3);
  EXPECT_EQ(config.training().batch(), 64);
  EXPECT_EQ(config.probes().per_class(), 20);
  ASSERT_EQ(config.probes().updates_size(), 1);
  EXPECT_DOUBLE_EQ(config.probes().updates(0).lr(), 1e-3);
  EXPECT_EQ(config.measures_size(), 4);
}

TEST(Config, KeepsAZeroThatWasGiven) {
  const auto config = complete(parse_config(std::string(kSmall) + "training: {lr: 0, batch: 0}\n", "x.yaml"));
  EXPECT_EQ(config.training().lr(), 0);
  EXPECT_EQ(config.training().batch(), 0);
  EXPECT_EQ(config.probes().updates(0).lr(), 0);
}

TEST(Config, CompletingTwiceChangesNothing) {
  const auto once = complete(parse_config(kSmall, "x.yaml"));
  EXPECT_EQ(canonical_json(complete(once)), canonical_json(once));
}

TEST(Config, CanonicalJsonIsAConfigurationAgain) {
  const auto config = complete(
      parse_config(std::string(kSmall) + "probes: {updates: [{lr: 1e-4}, {name: small, lr: 1e-6}]}\n", ""));
  const std::string json = canonical_json(config);
  EXPECT_THAT(json, AllOf(HasSubstr(R"("set":"fashion_mnist")"), HasSubstr(R"("optimizer":"adam")"),
                          HasSubstr(R"("classes":[0,1,8])"), HasSubstr(R"("lr":1e-06)")));
  EXPECT_EQ(canonical_json(complete(parse_config(json, "stored"))), json);
}

TEST(Config, RefusesBadDocumentsWithFieldLineAndWhatIsAllowed) {
  const std::string small = kSmall;
  EXPECT_THAT(refusal(small + "trainin: {lr: 1}\n"),
              AllOf(HasSubstr("trainin: is not a field; allowed: name, data, model, training"),
                    HasSubstr("x.yaml, line 3")));
  EXPECT_THAT(refusal(small + "training:\n  lr: 1\n  learning_rate: 2\n"),
              AllOf(HasSubstr("training.learning_rate"), HasSubstr("line 5")));
  EXPECT_THAT(refusal(small + "training: {lr: 1, lr: 2}\n"), HasSubstr("training.lr: stands twice"));
  EXPECT_THAT(refusal(small + "training: {lr: fast}\n"),
              HasSubstr("training.lr: 'fast' is not allowed; a number"));
  EXPECT_THAT(refusal(small + "training: {batch: 1.5}\n"), HasSubstr("training.batch: '1.5' is not allowed"));
  EXPECT_THAT(refusal(small + "training: {batch: 99999999999}\n"), HasSubstr("training.batch"));
  EXPECT_THAT(refusal(small + "training: {lr: }\n"), HasSubstr("training.lr: has no value"));
  EXPECT_THAT(refusal(small + "training: {optimizer: adamm}\n"),
              HasSubstr("training.optimizer: 'adamm' is not allowed; one of sgd, adam, adamw"));
  EXPECT_THAT(refusal(small + "training: 3\n"), HasSubstr("training: must have fields"));
  EXPECT_THAT(refusal(small + "measures: kl\n"), HasSubstr("measures: must be a list"));
  EXPECT_THAT(refusal("data: [\n"), HasSubstr("not YAML"));
  EXPECT_THAT(refusal(""), HasSubstr("is empty"));
  EXPECT_THAT(refusal("data: {set: fashion_mnist}\n"), HasSubstr("model.type: is required"));
}

TEST(Config, RefusesValuesOutsideTheirRange) {
  const std::string small = kSmall;
  EXPECT_THAT(refusal(small + "training: {lr: -1}\n"), HasSubstr("training.lr: -1.0 is not allowed"));
  EXPECT_THAT(refusal(small + "training: {lr: .nan}\n"), HasSubstr("training.lr"));
  EXPECT_THAT(refusal(small + "training: {lr: .inf}\n"), HasSubstr("training.lr"));
  EXPECT_THAT(refusal(small + "training: {optimizer: sgd, momentum: 1}\n"), HasSubstr("training.momentum"));
  EXPECT_THAT(refusal(small + "training: {momentum: 0.5}\n"), HasSubstr("belongs to optimizer 'sgd'"));
  EXPECT_THAT(refusal(small + "training: {epochs: 0}\n"),
              HasSubstr("training.epochs: 0 is not allowed; from 1"));
  EXPECT_THAT(refusal(small + "training: {seed: -1}\n"), HasSubstr("training.seed"));
  EXPECT_THAT(refusal(small + "probes: {per_class: 0}\n"), HasSubstr("probes.per_class"));
  EXPECT_THAT(refusal(small + "probes: {updates: [{}, {}]}\n"),
              HasSubstr("probes.updates.1.name: is required"));
  EXPECT_THAT(refusal(small + "probes: {updates: [{name: a}, {name: a}]}\n"), HasSubstr("'a' stands twice"));
  EXPECT_THAT(refusal(small + "measures: [kl, kl]\n"), HasSubstr("'kl' stands twice"));
  EXPECT_THAT(refusal(small + "name: \"a b\"\n"), HasSubstr("name: 'a b' is not allowed"));
  EXPECT_THAT(refusal("data: {set: fashion_mnist, classes: [0, 12]}\nmodel: {type: cnn}\n"),
              HasSubstr("data.classes.1: the data set has no label 12; it has 0 to 9"));
  EXPECT_THAT(refusal("data: {set: fashion_mnist, classes: [3, 3]}\nmodel: {type: cnn}\n"),
              HasSubstr("stands twice"));
  EXPECT_THAT(refusal("data: {set: idx}\nmodel: {type: cnn}\n"), HasSubstr("data.path: is required"));
}

TEST(Config, SaysWhatThisVersionCannotRunYet) {
  try {
    complete(parse_config("data: {set: fashion_mnist}\nmodel: {type: resnet34}\n", ""));
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kUnimplemented);
    EXPECT_THAT(describe(error),
                HasSubstr("model.type: 'resnet34' is not available in this version; available: "));
  }
}

TEST(SetField, ReplacesOneFieldOrOneElementsField) {
  v1::RunConfig config = complete(parse_config(kSmall, ""));
  set_field(config, "training.lr", "0.1");
  set_field(config, "data.classes", "[2, 3]");
  set_field(config, "probes.updates.0.lr", "1e-5");
  set_field(config, "training.optimizer", "sgd");
  EXPECT_DOUBLE_EQ(config.training().lr(), 0.1);
  EXPECT_THAT(config.data().classes(), testing::ElementsAre(2, 3));
  EXPECT_DOUBLE_EQ(config.probes().updates(0).lr(), 1e-5);
  EXPECT_EQ(config.training().optimizer(), v1::OPTIMIZER_SGD);
}

TEST(SetField, ChangesNothingWhenItRefuses) {
  v1::RunConfig config = complete(parse_config(kSmall, ""));
  const std::string before = canonical_json(config);
  for (const auto& [path, value] :
       std::vector<std::pair<std::string, std::string>>{{"training.rate", "1"},
                                                        {"training.lr.x", "1"},
                                                        {"training.lr", "[1]"},
                                                        {"probes.updates.7.lr", "1"},
                                                        {"probes.updates.lr", "1"},
                                                        {"", "1"}})
    EXPECT_THROW(set_field(config, path, value), Error) << path;
  EXPECT_EQ(canonical_json(config), before);
}

TEST(Status, CarriesFieldAndReasonThereAndBack) {
  const grpc::Status status = to_status(invalid("training.lr", "-1 is not allowed"), "SOME_REASON");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "training.lr: -1 is not allowed");
  EXPECT_EQ(reason_of(status), "SOME_REASON");
  const Error back = from_status(status);
  EXPECT_EQ(back.field(), "training.lr");
  EXPECT_STREQ(back.what(), "-1 is not allowed");
  EXPECT_EQ(from_status({grpc::StatusCode::UNAVAILABLE, "gone"}).code(), Code::kUnavailable);
}

}  // namespace
}  // namespace hooke
