#include "server/analysis/series_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/hooke/error.h"

namespace hooke::analysis {
namespace {

using enum Figure;

TEST(SeriesKey, EveryFormIsReadAndWrittenBack) {
  const std::vector<std::pair<std::string, SeriesKey>> table = {
      {"train/loss", {"train/loss", kStored, Plane::kMean, "", ""}},
      {"system/gpu.utilization", {"system/gpu.utilization", kStored, Plane::kMean, "", ""}},
      {"elasticity/size.kl", {"elasticity/size.kl", kStored, Plane::kMean, "", ""}},
      {"elasticity/kl@small", {"elasticity/kl@small", kStored, Plane::kMean, "", ""}},
      {"elasticity/kl[ship,plane]", {"elasticity/kl", kEntry, Plane::kMean, "ship", "plane"}},
      {"elasticity/kl@small[T-shirt/top,ankle boot]",
       {"elasticity/kl@small", kEntry, Plane::kMean, "T-shirt/top", "ankle boot"}},
      {"elasticity/kl.ratio[ship,plane]", {"elasticity/kl", kEntry, Plane::kRatioOfMeans, "ship", "plane"}},
      {"elasticity/kl.dominance", {"elasticity/kl", kDominance, Plane::kMean, "", ""}},
      {"elasticity/kl@small.dominance_ratio", {"elasticity/kl@small", kDominanceRatio, Plane::kMean, "", ""}},
      {"elasticity/kl.asymmetry", {"elasticity/kl", kAsymmetry, Plane::kMean, "", ""}},
      {"elasticity/kl.selectivity[plane]", {"elasticity/kl", kSelectivity, Plane::kMean, "", "plane"}},
      {"elasticity/loss.ratio.dominance", {"elasticity/loss", kDominance, Plane::kRatioOfMeans, "", ""}},
      {"elasticity/loss.ratio.selectivity[a.b]",
       {"elasticity/loss", kSelectivity, Plane::kRatioOfMeans, "", "a.b"}},
  };
  for (const auto& [text, key] : table) {
    SCOPED_TRACE(text);
    EXPECT_EQ(parse_series_key(text), key);
    EXPECT_EQ(to_string(key), text);
  }
}

TEST(SeriesKey, WhatIsNotAKeyIsRefusedWithItsReason) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"", "empty"},
      {"[a,b]", "name of the series is empty"},
      {".dominance", "name of the series is empty"},
      {"kl[a]", "two classes"},
      {"kl[a,b,c]", "two classes"},
      {"kl[,b]", "class name is empty"},
      {"kl[a,]", "class name is empty"},
      {"kl[a,b", "ends the key"},
      {"kl[a,b]x", "ends the key"},
      {"kl]", "']' without '['"},
      {"kl[[a,b]", "class name has none"},
      {"kl[a@x,b]", "class name has none"},
      {"kl.dominance[a]", "whole matrix"},
      {"kl.asymmetry[a,b]", "whole matrix"},
      {"kl.selectivity", "needs its updated class"},
      {"kl.selectivity[a,b]", "one updated class"},
      {"kl.selectivity[]", "one updated class"},
      {"k l", "no space"},
  };
  for (const auto& [text, why] : table) {
    SCOPED_TRACE(text);
    try {
      parse_series_key(text);
      ADD_FAILURE() << "was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kInvalidArgument);
      EXPECT_EQ(error.field(), "keys");
      EXPECT_THAT(error.what(), testing::HasSubstr(why));
    }
  }
}

}  // namespace
}  // namespace hooke::analysis
