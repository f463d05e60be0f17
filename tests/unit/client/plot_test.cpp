// hooke plot: what it asks for and where the drawing goes.
#include <filesystem>

#include "tests/unit/client/cli_fixture.h"

namespace hooke::test {
namespace {

using testing::HasSubstr;

class Plot : public CliTest {
 protected:
  void serve_loss(std::vector<double> values) {
    Script script = two_runs();
    script.column.set_key("train/loss");
    for (std::size_t i = 0; i < values.size(); ++i) {
      script.column.add_step(static_cast<std::int64_t>(10 * i));
      script.column.add_value(values[i]);
    }
    serve(script);
  }
  std::string read(const std::filesystem::path& path) const {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
};

TEST_F(Plot, DrawsInTheTerminalOfTheSizeThereIs) {
  serve_loss({3, 2, 1});
  terminal_.columns = 50;
  terminal_.rows = 15;
  const Result drawn = hooke({"plot", "k3f9", "train/loss"});
  EXPECT_EQ(drawn.code, 0) << drawn.err;
  EXPECT_THAT(drawn.out, HasSubstr("train/loss (mean over examples)"));
  EXPECT_EQ(std::count(drawn.out.begin(), drawn.out.end(), '\n'), 13);
  EXPECT_EQ(server_->script().series_asked.points(), 200) << "no more than the columns show";
  terminal_.unicode = false;
  const Result letters = hooke({"plot", "k3f9", "train/loss", "--title", "Ä"});
  for (const char c : letters.out) EXPECT_GT(c, 0);
}

TEST_F(Plot, AnSvgIsAWholeFileInPlaceOfTheOldOne) {
  serve_loss({3, 2, 1});
  const auto file = folder_.write("loss.svg", "old");
  const Result written = hooke({"plot", "k3f9", "train/loss", "--svg", file, "--from", "5", "--to", "25"});
  EXPECT_EQ(written.code, 0) << written.err;
  EXPECT_EQ(written.out, "");
  EXPECT_THAT(read(file), HasSubstr("</svg>\n"));
  EXPECT_EQ(server_->script().series_asked.from_step(), 5);
  EXPECT_EQ(server_->script().series_asked.points(), 1000);
  EXPECT_EQ(hooke({"plot", "k3f9", "train/loss", "--svg", "-", "--from", "5", "--to", "25"}).out, read(file));
  const auto before = read(file);
  EXPECT_EQ(hooke({"plot", "k3f9", "nothing", "--svg", file}).code, 2);
  EXPECT_EQ(read(file), before) << "a failure leaves it alone";
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1) << "no draft is left";
}

TEST_F(Plot, BadInputIsNamed) {
  serve_loss({3, -2, 1});
  const Result log = hooke({"plot", "k3f9", "train/loss", "--log"});
  EXPECT_EQ(log.code, 2);
  EXPECT_THAT(log.err,
              HasSubstr("--log: a log scale shows positive values only; train/loss is -2 at step 10"));
  EXPECT_THAT(hooke({"plot", "k3f9", "train/loss", "--width", "5"}).err,
              HasSubstr("--width: 5 is not allowed"));
  EXPECT_EQ(hooke({"plot", "k3f9", "train/loss", "--step", "3"}).code, 2);
  EXPECT_EQ(hooke({"plot", "k3f9", "train/loss", "--log", "--linear"}).code, 2);
  EXPECT_EQ(hooke({"plot"}).code, 2);
  EXPECT_EQ(hooke({"plot", "k3f9", "train/loss", "--svg", folder_.path()}).code, 2);
  EXPECT_THAT(hooke({"plot", "k3f9"}).err, HasSubstr("nothing stored to plot yet"));
}

TEST_F(Plot, AMatrixIsAHeatMap) {
  serve_loss({});
  const Result map = hooke({"plot", "k3f9", "elasticity/kl@small", "--matrix", "--step", "315"});
  EXPECT_EQ(map.code, 0) << map.err;
  EXPECT_THAT(map.out, HasSubstr("[1.00]"));
  EXPECT_EQ(server_->script().influence_asked.measure(), "kl");
  EXPECT_EQ(server_->script().influence_asked.update(), "small");
  EXPECT_EQ(server_->script().influence_asked.step(), 315);
  EXPECT_EQ(hooke({"plot", "k3f9", "train/loss", "--matrix"}).code, 2);
}

}  // namespace
}  // namespace hooke::test
