// Runs side by side: what is asked for, and the three forms of the answer.
#include <limits>

#include "tests/unit/client/cli_fixture.h"

namespace hooke::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Compare : public CliTest {
 protected:
  // Two runs of different learning rates; the second lacks an accuracy and has a NaN.
  void serve_two() {
    Script script = two_runs();
    v1::CompareRunsResponse& two = script.comparison;
    for (const v1::Run& run : script.runs) two.add_runs(run.name());
    auto* lr = two.add_parameters();
    lr->set_field("training.lr");
    lr->add_values("0.1");
    lr->add_values("");
    auto* loss = two.add_latest();
    loss->set_key("train/loss");
    loss->add_cells()->set_value(0.123456789);
    loss->add_cells()->set_value(std::numeric_limits<double>::quiet_NaN());
    auto* accuracy = two.add_latest();
    accuracy->set_key("test/accuracy");
    accuracy->add_cells()->set_value(0.5);
    accuracy->add_cells();
    serve(script);
  }
  void add_series() {
    server_->change([](Script& script) {
      auto* series = script.comparison.add_series();
      series->set_key("train/loss");
      auto* first = series->add_columns();
      auto* second = series->add_columns();
      for (const int step : {0, 2, 4}) {
        first->add_step(step);
        first->add_value(step + 0.5);
      }
      first->set_count(9);
      second->add_step(2);
      second->add_value(std::numeric_limits<double>::infinity());
      second->set_count(1);
      for (const int step : {0, 2, 4}) series->add_step(step);
    });
  }
};

TEST_F(Compare, ShowsParametersAndLatestValues) {
  serve_two();
  const Result shown = hooke({"compare", "k3f9", "k3f1"});
  EXPECT_EQ(shown.code, 0) << shown.err;
  EXPECT_EQ(shown.out,
            "parameter    k3f9aaaa  k3f1bbbb\n"
            "training.lr       0.1\n"
            "\n"
            "latest         k3f9aaaa  k3f1bbbb\n"
            "train/loss        0.123       nan\n"
            "test/accuracy       0.5\n");
  const auto asked = server_->script().compared;
  EXPECT_THAT(asked.runs(),
              ElementsAre("experiments/shirts/runs/k3f9aaaa", "experiments/shirts/runs/k3f1bbbb"));
  EXPECT_EQ(asked.points(), 200);
  EXPECT_EQ(hooke({"compare", "shirts"}).code, 0) << "the runs of an experiment";
  EXPECT_EQ(server_->script().compared.runs_size(), 2);
}

TEST_F(Compare, CsvHasWholeNumbersAndGapsWhereThereIsNothing) {
  serve_two();
  EXPECT_EQ(hooke({"compare", "k3f9", "k3f1", "-o", "csv"}).out,
            "field,k3f9aaaa,k3f1bbbb\n"
            "config.training.lr,0.1,\n"
            "latest.train/loss,0.123456789,nan\n"
            "latest.test/accuracy,0.5,\n");
  add_series();
  const Result csv = hooke({"compare", "k3f9", "k3f1", "--series", "train/loss", "-o", "csv", "--full"});
  EXPECT_EQ(csv.out,
            "step,k3f9aaaa,k3f1bbbb\n"
            "0,0.5,\n"
            "2,2.5,inf\n"
            "4,4.5,\n");
  EXPECT_THAT(csv.err, HasSubstr("--full"));
  EXPECT_EQ(server_->script().compared.points(), 0);
  EXPECT_THAT(server_->script().compared.keys(), ElementsAre("train/loss"));
  add_series();
  EXPECT_THAT(hooke({"compare", "k3f9", "k3f1", "--series", "a", "--series", "b", "-o", "csv"}).out,
              HasSubstr("series,step,k3f9aaaa,k3f1bbbb\ntrain/loss,0,0.5,\n"));
}

TEST_F(Compare, JsonIsTheAnswer) {
  serve_two();
  const Result json = hooke({"compare", "k3f9", "k3f1", "-o", "json"});
  EXPECT_THAT(json.out, HasSubstr("\"training.lr\""));
  EXPECT_THAT(json.out, HasSubstr("\"NaN\""));
}

TEST_F(Compare, AnUnknownRunIsNamed) {
  serve_two();
  const Result unknown = hooke({"compare", "k3f9", "nothing"});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("nothing"));
  EXPECT_EQ(hooke({"compare"}).code, 2);
}

}  // namespace
}  // namespace hooke::test
