// Event files byte by byte, against the documented format, and reading others'.
#include "client/formats/record_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <limits>
#include <map>

#include "client/formats/event.pb.h"
#include "client/formats/import_reader.h"
#include "client/formats/run_writer.h"
#include "proto/hooke/error.h"
#include "tests/unit/client/cli_fixture.h"
#include "tests/unit/client/message_of.h"
#include "worker/spool/crc32c.h"

namespace hooke::formats {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using tests::message_of;

std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

event::Event event_of(const std::string& tag, std::int64_t step, float value) {
  event::Event event;
  event.set_step(step);
  event.set_wall_time(1.5);
  auto& to = *event.mutable_summary()->add_value();
  to.set_tag(tag);
  to.set_simple_value(value);
  return event;
}

TEST(Crc32c, OfTheCheckStringIsTheKnownOneAndIsMaskedAsDocumented) {
  // The check value of CRC-32C; 32 zero bytes are RFC 3720's first example.
  EXPECT_EQ(spool::crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(spool::crc32c(std::string(32, '\0')), 0x8A9136AAu);
  // Rotated right by 15 bits, plus 0xa282ead8: 0x2507C60D + 0xA282EAD8.
  EXPECT_EQ(masked_crc32c("123456789"), 0xC78AB0E5u);
}

TEST(RecordFile, ARecordIsLengthChecksumBytesChecksum) {
  std::string file;
  append_record(file, "123456789");
  ASSERT_EQ(file.size(), 8u + 4 + 9 + 4);
  EXPECT_EQ(file.substr(0, 8), std::string("\x09\0\0\0\0\0\0\0", 8));
  EXPECT_EQ(file.substr(12, 9), "123456789");
  EXPECT_EQ(file.substr(21), "\xE5\xB0\x8A\xC7");
  const std::uint32_t of_length = spool::crc32c(file.substr(0, 8));
  const std::uint32_t masked = ((of_length >> 15) | (of_length << 17)) + 0xa282ead8u;
  for (int i = 0; i < 4; ++i) EXPECT_EQ(static_cast<unsigned char>(file[8 + i]), (masked >> 8 * i & 0xFF));
}

class Events : public testing::Test {
 protected:
  // A file of these events; returns where each record begins.
  std::vector<std::size_t> write(const std::string& name, const std::vector<event::Event>& events) {
    std::string file;
    std::vector<std::size_t> offsets;
    for (const auto& event : events) {
      offsets.push_back(file.size());
      append_record(file, event.SerializeAsString());
    }
    std::filesystem::create_directories((folder_.path() / name).parent_path());
    std::ofstream(folder_.path() / name, std::ios::binary) << file;
    return offsets;
  }
  void damage(const std::string& name, std::size_t at) {
    std::string file = bytes_of(folder_.path() / name);
    file[at] = static_cast<char>(file[at] ^ 1);
    std::ofstream(folder_.path() / name, std::ios::binary) << file;
  }
  void read(const std::string& name = "") {
    columns_.clear();
    remarks_.clear();
    read_events(
        folder_.path() / name,
        [this](v1::ScalarColumn&& column) { columns_[column.key()] = std::move(column); },
        [this](const std::string& text) { remarks_ += text + "\n"; });
  }

  test::TemporaryFolder folder_;
  std::map<std::string, v1::ScalarColumn> columns_;
  std::string remarks_;
};

TEST_F(Events, TheBytesOfAnEventAreThoseOfTensorBoard) {
  // Event.wall_time = 1 (double), step = 2 (varint), summary = 5; Summary.value = 1; Value.tag = 1,
  // simple_value = 2 (float): written out by hand from TensorFlow's event.proto and summary.proto.
  EXPECT_EQ(event_of("a", 3, 1).SerializeAsString(),
            std::string("\x09\0\0\0\0\0\0\xF8\x3F\x10\x03\x2A\x0A\x0A\x08\x0A\x01"
                        "a\x15\0\0\x80\x3F",
                        23));
  event::Event version;
  version.set_file_version("brain.Event:2");
  EXPECT_EQ(version.SerializeAsString(),
            "\x1A\x0D"
            "brain.Event:2");
}

TEST_F(Events, OfOlderAndNewerScalarsAreReadAndOthersAreSaid) {
  auto newer = event_of("newer", 1, 0);
  auto& tensor = *newer.mutable_summary()->mutable_value(0)->mutable_tensor();
  tensor.set_dtype(2);
  const double exact = 0.1;
  tensor.set_tensor_content(std::string(reinterpret_cast<const char*>(&exact), sizeof exact));
  auto listed = event_of("newer", 2, 0);
  auto& floats = *listed.mutable_summary()->mutable_value(0)->mutable_tensor();
  floats.set_dtype(1);
  floats.add_float_val(0.5F);
  auto image = event_of("image", 1, 0);
  image.mutable_summary()->mutable_value(0)->clear_value();
  auto histogram = newer;
  histogram.mutable_summary()->mutable_value(0)->set_tag("histogram");
  histogram.mutable_summary()
      ->mutable_value(0)
      ->mutable_tensor()
      ->mutable_tensor_shape()
      ->add_dim()
      ->set_size(1);
  write("events.out.tfevents.1", {event_of("old", 0, 0.25F), newer, listed, image, histogram});
  read();
  EXPECT_THAT(columns_.at("old").value(), ElementsAre(0.25));
  EXPECT_THAT(columns_.at("old").time_us(), ElementsAre(1'500'000));
  EXPECT_THAT(columns_.at("newer").value(), ElementsAre(0.1, 0.5));
  EXPECT_EQ(columns_.size(), 2u);
  EXPECT_THAT(remarks_,
              HasSubstr("2 values that are no scalars of float or double were left out: histogram, image"));
}

TEST_F(Events, OfSeveralFilesOfARunAreMergedByStep) {
  write("events.out.tfevents.2", {event_of("x", 0, 0), event_of("x", 1, 1), event_of("x", 9, 9)});
  write("events.out.tfevents.1", {event_of("x", 2, 2), event_of("y", 0, 5)});
  read();
  EXPECT_THAT(columns_.at("x").step(), ElementsAre(0, 1, 2, 9));
  EXPECT_THAT(columns_.at("x").value(), ElementsAre(0, 1, 2, 9));
  write("events.out.tfevents.3", {event_of("x", 9, 8)});
  const std::string both = message_of([&] { read(); });
  EXPECT_THAT(both, HasSubstr("step 9 of x is in both"));
  EXPECT_THAT(both, HasSubstr("tfevents.2"));
  EXPECT_THAT(both, HasSubstr("tfevents.3"));
  write("other/events.out.tfevents.4", {event_of("x", 0, 8)});
  EXPECT_THAT(message_of([&] { read(); }), HasSubstr("event files in 2 folders, a run each"));
}

TEST_F(Events, ATornTailIsSaidAndACorruptRecordIsAnErrorWithItsPlace) {
  const auto offsets = write("e.tfevents", {event_of("x", 0, 1), event_of("x", 1, 2), event_of("x", 2, 3)});
  const auto path = folder_.path() / "e.tfevents";
  const auto whole = bytes_of(path);
  for (const std::size_t cut : {offsets[2] + 1, offsets[2] + 12, whole.size() - 1}) {
    std::ofstream(path, std::ios::binary) << whole.substr(0, cut);
    read("e.tfevents");
    EXPECT_THAT(columns_.at("x").step(), ElementsAre(0, 1));
    EXPECT_THAT(remarks_, HasSubstr("its last " + std::to_string(cut - offsets[2]) + " bytes, from byte " +
                                    std::to_string(offsets[2])));
  }
  for (const auto& [at, text] : std::map<std::size_t, std::string>{{offsets[1], "length"},
                                                                   {offsets[1] + 9, "length"},
                                                                   {offsets[1] + 14, "bytes"},
                                                                   {offsets[2] - 2, "bytes"}}) {
    std::ofstream(path, std::ios::binary) << whole;
    damage("e.tfevents", at);
    const std::string error = message_of([&] { read("e.tfevents"); });
    EXPECT_THAT(
        error, HasSubstr(path.string() + ", byte " + std::to_string(offsets[1]) + ": the record is corrupt"));
    EXPECT_THAT(error, HasSubstr(text));
  }
}

TEST_F(Events, WhatBreaksARuleIsAnErrorWithItsPlace) {
  const auto error = [&](const std::vector<event::Event>& events) {
    write("e.tfevents", events);
    return message_of([&] { read("e.tfevents"); });
  };
  EXPECT_THAT(error({event_of("x", 5, 1), event_of("x", 5, 1)}), HasSubstr("step 5 of x comes after step 5"));
  EXPECT_THAT(error({event_of("x", 5, 1), event_of("x", 4, 1)}), HasSubstr("step 4 of x comes after step 5"));
  EXPECT_THAT(error({event_of("x", -5, 1)}), HasSubstr("e.tfevents, byte 0: step -5 of x is negative"));
  EXPECT_THAT(error({event_of("", 5, 1)}), HasSubstr("1 to 256 printable bytes"));
  EXPECT_THAT(error({}), HasSubstr("has no scalars to import"));
  EXPECT_THAT(message_of([&] { read("nope"); }), HasSubstr("is not there"));
  std::filesystem::create_directories(folder_.path() / "empty");
  EXPECT_THAT(message_of([&] { read("empty"); }), HasSubstr("has no event files"));
}

}  // namespace
}  // namespace hooke::formats
