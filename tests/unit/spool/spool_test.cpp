#include "worker/spool/spool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "proto/hooke/error.h"

namespace hooke::spool {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class Spool : public testing::Test {
 protected:
  void SetUp() override {
    path_ = fs::temp_directory_path() / ("hooke-spool-" + std::to_string(::getpid()) + "-" +
                                         testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove(path_);
  }
  void TearDown() override { fs::remove(path_); }

  void append_three() {
    Writer writer(path_);
    writer.append(Kind::kJson, R"({"attemptStart":{}})");
    writer.append(Kind::kScalars, encode(Scalars{0, 7, {{"train/loss", 0.5}}}));
    writer.append(Kind::kJson, R"({"barrier":{"step":0}})");
  }

  std::vector<Record> all() {
    Reader reader(path_);
    std::vector<Record> records;
    while (auto record = reader.next()) records.push_back(*record);
    return records;
  }

  void flip_byte(std::uint64_t offset) {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(offset));
    const char byte = static_cast<char>(file.get() ^ 0x40);
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(byte);
  }

  fs::path path_;
};

TEST_F(Spool, ReadsBackWhatWasAppendedWithNumbersFromOne) {
  append_three();
  const auto records = all();
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[0], (Record{1, Kind::kJson, R"({"attemptStart":{}})"}));
  EXPECT_EQ(records[1].number, 2u);
  EXPECT_EQ(decode_scalars(records[1].payload), (Scalars{0, 7, {{"train/loss", 0.5}}}));
  EXPECT_EQ(records[2].number, 3u);
}

TEST_F(Spool, GoesOnNumberingAfterItIsReopened) {
  append_three();
  Writer writer(path_);
  EXPECT_EQ(writer.last_number(), 3u);
  EXPECT_EQ(writer.cut_bytes(), 0u);
  EXPECT_EQ(writer.append(Kind::kJson, "{}"), 4u);
}

TEST_F(Spool, CutsATornEndAtEveryByteAndLosesNothingBefore) {
  append_three();
  const auto whole = all();
  const auto size = fs::file_size(path_);
  std::string bytes(size, '\0');
  std::ifstream(path_, std::ios::binary).read(bytes.data(), static_cast<std::streamsize>(size));
  Reader at_second(path_);
  ASSERT_TRUE(at_second.skip_to(2));
  const auto second_end = at_second.position().offset;
  for (std::uint64_t cut = second_end; cut < size; ++cut) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes.substr(0, cut);
    ASSERT_EQ(all(), (std::vector<Record>{whole[0], whole[1]})) << "cut at byte " << cut;
    Writer writer(path_);
    ASSERT_EQ(writer.last_number(), 2u) << "cut at byte " << cut;
    ASSERT_EQ(writer.cut_bytes(), cut - second_end);
    ASSERT_EQ(writer.append(whole[2].kind, whole[2].payload), 3u);
    ASSERT_EQ(all(), whole) << "cut at byte " << cut;
  }
}

TEST_F(Spool, TakesADamagedLastFrameForTorn) {
  append_three();
  flip_byte(fs::file_size(path_) - 1);
  EXPECT_EQ(all().size(), 2u);
  Writer writer(path_);
  EXPECT_EQ(writer.last_number(), 2u);
  EXPECT_GT(writer.cut_bytes(), 0u);
}

TEST_F(Spool, TakesZerosAtTheEndForTorn) {
  append_three();
  fs::resize_file(path_, fs::file_size(path_) + 4096);
  EXPECT_EQ(all().size(), 3u);
  Writer writer(path_);
  EXPECT_EQ(writer.cut_bytes(), 4096u);
  EXPECT_EQ(all().size(), 3u);
}

TEST_F(Spool, RefusesDamageInTheMiddle) {
  append_three();
  flip_byte(20);
  try {
    all();
    FAIL() << "damage was read over";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kDataLoss);
    EXPECT_THAT(error.what(), HasSubstr("record 1"));
  }
  EXPECT_THROW(Writer{path_}, Error);
}

TEST_F(Spool, AReaderSeesRecordsAsTheyAreAppended) {
  Writer writer(path_);
  Reader reader(path_);
  EXPECT_FALSE(reader.next());
  writer.append(Kind::kJson, "{}");
  ASSERT_TRUE(reader.next());
  EXPECT_FALSE(reader.next());
  writer.append(Kind::kJson, "{\"a\":1}");
  EXPECT_EQ(reader.next()->payload, "{\"a\":1}");
}

TEST_F(Spool, RefusesToGrowPastItsLimit) {
  Writer writer(path_, {.limit_bytes = 100});
  writer.append(Kind::kJson, std::string(50, ' '));
  try {
    writer.append(Kind::kJson, std::string(50, ' '));
    FAIL() << "the limit was exceeded";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kResourceExhausted);
  }
  EXPECT_EQ(writer.last_number(), 1u);
  EXPECT_EQ(all().size(), 1u);
}

// Appends records of 1 MiB up to number `last`.
void append_large(Writer& writer, std::uint64_t last) {
  while (writer.last_number() < last) writer.append(Kind::kJson, std::string(1 << 20, ' '));
  writer.sync();
}

TEST_F(Spool, WhatIsFreedTakesNoSpaceAndCountsNotTowardsTheLimit) {
  Writer writer(path_, {.limit_bytes = 5 << 20});
  append_large(writer, 4);
  EXPECT_THROW(append_large(writer, 6), Error);
  Reader reader(path_);
  ASSERT_TRUE(reader.skip_to(3));
  if (!free_before(path_, reader.position())) GTEST_SKIP() << "this file system has no holes";
  append_large(writer, 7);
  EXPECT_THROW(append_large(writer, 8), Error);
  EXPECT_EQ(reader.next()->number, 4u) << "a reader behind the hole goes on";

  Reader fresh(path_);
  EXPECT_EQ(fresh.position().number, 3u);
  EXPECT_FALSE(fresh.skip_to(2)) << "what comes after record 2 is gone";
  EXPECT_TRUE(fresh.skip_to(3));
  EXPECT_TRUE(fresh.skip_to(7));
  EXPECT_FALSE(fresh.next());
}

TEST_F(Spool, AWriterGoesOnAfterWhatIsFreedAndANewFileForgetsIt) {
  {
    Writer writer(path_);
    append_large(writer, 3);
    Reader reader(path_);
    ASSERT_TRUE(reader.skip_to(2));
    if (!free_before(path_, reader.position())) GTEST_SKIP() << "this file system has no holes";
  }
  EXPECT_EQ(Writer(path_).append(Kind::kJson, "{}"), 4u);
  fs::remove(path_);
  Writer(path_).append(Kind::kJson, "{}");
  EXPECT_EQ(all().size(), 1u);
  remove_spool(path_);
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(Spool, TheReasonForTheEndFitsWhenTheLimitIsReached) {
  Writer writer(path_, {.limit_bytes = 100});
  EXPECT_THROW(writer.append(Kind::kJson, std::string(200, ' ')), Error);
  writer.lift_limit();
  EXPECT_EQ(writer.append(Kind::kJson, std::string(200, ' ')), 1u);
}

TEST_F(Spool, SaysWhichFileIsMissing) {
  try {
    Reader reader(path_ / "absent");
    FAIL() << "opened a missing file";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kUnavailable);
    EXPECT_THAT(error.what(), HasSubstr("absent"));
  }
}

TEST(SpoolRecord, KeepsNanAndInfinities) {
  const double inf = std::numeric_limits<double>::infinity();
  const auto back =
      decode_scalars(encode(Scalars{3, 4, {{"a", std::nan("")}, {"b", inf}, {"c", -inf}, {"d", -0.0}}}));
  EXPECT_TRUE(std::isnan(back.values[0].second));
  EXPECT_EQ(back.values[1].second, inf);
  EXPECT_EQ(back.values[2].second, -inf);
  EXPECT_TRUE(std::signbit(back.values[3].second));
}

TEST(SpoolRecord, KeepsAMatrixWithItsPlanes) {
  const Matrix matrix{9, 10, "elasticity/kl@small", 2, 2, std::string(80, 'x')};
  EXPECT_EQ(decode_matrix(encode(matrix)), matrix);
}

TEST(SpoolRecord, KeepsPairsWithTheirDenominators) {
  const Pairs pairs{9, 10, "elasticity/kl.pairs", 3, std::string(24, 'x'), std::string(8, 'y')};
  const std::string bytes = encode(pairs);
  EXPECT_EQ(decode_pairs(bytes), pairs);
  EXPECT_THROW(decode_pairs(bytes.substr(0, bytes.size() - 1)), Error);
  EXPECT_THROW(decode_pairs(bytes + "x"), Error);
}

// Opening it made the file longer, and the next record followed a hole.
TEST_F(Spool, IsDamagedWhenItsRecordsAreSaidToBeginBeyondItsEnd) {
  append_three();
  const auto size = fs::file_size(path_);
  const fs::path note = path_.string() + ".freed";
  std::ofstream(note) << "99999 7\n";
  EXPECT_THROW(Writer{path_}, Error);
  EXPECT_EQ(fs::file_size(path_), size);
  fs::remove(note);
}

TEST(SpoolRecord, RefusesPayloadsOfTheWrongLength) {
  const std::string good = encode(Scalars{3, 4, {{"a", 1.0}}});
  EXPECT_THROW(decode_scalars(good.substr(0, good.size() - 1)), Error);
  EXPECT_THROW(decode_scalars(good + "x"), Error);
  EXPECT_THROW(decode_matrix(encode(Matrix{9, 10, "k", 2, 2, std::string(79, 'x')})), Error);
  // Its cells' bytes are 2^64 times five.
  EXPECT_THROW(decode_matrix(encode(Matrix{9, 10, "k", 1u << 31, 1u << 31, ""})), Error);
}

TEST(SpoolRecord, IsLittleEndianWhateverTheMachine) {
  const std::string bytes = encode(Scalars{0x0102, 0, {}});
  EXPECT_EQ(bytes.substr(0, 4), std::string("\x02\x01\x00\x00", 4));
}

}  // namespace
}  // namespace hooke::spool
