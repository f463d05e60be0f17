// Files of exports, written from messages as the server sends them, and CSV read back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "client/formats/import_reader.h"
#include "client/formats/key_path.h"
#include "client/formats/npy.h"
#include "client/formats/out_file.h"
#include "client/formats/run_writer.h"
#include "proto/hooke/error.h"
#include "tests/text_of.h"
#include "tests/unit/client/cli_fixture.h"
#include "tests/unit/client/message_of.h"

namespace hooke::formats {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using tests::message_of;
using tests::text_of;

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(KeyPath, IsSafeAndReadsBackAsTheKey) {
  const std::map<std::string, std::string> known = {
      {"train/loss", "train/loss"},
      {"elasticity/kl@small", "elasticity/kl@small"},
      {"elasticity/kl[a b,c]", "elasticity/kl%5Ba%20b,c%5D"},
      {"..", "%2E."},
      {"../../etc/x", "%2E./%2E./etc/x"},
      {"/root", "%2Froot"},
      {"a//b", "a%2F/b"},
      {"a/", "a%2F"},
      {"/", "%2F"},
      {".hidden", "%2Ehidden"},
      {"a.csv/b", "a%2Ecsv/b"},
      {"100%", "100%25"},
      {"é", "%C3%A9"},
  };
  for (const auto& [key, path] : known) {
    EXPECT_EQ(path_of_key(key), path);
    EXPECT_EQ(key_of_path(path), key);
  }
  for (const std::string& key : {std::string(256, 'k'), std::string(256, '%'), std::string(256, '/'),
                                 std::string(128, 'a') + "/" + std::string(127, '.')}) {
    const fs::path path = path_of_key(key);
    for (const fs::path& name : path) EXPECT_LE(name.string().size() + 4, 255u);
    EXPECT_EQ(key_of_path(path.string()), key);
  }
  EXPECT_EQ(key_of_path("50%"), std::nullopt);
  EXPECT_EQ(key_of_path("50%zz"), std::nullopt);
  EXPECT_EQ(key_of_path("my file"), "my file");
}

TEST(Npy, AHeaderIsPaddedTo64BytesAndSaysTypeAndShape) {
  const std::string header = npy_header("<f8", {3, 2});
  EXPECT_EQ(header.size() % 64, 0u);
  EXPECT_EQ(header.substr(0, 8), std::string("\x93NUMPY\x01\0", 8));
  EXPECT_EQ(static_cast<unsigned char>(header[8]) + 256u * static_cast<unsigned char>(header[9]),
            header.size() - 10);
  EXPECT_THAT(header, HasSubstr("{'descr': '<f8', 'fortran_order': False, 'shape': (3,2,), }"));
  EXPECT_EQ(header.back(), '\n');
  EXPECT_THAT(npy_header("<U3", {}), HasSubstr("'shape': ()"));
  const NpyTexts texts = npy_texts({"é", "ab", "😀"});
  EXPECT_EQ(texts.type, "<U2");
  EXPECT_EQ(texts.bytes.size(), 3u * 2 * 4);
  EXPECT_EQ(texts.bytes.substr(0, 4), std::string("\xE9\0\0\0", 4));
  EXPECT_EQ(texts.bytes.substr(16, 4), std::string("\x00\xF6\x01\0", 4));
}

// A run with a scalar, a matrix of two classes and their pairs.
void write_small_run(RunWriter& writer) {
  v1::Run run;
  run.set_run_id("k3f9aaaa");
  run.mutable_create_time()->set_seconds(1'764'000'000);
  run.mutable_provenance()->add_probes()->add_dataset_index(71);
  run.mutable_provenance()->add_probes()->add_dataset_index(72);
  writer.begin_run(run);

  v1::ExportedSeries series;
  series.mutable_info()->set_key("train/loss");
  series.mutable_info()->set_kind(v1::SERIES_KIND_SCALAR);
  writer.begin_series(series);
  v1::ExportedScalars scalars;
  std::int64_t step = 0;
  for (const double value : {kNan, kInf, -kInf, 0.1, 5e-324, 1e300}) {
    scalars.add_step(step += 2);
    scalars.add_time_us(step);
    scalars.add_value(value);
  }
  writer.scalars(scalars);
  writer.end_series();

  series.mutable_info()->set_key("elasticity/kl");
  series.mutable_info()->set_kind(v1::SERIES_KIND_MATRIX);
  series.mutable_info()->add_class_names("T-shirt");
  series.mutable_info()->add_class_names("a\"b");
  for (int i = 0; i < 4; ++i) series.add_eligible(10);
  if (writer.takes_figures()) series.add_figure_keys("elasticity/kl.dominance");
  writer.begin_series(series);
  v1::ExportedMatrices matrices;
  matrices.add_step(7);
  matrices.add_time_us(9);
  std::string planes;
  for (const float value : {0.1F, 2.F, 3.F, INFINITY, 1.F, 1.F, 1.F, NAN, 5.F, 6.F, 7.F, 8.F})
    planes.append(reinterpret_cast<const char*>(&value), sizeof value);
  for (const std::uint32_t value : {0u, 1u, 2u, 3u, 0u, 0u, 0u, 7u})
    planes.append(reinterpret_cast<const char*>(&value), sizeof value);
  matrices.add_planes(planes);
  if (writer.takes_figures()) matrices.add_figures(0.1);
  writer.matrices(matrices);
  writer.end_series();

  if (writer.takes_pairs()) {
    series.clear_figure_keys();
    series.mutable_info()->set_key("elasticity/kl.pairs");
    series.mutable_info()->set_kind(v1::SERIES_KIND_PAIRS);
    series.mutable_info()->set_per_class(1);
    writer.begin_series(series);
    v1::ExportedPairs pairs;
    pairs.set_step(7);
    for (const float value : {1.F, 2.F, 3.F, 4.F})
      pairs.mutable_numerators()->append(reinterpret_cast<const char*>(&value), sizeof value);
    for (const float value : {2.F, 0.F})
      pairs.mutable_denominators()->append(reinterpret_cast<const char*>(&value), sizeof value);
    writer.pairs(pairs);
    writer.end_series();
  }
  writer.end_run();
  writer.close();
}

class Formats : public testing::Test {
 protected:
  std::map<std::string, v1::ScalarColumn> read(const fs::path& path) {
    std::map<std::string, v1::ScalarColumn> columns;
    remarks_.clear();
    read_csv(
        path, [&](v1::ScalarColumn&& column) { columns[column.key()].MergeFrom(column); },
        [&](const std::string& text) { remarks_ += text + "\n"; });
    return columns;
  }

  test::TemporaryFolder folder_;
  std::string remarks_;
};

TEST_F(Formats, CsvHasAFileForEachSeriesWithEveryNumberExact) {
  write_small_run(*make_csv_writer(folder_.path()));
  const fs::path run = folder_.path() / "k3f9aaaa";
  EXPECT_EQ(text_of(run / "train/loss.csv"),
            "step,value\n2,nan\n4,inf\n6,-inf\n8,0.1\n10,5e-324\n12,1e+300\n");
  EXPECT_EQ(text_of(run / "elasticity/kl.csv"),
            "step,responding,updated,mean,sd,count,skipped,ratio_of_means,nonfinite\n"
            "7,T-shirt,T-shirt,0.1,1,10,0,5,0\n"
            "7,T-shirt,\"a\"\"b\",2,1,9,1,6,0\n"
            "7,\"a\"\"b\",T-shirt,3,1,8,2,7,0\n"
            "7,\"a\"\"b\",\"a\"\"b\",inf,nan,7,3,8,7\n");
  EXPECT_EQ(text_of(run / "elasticity/kl.pairs.csv"),
            "step,responding,responding_probe,updated,updated_probe,ratio,numerator,denominator\n"
            "7,T-shirt,71,T-shirt,71,0.5,1,2\n"
            "7,T-shirt,71,\"a\"\"b\",72,,2,0\n"
            "7,\"a\"\"b\",72,T-shirt,71,1.5,3,2\n"
            "7,\"a\"\"b\",72,\"a\"\"b\",72,,4,0\n");
  EXPECT_THAT(text_of(run / "run.json"), HasSubstr("\"runId\":\"k3f9aaaa\""));
  EXPECT_THAT(text_of(run / "series.jsonl"), HasSubstr("\"key\":\"elasticity/kl\""));

  const auto back = read(run);
  ASSERT_EQ(back.size(), 1u);
  EXPECT_THAT(back.at("train/loss").step(), ElementsAre(2, 4, 6, 8, 10, 12));
  EXPECT_THAT(back.at("train/loss").value(), ElementsAre(testing::IsNan(), kInf, -kInf, 0.1, 5e-324, 1e300));
  EXPECT_THAT(remarks_, HasSubstr("2 tables of matrices or pairs were left out"));
}

TEST_F(Formats, JsonLinesHasAnObjectForEachPoint) {
  write_small_run(*make_json_lines_writer(folder_.path() / "all.jsonl"));
  std::ifstream in(folder_.path() / "all.jsonl");
  std::vector<nlohmann::json> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
  ASSERT_EQ(lines.size(), 1u + 3 + 6 + 1 + 1);
  EXPECT_EQ(lines[0]["run"]["runId"], "k3f9aaaa");
  EXPECT_EQ(lines[2]["value"], "NaN");
  EXPECT_EQ(lines[4]["value"], "-Infinity");
  EXPECT_EQ(lines[5]["value"].get<double>(), 0.1);
  EXPECT_EQ(lines[5]["step"], 8);
  EXPECT_EQ(lines[5]["key"], "train/loss");
  EXPECT_EQ(lines[9]["type"], "matrix");
  EXPECT_EQ(lines[9]["mean"][0].get<float>(), 0.1F);
  EXPECT_EQ(lines[9]["mean"][3], "Infinity");
  EXPECT_EQ(lines[9]["skipped"], nlohmann::json({0, 1, 2, 3}));
  EXPECT_EQ(lines[11]["denominators"], nlohmann::json({2.0, 0.0}));
}

TEST_F(Formats, EventsHaveTheFloatsOfEveryScalarAndSayWhatTheyLose) {
  const auto writer = make_event_writer(folder_.path());
  write_small_run(*writer);
  // NaN and infinities are exact; 0.1, 5e-324 and 1e300 are not, nor is the dominance of 0.1. The other
  // figures are float32 already.
  EXPECT_THAT(writer->remark(), HasSubstr("4 of 15 values were rounded, 1 of them to an infinity"));
  std::map<std::string, v1::ScalarColumn> columns;
  read_events(
      folder_.path(), [&](v1::ScalarColumn&& column) { columns[column.key()] = std::move(column); },
      [](const std::string& text) { ADD_FAILURE() << text; });
  EXPECT_EQ(columns.size(), 1u + 8 + 1);
  EXPECT_THAT(columns.at("train/loss").value(), ElementsAre(testing::IsNan(), kInf, -kInf, 0.1F, 0.0, kInf));
  EXPECT_THAT(columns.at("train/loss").step(), ElementsAre(2, 4, 6, 8, 10, 12));
  EXPECT_THAT(columns.at("elasticity/kl[T-shirt,a\"b]").value(), ElementsAre(2));
  EXPECT_THAT(columns.at("elasticity/kl.ratio[a\"b,T-shirt]").value(), ElementsAre(7));
  EXPECT_THAT(columns.at("elasticity/kl.dominance").value(), ElementsAre(0.1F));
  EXPECT_TRUE(fs::exists(folder_.path() / "k3f9aaaa/events.out.tfevents.1764000000.hooke"));
}

TEST_F(Formats, ABadCsvIsAnErrorWithFileAndLine) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"", "x.csv, line 1: is empty"},
      {"1,2\n", "x.csv, line 1: begins with '1,2'; the first line must be step,value"},
      {"step,loss\n", "line 1: begins with 'step,loss'"},
      {"step,value\n", "has no values to import"},
      {"step,value\n0,1\n0,2\n", "x.csv, line 3: step 0 comes after step 0"},
      {"step,value\n5,1\n3,2\n", "x.csv, line 3: step 3 comes after step 5"},
      {"step,value\n-1,1\n", "line 2: step -1 is negative"},
      {"step,value\n1.5,1\n", "line 2: step '1.5' is not a number"},
      {"step,value\n0,1\n1,abc\n", "line 3: value 'abc' is not a number"},
      {"step,value\n0,\n", "line 2: value '' is not a number"},
      {"step,value\n0,1e999\n", "line 2: value '1e999' is out of range"},
      {"step,value\n99999999999999999999,1\n", "line 2: step '99999999999999999999' is out of range"},
      {"step,value\n0,1,2\n", "line 2: '0,1,2' is no row of step,value"},
      {"step,value\n0\n", "line 2: '0' is no row"},
      {"step,value\n0,1\n\n1,2\n", "line 3: '' is no row"},
  };
  for (const auto& [text, error] : rows)
    EXPECT_THAT(message_of([&] { read(folder_.write("x.csv", text)); }), HasSubstr(error)) << text;
  EXPECT_THAT(message_of([&] { read(folder_.path() / "nope.csv"); }), HasSubstr("is not there"));
  EXPECT_THAT(message_of([&] { read(folder_.write("x.txt", "")); }), HasSubstr("is no *.csv file"));
  EXPECT_THAT(message_of([&] { read(folder_.write("50%.csv", "")); }), HasSubstr("followed by no code"));
  EXPECT_THAT(message_of([&] { read(folder_.write("%0A.csv", "")); }), HasSubstr("printable bytes"));
  fs::create_directories(folder_.path() / "none");
  EXPECT_THAT(message_of([&] { read(folder_.path() / "none"); }), HasSubstr("has no *.csv"));
}

TEST_F(Formats, CsvOfOthersMayHaveSpacesAndLineEndsOfWindows) {
  const auto columns =
      read(folder_.write("loss.csv", "\xEF\xBB\xBFstep,value\r\n0, 1e-4\r\n 3 ,NaN\r\n4,-Inf"));
  EXPECT_THAT(columns.at("loss").step(), ElementsAre(0, 3, 4));
  EXPECT_THAT(columns.at("loss").value(), ElementsAre(1e-4, testing::IsNan(), -kInf));
}

TEST_F(Formats, AnExportThatIsNotPublishedLeavesNothing) {
  const fs::path place = folder_.path() / "new" / "place";
  {
    Staging staging(place, {"run"}, false);
    OutFile(staging.folder() / "run" / "x").write("half");
    EXPECT_FALSE(fs::exists(place / "run"));
  }
  EXPECT_FALSE(fs::exists(folder_.path() / "new"));
  const auto publish = [&](const std::string& text, bool force) {
    Staging staging(place, {"run"}, force);
    OutFile file(staging.folder() / "run" / "x");
    file.write(text);
    file.close();
    staging.publish();
  };
  publish("one", false);
  EXPECT_THAT(message_of([&] { publish("two", false); }),
              HasSubstr("run is there already; --force replaces it"));
  EXPECT_EQ(text_of(place / "run/x"), "one");
  publish("two", true);
  EXPECT_EQ(text_of(place / "run/x"), "two");
  EXPECT_EQ(std::distance(fs::directory_iterator(place), fs::directory_iterator()), 1) << "no draft is left";
}

}  // namespace
}  // namespace hooke::formats
