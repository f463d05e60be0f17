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
using testing::Not;

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
  EXPECT_THAT(refusal("a: \"\\\x01\""), AllOf(HasSubstr("(x.yaml, line 1)"), Not(HasSubstr("\x01"))));
  EXPECT_THAT(refusal("data: {set: idx, path: \"a\x9c\"}\nmodel: {type: cnn}\n"),
              HasSubstr("data.path: has bytes that are not UTF-8 (x.yaml, line 1)"));
  EXPECT_LT(refusal(small + "name: " + std::string(5000, 'x') + "\n").size(), 400u);
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

// Every place of a message where an enumeration stands, filled with `number`, one at a time.
void expect_every_enum_refused(v1::RunConfig& whole, google::protobuf::Message& message,
                               const std::string& path, int number, int& places) {
  using google::protobuf::FieldDescriptor;
  const auto& reflection = *message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor& field = *message.GetDescriptor()->field(i);
    const std::string name = path + field.name() + (field.is_repeated() ? ".0" : "");
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      auto* const inner = field.is_repeated() ? reflection.AddMessage(&message, &field)
                                              : reflection.MutableMessage(&message, &field);
      expect_every_enum_refused(whole, *inner, name + ".", number, places);
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
      if (field.is_repeated())
        reflection.AddEnumValue(&message, &field, number);
      else
        reflection.SetEnumValue(&message, &field, number);
      ++places;
      try {
        complete(whole);
        ADD_FAILURE() << name << ": accepted";
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), Code::kInvalidArgument) << name;
        EXPECT_THAT(describe(error),
                    HasSubstr(name + ": " + std::to_string(number) + " is not allowed; one of "));
      }
    } else {
      continue;
    }
    reflection.ClearField(&message, &field);
  }
}

TEST(Config, RefusesNumbersThatNoValueOfAnEnumerationHas) {
  for (const int number : {17'000, -1}) {
    v1::RunConfig config;
    int places = 0;
    expect_every_enum_refused(config, config, "", number, places);
    EXPECT_GT(places, 10);
  }
}

v1::DataConfig completed_data(const std::string& data) {
  return complete(parse_config("data: {" + data + "}\nmodel: {type: mlp}\n", "x.yaml")).data();
}

TEST(Config, FillsTheDefaultsOfEachDataSet) {
  using testing::ElementsAre;
  const v1::DataConfig cifar = completed_data("set: cifar10, classes: [0, 1, 8]");
  EXPECT_EQ(cifar.path(), "cifar-10-batches-bin");
  EXPECT_THAT(cifar.mean(), ElementsAre(0.4914, 0.4822, 0.4465));
  EXPECT_THAT(cifar.deviation(), ElementsAre(0.2023, 0.1994, 0.2010));
  EXPECT_FALSE(cifar.has_points());
  EXPECT_EQ(completed_data("set: cifar10, augment: once").augment(), v1::AUGMENT_ONCE);
  const v1::DataConfig hundred = completed_data("set: cifar100");
  EXPECT_EQ(hundred.path(), "cifar-100-binary");
  EXPECT_EQ(hundred.classes_size(), 100);
  EXPECT_EQ(completed_data("set: svhn").path(), "svhn");
  const v1::DataConfig gaussians = completed_data("set: gaussians");
  EXPECT_FALSE(gaussians.has_path());
  EXPECT_EQ(gaussians.dimension(), 100);
  EXPECT_EQ(gaussians.points(), 1000);
  EXPECT_THAT(gaussians.gaussian_means(), ElementsAre(9, 1));
  EXPECT_THAT(gaussians.gaussian_deviations(), ElementsAre(1, 2));
  EXPECT_THAT(gaussians.classes(), ElementsAre(0, 1));
  EXPECT_THAT(completed_data("set: manifold, manifold: donut").classes(), ElementsAre(0, 1));
  EXPECT_TRUE(completed_data("set: array, path: mine").classes().empty());
}

TEST(Config, RefusesDataFieldsThatAreWrongOrOfAnotherSet) {
  const auto refused = [](const std::string& data) {
    return refusal("data: {" + data + "}\nmodel: {type: mlp}\n");
  };
  EXPECT_THAT(
      refused("set: cifar10, points: 5"),
      HasSubstr("data.points: belongs to gaussians, teacher_student, manifold, not to set 'cifar10'"));
  EXPECT_THAT(refused("set: gaussians, manifold: donut"), HasSubstr("data.manifold: belongs to manifold"));
  EXPECT_THAT(refused("set: manifold"), HasSubstr("data.manifold: is required"));
  EXPECT_THAT(refused("set: manifold, manifold: klein_bottle"), HasSubstr("two_cosines"));
  EXPECT_THAT(refused("set: manifold, manifold: donut, classes: [2]"), HasSubstr("it has 0 to 1"));
  EXPECT_THAT(refused("set: manifold, manifold: donut, path: x"), HasSubstr("data.path: set 'manifold' is"));
  EXPECT_THAT(refused("set: gaussians, augment: once"), HasSubstr("data.augment: only images"));
  EXPECT_THAT(refused("set: gaussians, points: 0"), HasSubstr("data.points: 0 is not allowed; from 1"));
  EXPECT_THAT(refused("set: gaussians, gaussian_means: [1, 2, 3]"),
              HasSubstr("data.gaussian_deviations: 0 values for 3 classes"));
  EXPECT_THAT(refused("set: gaussians, gaussian_deviations: [1, -1]"), HasSubstr("-1.0 is not allowed"));
  EXPECT_THAT(refused("set: cifar100, classes: [100]"), HasSubstr("it has 0 to 99"));
  EXPECT_THAT(refused("set: array"), HasSubstr("data.path: is required for set 'array'"));
}

v1::ModelConfig completed_model(const std::string& model) {
  return complete(parse_config("data: {set: fashion_mnist}\nmodel: {" + model + "}\n", "x.yaml")).model();
}

TEST(Config, FillsTheDefaultsOfEachModelAndNoOthers) {
  const v1::ModelConfig resnet = completed_model("type: resnet18");
  EXPECT_EQ(resnet.stem(), v1::STEM_IMAGENET);
  EXPECT_EQ(resnet.norm(), v1::NORM_NONE);
  EXPECT_TRUE(resnet.channels().empty());
  const v1::ModelConfig vgg = completed_model("type: vgg, norm: batch");
  EXPECT_THAT(vgg.channels(), testing::ElementsAre(16, 32));
  EXPECT_EQ(vgg.norm(), v1::NORM_BATCH);
  EXPECT_FALSE(vgg.has_stem());
  EXPECT_EQ(completed_model("type: ridge").features(), 10);
  EXPECT_EQ(completed_model("type: mlp").activation(), v1::ACTIVATION_RELU);
  EXPECT_FALSE(vgg.has_activation());
  const v1::ModelConfig homogeneous = completed_model("type: homogeneous");
  EXPECT_EQ(homogeneous.degree(), 2);
  EXPECT_FALSE(homogeneous.has_features()) << "the inputs themselves";
}

TEST(Config, RefusesModelsWithWrongOrMissingFields) {
  const std::string data = "data: {set: fashion_mnist}\n";
  EXPECT_THAT(refusal(data + "model: {type: ridge, features: 0}\n"),
              HasSubstr("model.features: 0 is not allowed; from 1"));
  EXPECT_THAT(refusal(data + "model: {type: homogeneous, degree: 0}\n"), HasSubstr("model.degree: 0"));
  EXPECT_THAT(refusal(data + "model: {type: cnn, activation: identity}\n"),
              HasSubstr("model.activation: 'identity' is for type mlp only"));
  EXPECT_THAT(refusal(data + "model: {type: torchscript}\n"), HasSubstr("model.path: is required"));
  EXPECT_THAT(refusal(data + "model: {type: resnet18, stem: mnist}\n"),
              HasSubstr("model.stem: 'mnist' is not allowed; one of imagenet, cifar"));
}

std::string with_teacher(const std::string& more) {
  return "data: {set: teacher_student}\nmodel: {type: mlp}\n" + more;
}

TEST(Config, GivesARegressionItsOwnDefaults) {
  const v1::RunConfig config = complete(parse_config(with_teacher(""), "x.yaml"));
  EXPECT_EQ(config.training().loss(), v1::LOSS_SQUARED);
  EXPECT_THAT(config.measures(), testing::ElementsAre(v1::MEASURE_L2, v1::MEASURE_LOSS));
  EXPECT_EQ(config.data().teacher_units(), 8);
  EXPECT_TRUE(config.data().classes().empty());
}

TEST(Config, RefusesWhatNeedsClassesForARegression) {
  EXPECT_THAT(refusal(with_teacher("training: {loss: cross_entropy}\n")),
              HasSubstr("training.loss: 'cross_entropy' needs classes"));
  for (const std::string measure : {"kl", "kl_reverse", "l1", "kl_published", "l2_published"})
    EXPECT_THAT(refusal(with_teacher("measures: [l2, " + measure + "]\n")),
                HasSubstr("measures.1: '" + measure + "' needs classes"));
  EXPECT_EQ(refusal(with_teacher("measures: [l2, l2_logit, loss]\n")), "accepted");
}

TEST(Config, TakesTheBinaryLossForTwoClassesOnly) {
  const std::string two = "data: {set: fashion_mnist, classes: [3, 8]}\nmodel: {type: cnn}\n",
                    binary = "training: {loss: binary}\n";
  EXPECT_EQ(refusal(two + binary), "accepted");
  EXPECT_EQ(refusal("data: {set: idx, path: x}\nmodel: {type: cnn}\n" + binary), "accepted")
      << "the files say how many classes there are";
  EXPECT_THAT(refusal(kSmall + binary),
              HasSubstr("training.loss: 'binary' needs two classes, and data.classes has 3"));
  EXPECT_THAT(refusal("data: {set: mnist}\nmodel: {type: cnn}\n" + binary), HasSubstr("has 10"));
  EXPECT_THAT(refusal(with_teacher(binary)), HasSubstr("'binary' needs classes"));
  EXPECT_THAT(refusal(two + binary + "measures: [collapse]\n"), HasSubstr("measures.0: 'collapse' needs"));
}

TEST(Config, TakesTheKernelOfOneOutputAndPlainSgdOnly) {
  const std::string
      two = "data: {set: fashion_mnist, classes: [3, 8]}\nmodel: {type: cnn}\nmeasures: [kernel]\n",
      sgd = "probes: {updates: [{optimizer: sgd}]}\n";
  EXPECT_EQ(refusal(two + "training: {loss: binary}\n" + sgd), "accepted");
  EXPECT_EQ(refusal(with_teacher("measures: [kernel]\n" + sgd)), "accepted");
  EXPECT_THAT(refusal(two + sgd), HasSubstr("measures.0: 'kernel' is for nets with one output"));
  EXPECT_THAT(refusal(two + "training: {loss: binary}\n"),
              HasSubstr("needs probes.updates of optimizer 'sgd'"));
  EXPECT_THAT(
      refusal(two + "training: {loss: binary}\nprobes: {updates: [{optimizer: sgd, weight_decay: 1}]}\n"),
      HasSubstr("without weight_decay"));
}

TEST(Config, KeepsThePairsOfAsManyProbesAsFit) {
  const std::string keep = "probes: {keep_pairs: true, per_class: ";
  EXPECT_EQ(refusal(kSmall + keep + "1000}\n"), "accepted");
  EXPECT_EQ(refusal(with_teacher(keep + "1000}\n")), "accepted");
  const std::string five = "data: {set: mnist, classes: [0, 1, 2, 3, 4]}\nmodel: {type: cnn}\n";
  EXPECT_EQ(refusal(five + keep + "819}\n"), "accepted");
  EXPECT_THAT(
      refusal(five + keep + "820}\n"),
      HasSubstr("probes.keep_pairs: the pairs of 4100 probes (classes times probes.per_class) are too "
                "many: with 5 classes, per_class may be up to 819"));
}

TEST(Config, TakesStepsOfUpdateSizes) {
  const std::string small = kSmall;
  EXPECT_EQ(refusal(small + "probes: {size_steps: [0, 500]}\n"), "accepted");
  EXPECT_EQ(refusal(with_teacher("probes: {size_steps: [10], every: 0}\n")), "accepted");
  EXPECT_THAT(refusal(small + "probes: {size_steps: [0, -5]}\n"),
              HasSubstr("probes.size_steps: -5 is not allowed; from 0"));
  EXPECT_THAT(refusal(small + "probes: {size_steps: [7, 7]}\n"),
              HasSubstr("probes.size_steps: 7 stands twice"));
  EXPECT_THAT(refusal(small + "probes: {size_steps: [7]}\nmeasures: [tracin, l2_published]\n"),
              HasSubstr("probes.size_steps: needs one of loss, kl"));
  EXPECT_THAT(refusal(small + "probes: {size_steps: [7]}\ntraining: {lr: 0}\n"),
              HasSubstr("probes.size_steps: needs a training.lr above 0"));
}

TEST(Config, TakesCheckpointsAndFreshAugmentation) {
  const std::string images = "data: {set: cifar10, augment: every_epoch}\nmodel: {type: cnn}\n";
  EXPECT_EQ(refusal(images + "training: {checkpoint_every: 100}\n"), "accepted");
  EXPECT_THAT(refusal(images + "training: {checkpoint_every: -1}\n"),
              HasSubstr("training.checkpoint_every: -1 is not allowed"));
}

TEST(Config, SplitsMinibatchesOnlyWhereThatChangesNothingButRounding) {
  const std::string images = "data: {set: cifar10}\ntraining: {data_parallel: true}\nmodel: ";
  EXPECT_EQ(refusal(images + "{type: resnet18}\n"), "accepted");
  EXPECT_THAT(refusal(images + "{type: resnet18, norm: batch}\n"),
              HasSubstr("training.data_parallel: true is not allowed with model.norm 'batch'"));
  EXPECT_THAT(refusal(images + "{type: torchscript, path: net.pt}\n"),
              HasSubstr("training.data_parallel: true is not allowed with model.type 'torchscript'"));
  EXPECT_THAT(canonical_json(complete(parse_config(kSmall, ""))), HasSubstr("\"data_parallel\":false"));
}

TEST(Config, SaysWhatThisVersionCannotRunYet) {
  try {
    complete(parse_config(std::string(kSmall) + "probes: {updates: [{optimizer: adamw}]}\n", ""));
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kUnimplemented);
    EXPECT_THAT(
        describe(error),
        HasSubstr("probes.updates.0.optimizer: 'adamw' is not available in this version; available: "));
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
