#include "worker/system/gpus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hooke::system {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

const std::string kAbsent = "libhooke-is-not-there.so.1";

Values read(const std::string& devices, const std::string& cuda = FAKE_GPUS,
            const std::string& nvml = FAKE_GPUS) {
  const Gpus gpus(devices, {cuda, nvml});
  Values values;
  gpus.read(values);
  return values;
}

TEST(Gpus, AreTheBoardsThatTheDriverNumbersSo) {
  EXPECT_THAT(read("cuda:1"),
              ElementsAre(Pair("system/gpu.utilization", 11), Pair("system/gpu.memory", 0x1p30),
                          Pair("system/gpu.power", 71.5), Pair("system/gpu.temperature", 31)));
  EXPECT_EQ(read("cuda"), read("cuda:0"));
}

TEST(Gpus, WhatABoardCannotSayIsLeftOut) {
  EXPECT_THAT(read("cuda:0"),
              ElementsAre(Pair("system/gpu.utilization", 22), Pair("system/gpu.memory", 3 * 0x1p40),
                          Pair("system/gpu.temperature", 42)));
}

TEST(Gpus, OfSeveralEachHasSeriesByItsPlaceAmongTheDevices) {
  EXPECT_THAT(read("cuda:1,cuda:0"),
              ElementsAre(Pair("system/gpu.utilization", 11), Pair("system/gpu.memory", 0x1p30),
                          Pair("system/gpu.power", 71.5), Pair("system/gpu.temperature", 31),
                          Pair("system/gpu.utilization@1", 22), Pair("system/gpu.memory@1", 3 * 0x1p40),
                          Pair("system/gpu.temperature@1", 42)));
}

TEST(Gpus, ThoseThatAreVisibleAreKnownByTheirPlaceOnTheBusInCudasOrder) {
  EXPECT_THAT(visible_gpus(FAKE_GPUS), ElementsAre("0000:65:00.0", "0000:17:00.0"));
  EXPECT_THAT(visible_gpus(kAbsent), IsEmpty());
  EXPECT_THAT(visible_gpus("libc.so.6"), IsEmpty()) << "a library without the functions";
}

TEST(Gpus, WithoutThemOrTheirLibrariesThereIsNothingToRead) {
  for (const char* devices : {"cpu", "cpu,cpu", "", "cuda:x", "cuda:-1", "cuda:7"})
    EXPECT_THAT(read(devices), IsEmpty()) << devices;
  EXPECT_THAT(read("cuda:0", kAbsent, FAKE_GPUS), IsEmpty());
  EXPECT_THAT(read("cuda:0", FAKE_GPUS, kAbsent), IsEmpty());
  EXPECT_THAT(read("cuda:0", FAKE_GPUS, "libc.so.6"), IsEmpty()) << "a library without the functions";
}

}  // namespace
}  // namespace hooke::system
