// Random crop and flip: what must hold for every draw.
#include "worker/data/augment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <numeric>

#include "tests/unit/worker/data_files.h"

namespace hooke::data {
namespace {

using ::testing::ElementsAre;

const std::vector<std::int64_t> kShape = {2, 6, 5};
constexpr std::size_t kPixels = 2 * 6 * 5;

std::vector<float> counting_image() {
  std::vector<float> image(kPixels);
  std::iota(image.begin(), image.end(), 1.0f);
  return image;
}

std::vector<float> placed(const std::vector<float>& image, const Placement& placement) {
  const std::vector<float> black = {-1, -2};
  std::vector<float> out(image.size());
  place(image, kShape, black, placement, out);
  return out;
}

float pixel(const std::vector<float>& image, int channel, int row, int column) {
  return image[static_cast<std::size_t>((channel * 6 + row) * 5 + column)];
}

TEST(Place, InTheMiddleChangesNothing) {
  EXPECT_EQ(placed(counting_image(), {}), counting_image());
}

TEST(Place, AFlipOfAFlipIsTheImage) {
  const Placement flip = {kPadding, kPadding, true};
  EXPECT_NE(placed(counting_image(), flip), counting_image());
  EXPECT_EQ(placed(placed(counting_image(), flip), flip), counting_image());
}

TEST(Place, EveryCropIsTheShiftedImageWithBlackAround) {
  const std::vector<float> image = counting_image();
  for (int top = 0; top <= 2 * kPadding; ++top) {
    for (int left = 0; left <= 2 * kPadding; ++left) {
      for (const bool flip : {false, true}) {
        const std::vector<float> out = placed(image, {top, left, flip});
        for (int c = 0; c < 2; ++c) {
          for (int row = 0; row < 6; ++row) {
            for (int column = 0; column < 5; ++column) {
              const int from_row = row + top - kPadding;
              const int from_column = (flip ? 4 - column : column) + left - kPadding;
              const bool inside = from_row >= 0 && from_row < 6 && from_column >= 0 && from_column < 5;
              ASSERT_EQ(pixel(out, c, row, column),
                        inside ? pixel(image, c, from_row, from_column) : static_cast<float>(-1 - c));
            }
          }
        }
      }
    }
  }
}

TEST(DrawPlacement, ReachesEveryPlaceAboutEquallyOften) {
  std::map<int, int> tops, lefts;
  int flips = 0, both = 0;
  constexpr int kDraws = 90000;
  for (int i = 0; i < kDraws; ++i) {
    const Placement placement = draw_placement(7, i);
    ++tops[placement.top];
    ++lefts[placement.left];
    flips += placement.flip;
    both += placement.flip && placement.left == 0;
  }
  EXPECT_EQ(tops.size(), 9u);
  EXPECT_EQ(lefts.size(), 9u);
  for (const auto& [place, count] : tops) EXPECT_NEAR(count, kDraws / 9, 600) << place;
  for (const auto& [place, count] : lefts) EXPECT_NEAR(count, kDraws / 9, 600) << place;
  EXPECT_NEAR(flips, kDraws / 2, 900);
  EXPECT_NEAR(both, kDraws / 18, 420);
}

class Augmented : public hooke::tests::DataFiles {
 protected:
  Augmented() { hooke::tests::write_idx_set(root_.path() / "set", 12, 9, 3, 8); }

  static Config config() {
    Config config = set("idx");
    config.path = "set";
    config.mean = {0.5};
    config.deviation = {0.25};
    return config;
  }
};

TEST_F(Augmented, OneSeedGivesTheSameBitsInAnyOrderOfBatches) {
  const DataSet data = read(config());
  const std::vector<std::int64_t> positions = {3, 0, 11};
  const std::vector<float> once = augment(data, positions, 5);
  EXPECT_EQ(augment(data, positions, 5), once);
  EXPECT_NE(augment(data, positions, 6), once);
  const std::vector<std::int64_t> last = {11};
  EXPECT_EQ(augment(data, last, 5), std::vector<float>(once.end() - 64, once.end()));
}

TEST_F(Augmented, PadsWithTheValueOfABlackPixel) {
  DataSet data = read(config());
  std::fill(data.train.inputs.begin(), data.train.inputs.end(), 9.0f);
  const std::vector<std::int64_t> all = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  std::map<float, int> values;
  for (const float value : augment(data, all, 1)) ++values[value];
  EXPECT_EQ(values.size(), 2u);
  EXPECT_EQ(values.begin()->first, -2);  // (0 - 0.5) / 0.25
}

TEST_F(Augmented, OnceChangesTheTrainingImagesWhenTheyAreLoadedAndNothingElse) {
  const DataSet plain = read(config());
  Config once = config();
  once.augment = Augment::kOnce;
  const DataSet data = read(once);
  EXPECT_NE(data.train.inputs, plain.train.inputs);
  EXPECT_EQ(read(once).train.inputs, data.train.inputs);
  EXPECT_NE(load(once, {root_.path()}, 1).train.inputs, data.train.inputs);
  EXPECT_EQ(data.test.inputs, plain.test.inputs);
  EXPECT_EQ(data.train.labels, plain.train.labels);
  once.augment = Augment::kEveryEpoch;
  EXPECT_EQ(read(once).train.inputs, plain.train.inputs);
}

}  // namespace
}  // namespace hooke::data
