// Lists over made runs: the SQL of filters and orders against a naive evaluation in memory, and pages
// while runs are submitted.
#include "server/query/lists.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "server/query/conditions.h"
#include "server/query/series.h"
#include "server/storage/listing.h"
#include "server/storage/series.h"
#include "tests/unit/server/storage/temp_database.h"

namespace hooke::query {
namespace {

using hooke::tests::Server;
using hooke::tests::TempFolder;
using storage::Comparison;
using storage::Condition;
using storage::Field;
using storage::Pairs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr TimeUs kListedAt = 2'000'000'000'000'000;
constexpr TimeUs kHourUs = 3'600'000'000;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

// A run as the test made it.
struct Made {
  std::int64_t number = 0;  // in the order of submit
  std::int64_t experiment_number = 0;
  std::string run_id, experiment, submitter, note, reason;
  Pairs tags, experiment_tags;
  storage::RunState state = storage::RunState::kQueued;
  std::int64_t seed = 0, step = -1, priority = 0, archived = 0;
  TimeUs create_us = 0;
  std::optional<TimeUs> end_us;
  nlohmann::json config;
  std::map<std::string, double> latest;
};

// What a field of a run is: nothing, a number or a text.
using Value = std::variant<std::monostate, double, std::string>;

Value value_of(const Made& run, const storage::Operand& operand) {
  const auto number = [](std::int64_t value) { return Value(static_cast<double>(value)); };
  switch (operand.field) {
    case Field::kName:
      return "experiments/" + run.experiment + "/runs/" + run.run_id;
    case Field::kRunId:
      return run.run_id;
    case Field::kExperiment:
      return run.experiment;
    case Field::kSubmitter:
      return run.submitter;
    case Field::kNote:
      return run.note;
    case Field::kReason:
      return run.reason;
    case Field::kState:
      return number(static_cast<int>(run.state));
    case Field::kSeed:
      return number(run.seed);
    case Field::kStep:
      return number(run.step);
    case Field::kPriority:
      return number(run.priority);
    case Field::kArchived:
      return number(run.archived);
    case Field::kCreateTime:
      return number(run.create_us);
    case Field::kEndTime:
      return run.end_us ? number(*run.end_us) : Value();
    case Field::kTag: {
      if (const auto own = run.tags.find(operand.key); own != run.tags.end()) return own->second;
      const auto found = run.experiment_tags.find(operand.key);
      return found == run.experiment_tags.end() ? Value() : Value(found->second);
    }
    case Field::kLatest: {
      const auto found = run.latest.find(operand.key);
      return found == run.latest.end() ? Value() : Value(found->second);
    }
    case Field::kConfig: {
      std::string pointer = operand.key.substr(1);  // "$.a.b[0]" is "/a/b/0"
      for (char& c : pointer)
        if (c == '.' || c == '[') c = '/';
      std::erase(pointer, ']');
      const auto at = nlohmann::json::json_pointer(pointer);
      if (!run.config.contains(at)) return {};
      const auto& found = run.config.at(at);
      if (found.is_string()) return found.get<std::string>();
      if (found.is_boolean()) return found.get<bool>() ? 1.0 : 0.0;
      if (found.is_number()) return found.get<double>();
      return "a list";
    }
    default:
      ADD_FAILURE() << "not in this test";
      return {};
  }
}

Value value_of(const storage::ConditionValue& value) {
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return static_cast<double>(*whole);
  if (const auto* real = std::get_if<double>(&value)) return *real;
  return std::get<std::string>(value);
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return text;
}

bool contains(const std::string& text, const std::string& part) {
  return lower(text).find(lower(part)) != std::string::npos;
}

bool compare(const Made& run, const Condition& c) {
  const Value left = value_of(run, c.operand);
  const bool text_field = std::holds_alternative<std::string>(left);
  if (c.comparison == Comparison::kPresent)
    return left.index() != 0 &&
           (c.operand.field == Field::kTag || !text_field || !std::get<std::string>(left).empty());
  const Value right = value_of(c.value);
  if (c.comparison == Comparison::kHolds) {
    std::string pointer = c.operand.key.substr(1);
    std::replace(pointer.begin(), pointer.end(), '.', '/');
    const auto at = nlohmann::json::json_pointer(pointer);
    if (!run.config.contains(at)) return false;
    for (const auto& element : run.config.at(at))
      if (element.is_string() ? Value(element.get<std::string>()) == right
                              : Value(element.get<double>()) == right)
        return true;
    return false;
  }
  if (left.index() == 0) return false;
  if (text_field) {
    const auto& a = std::get<std::string>(left);
    const auto& b = std::get<std::string>(right);
    switch (c.comparison) {
      case Comparison::kContains:
        return contains(a, b);
      case Comparison::kStartsWith:
        return a.starts_with(b);
      case Comparison::kEndsWith:
        return a.ends_with(b);
      case Comparison::kNotEqual:
        return a != b;
      case Comparison::kLess:
        return a < b;
      case Comparison::kLessEqual:
        return a <= b;
      case Comparison::kGreater:
        return a > b;
      case Comparison::kGreaterEqual:
        return a >= b;
      default:
        return a == b;
    }
  }
  const double a = std::get<double>(left);
  const double b = std::get<double>(right);
  switch (c.comparison) {
    case Comparison::kIs:
      return a == b || (std::isnan(a) && std::isnan(b));
    case Comparison::kNotEqual:
      return a != b;
    case Comparison::kLess:
      return a < b;
    case Comparison::kLessEqual:
      return a <= b;
    case Comparison::kGreater:
      return a > b;
    case Comparison::kGreaterEqual:
      return a >= b;
    default:
      return a == b;
  }
}

bool search(const Made& run, const std::string& word) {
  if (contains(run.run_id, word) || contains(run.experiment, word)) return true;
  for (const Pairs* tags : {&run.tags, &run.experiment_tags})
    for (const auto& [key, value] : *tags)
      if (contains(key, word) || contains(value, word)) return true;
  return false;
}

bool matches(const Made& run, const Condition& c) {
  const auto part = [&run](const Condition& one) { return matches(run, one); };
  switch (c.kind) {
    case Condition::Kind::kAll:
      return std::all_of(c.parts.begin(), c.parts.end(), part);
    case Condition::Kind::kAny:
      return std::any_of(c.parts.begin(), c.parts.end(), part);
    case Condition::Kind::kNot:
      return !part(c.parts.at(0));
    case Condition::Kind::kSearch:
      return search(run, std::get<std::string>(c.value));
    default:
      return compare(run, c);
  }
}

class Lists : public ::testing::Test {
 protected:
  static constexpr int kExperiments = 12;
  static constexpr int kRunsEach = 25;

  static void SetUpTestSuite() {
    folder_ = new TempFolder;
    server_ = new Server(folder_->path());
    server_->write([](storage::Transaction& transaction) {
      for (int e = 0; e < kExperiments; ++e) make_experiment(transaction, e);
    });
  }
  static void TearDownTestSuite() {
    delete server_;
    delete folder_;
    made_.clear();
  }

  template <class T, std::size_t N>
  static T pick(const T (&values)[N]) {
    return values[random_() % N];
  }

  static void make_experiment(storage::Transaction& transaction, int e) {
    storage::NewExperiment experiment;
    experiment.name = pick({"vision", "language", "Groß"}) + std::string("-") + std::to_string(e);
    experiment.submitter = "ada";
    if (e % 2) experiment.tags = {{"team", e % 4 == 1 ? "vision" : "audio"}, {"kind", "trial"}};
    const auto id = storage::insert_experiment(transaction, experiment).id;
    for (int r = 0; r < kRunsEach; ++r) {
      Made run = make_run();
      run.number = static_cast<std::int64_t>(made_.size());
      run.experiment_number = e;
      run.experiment = experiment.name;
      run.experiment_tags = experiment.tags;
      store(transaction, id, run);
      made_.push_back(std::move(run));
    }
  }

  static Made make_run() {
    Made run;
    for (int i = 0; i < 8; ++i) run.run_id += "abcdefghijklmnopqrstuvwxyz234567"[random_() % 32];
    run.submitter = pick({"ada", "Bob", "ada_b", "a%b"});
    run.note = pick({"", "good", "Bad 100%", "größer", "x'y\"z"});
    run.seed = pick<std::int64_t>({0, 1, 2, 3, -5, INT64_MAX});
    run.priority = static_cast<std::int64_t>(random_() % 3);
    run.create_us = kListedAt - static_cast<TimeUs>(random_() % 48) * kHourUs;
    if (random_() % 3 == 0) run.tags["team"] = pick({"vision", "Vision", "nlp", ""});
    if (random_() % 3 == 0) run.tags["my key"] = "7";
    run.config = {{"name", pick({"a", "b"})},
                  {"training", {{"lr", pick({0.1, 0.01, 1e-4, 1.0})}, {"optimizer", pick({"adam", "sgd"})}}},
                  {"model", {{"bias", random_() % 2 == 0}}},
                  {"measures", random_() % 2 ? nlohmann::json{"kl", "l2"} : nlohmann::json{"loss"}}};
    if (random_() % 2) run.config["model"]["hidden"] = {32, static_cast<int>(random_() % 3)};
    if (random_() % 4) run.latest["train/loss"] = pick({0.5, 0.25, kNaN, kInf, -kInf, 0.0, 3.0});
    if (random_() % 2) run.latest["size.kl"] = pick({1.0, 2.0});
    run.state = static_cast<storage::RunState>(1 + random_() % 5);
    if (storage::is_final(run.state))
      run.end_us = run.create_us + static_cast<TimeUs>(random_() % 9) * kHourUs;
    if (run.state == storage::RunState::kFailed) run.reason = pick({"killed by signal 9", "out of memory"});
    run.archived = random_() % 10 == 0;
    if (random_() % 2) run.step = static_cast<std::int64_t>(random_() % 100);
    return run;
  }

  static void store(storage::Transaction& transaction, ExperimentId experiment, const Made& run) {
    storage::NewRun to;
    to.run_id = run.run_id;
    to.experiment = experiment;
    to.seed = run.seed;
    to.config_json = run.config.dump();
    to.priority = static_cast<std::int32_t>(run.priority);
    to.submitter = run.submitter;
    to.create_us = run.create_us;
    const RunId id = storage::insert_run(transaction, to);
    storage::update_run_tags(transaction, id, run.tags, {});
    storage::update_run_note(transaction, id, run.note);
    storage::archive_run(transaction, id, run.archived != 0);
    if (run.state != storage::RunState::kQueued)
      storage::change_state(transaction, id,
                            {run.state,
                             run.end_us.value_or(run.create_us),
                             0,
                             {storage::ReasonKind::kException, run.reason, 0, 0},
                             ""});
    storage::set_progress(transaction, id, {run.step, {}, run.create_us});
    for (const auto& [key, value] : run.latest) {
      const auto series =
          storage::insert_series(transaction, id, {key, storage::SeriesKind::kScalar, {}, {}, ""});
      storage::save_progress(transaction, id, series, {1, 0, 0, 0, value});
    }
    const auto matrix =
        storage::insert_series(transaction, id, {"kl", storage::SeriesKind::kMatrix, {"a"}, {1}, ""});
    storage::save_progress(transaction, id, matrix, {1, 0, 0, 0, 0});
  }

  // All pages; the request's page_size is as given.
  static std::vector<std::string> ids(v1::ListRunsRequest request) {
    if (request.parent().empty()) request.set_parent("experiments/-");
    std::vector<std::string> found;
    do {
      const auto page = server_->read([&](storage::Snapshot& s) { return list_runs(s, request, kListedAt); });
      for (const auto& run : page.runs()) found.push_back(run.run_id());
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    return found;
  }

  static std::vector<std::string> ids(const std::string& filter, const std::string& order_by = {},
                                      int size = 1000) {
    v1::ListRunsRequest request;
    request.set_filter(filter);
    request.set_order_by(order_by);
    request.set_page_size(size);
    request.set_show_archived(true);
    return ids(request);
  }

  // Newest experiment first, its runs in the order of the submit.
  static std::vector<const Made*> in_default_order() {
    std::vector<const Made*> runs;
    for (const Made& run : made_) runs.push_back(&run);
    std::stable_sort(runs.begin(), runs.end(), [](const Made* a, const Made* b) {
      return std::pair(-a->experiment_number, a->number) < std::pair(-b->experiment_number, b->number);
    });
    return runs;
  }

  static std::vector<std::string> naive(const std::string& filter) {
    const Condition condition = condition_of(*parse_filter(filter), ListOf::kRuns, kListedAt);
    std::vector<std::string> found;
    for (const Made* run : in_default_order())
      if (matches(*run, condition)) found.push_back(run->run_id);
    return found;
  }

  static std::string comparison() {
    static const char* const kSigns[] = {" = ", " != ", " < ", " <= ", " > ", " >= "};
    static const char* const kHas[] = {" = ", " != ", ":"};
    switch (random_() % 16) {
      case 0:
        return std::string("state") + pick(kHas) + pick({"RUNNING", "failed", "QUEUED", "SUCCEEDED"});
      case 1:
        return std::string("seed") + pick(kSigns) +
               pick({"0", "2", "1.5", "-5", "9223372036854775807", "inf"});
      case 2:
        return std::string("config.training.lr") + pick(kSigns) + pick({"0.01", "1e-4", "1", "0.1"});
      case 3:
        return std::string("config.training.optimizer") + pick(kHas) + pick({"adam", "SGD"});
      case 4:
        return std::string("config.model.bias") + pick(kHas) + pick({"true", "false"});
      case 5:
        return std::string("config.model.hidden.1") + pick(kSigns) + pick({"1", "2"});
      case 6:
        return pick({"config.measures:kl", "config.measures:loss", "config.model.hidden:32",
                     "config.model.hidden:*"});
      case 7:
        return std::string("tags.team") + pick(kSigns) + pick({"vision", "\"\"", "nlp", "M"});
      case 8:
        return pick({"tags.team:VIS", "tags.team = \"v*\"", "tags.team != \"v*\"", "tags.team = \"*n\"",
                     "tags:team", "tags:none", "tags.\"my key\" = 7", "tags.team:*"});
      case 9:
        return std::string("latest.\"train/loss\"") + pick(kSigns) +
               pick({"0.25", "nan", "inf", "-inf", "0", "0.4"});
      case 10:
        return pick({"latest.\"train/loss\":nan", "latest.\"train/loss\":*", "latest:size.kl",
                     "latest.size.kl > 1", "latest.kl = 0", "latest.none != 1"});
      case 11:
        return std::string("create_time") + pick(kSigns) +
               pick({"-24h", "2033-05-17T00:00:00Z", "2033-05-18"});
      case 12:
        return pick({"end_time:*", "end_time > -20h", "end_time != -20h", "note:*", "note != \"\"",
                     "note:GRÖSSER", "note:größ", "note = \"*%\"", "note = 'x\\'y\"z'", "reason:\"signal\""});
      case 13:
        return pick({"vision", "Groß", "trial", "\"7\"", "zz", "a", "%", "_"});
      case 14:
        return std::string("submitter") + pick(kSigns) + pick({"ada", "Bob", "\"a%b\"", "\"b\""});
      default:
        return pick({"name:language", "experiment = \"vision*\"", "id = \"a*\"", "step >= 50",
                     "priority = 1 ", "archived = true", "name = \"*b\""});
    }
  }

  static std::string any_filter(int depth) {
    if (depth == 0 || random_() % 3 == 0) return (random_() % 4 == 0 ? "NOT " : "") + comparison();
    const std::string left = any_filter(depth - 1);
    return "(" + left + pick({" AND ", " OR ", " "}) + any_filter(depth - 1) + ")";
  }

  static inline std::mt19937 random_{7};
  static inline TempFolder* folder_ = nullptr;
  static inline Server* server_ = nullptr;
  static inline std::vector<Made> made_;
};

TEST_F(Lists, EveryComparisonIsTheOneInMemory) {
  std::set<std::string> seen;
  for (int i = 0; i < 2000; ++i) seen.insert(comparison());
  int some = 0;
  for (const std::string& filter : seen) {
    const auto found = ids(filter);
    EXPECT_EQ(found, naive(filter)) << filter;
    some += !found.empty() && found.size() < made_.size();
  }
  EXPECT_GT(seen.size(), 100u);
  EXPECT_GT(some, 70) << "most of them must tell runs apart";
}

TEST_F(Lists, EveryCombinationIsTheOneInMemory) {
  for (int i = 0; i < 400; ++i) {
    const std::string filter = any_filter(4);
    EXPECT_EQ(ids(filter), naive(filter)) << filter;
  }
}

TEST_F(Lists, ANaNDiffersFromEverythingAndIsNothingElse) {
  const auto nan = ids("latest.\"train/loss\":nan");
  ASSERT_FALSE(nan.empty());
  for (const char* sign : {"=", "<", "<=", ">", ">="})
    for (const std::string& id : ids(std::string("latest.\"train/loss\" ") + sign + " 0.25"))
      EXPECT_EQ(std::count(nan.begin(), nan.end(), id), 0) << sign;
  const auto differs = ids("latest.\"train/loss\" != 0.25");
  for (const std::string& id : nan) EXPECT_EQ(std::count(differs.begin(), differs.end(), id), 1);
  EXPECT_THAT(ids("latest.\"train/loss\" = nan"), IsEmpty());
}

TEST_F(Lists, AnyOrderInAnyPagesIsTheSortedListAndHasEachRunOnce) {
  const std::pair<const char*, storage::Operand> kKeys[] = {
      {"seed", {Field::kSeed, ""}},
      {"state", {Field::kState, ""}},
      {"create_time", {Field::kCreateTime, ""}},
      {"end_time", {Field::kEndTime, ""}},
      {"submitter", {Field::kSubmitter, ""}},
      {"tags.team", {Field::kTag, "team"}},
      {"config.training.lr", {Field::kConfig, "$.training.lr"}},
      {"config.model.hidden.1", {Field::kConfig, "$.model.hidden[1]"}},
      {"latest.\"train/loss\"", {Field::kLatest, "train/loss"}},
  };
  for (int i = 0; i < 60; ++i) {
    const auto& [first, first_operand] = pick(kKeys);
    const auto& [second, second_operand] = pick(kKeys);
    if (first == second) continue;
    const bool down = random_() % 2;
    const auto less = [&](const Made* a, const Made* b) {
      for (const auto& [operand, descending] :
           {std::pair(first_operand, down), std::pair(second_operand, false)}) {
        auto left = value_of(*a, operand);
        auto right = value_of(*b, operand);
        // NaN is as if absent: both come last.
        for (Value* value : {&left, &right})
          if (const auto* number = std::get_if<double>(value); number && std::isnan(*number)) *value = {};
        if (left == right) continue;
        if (left.index() == 0 || right.index() == 0) return right.index() == 0;
        return descending ? right < left : left < right;
      }
      return false;
    };
    auto expected = in_default_order();
    std::stable_sort(expected.begin(), expected.end(), less);
    std::vector<std::string> wanted;
    for (const Made* run : expected) wanted.push_back(run->run_id);
    const std::string order = std::string(first) + (down ? " desc, " : ", ") + second;
    EXPECT_EQ(ids("", order, pick({1000, 7, 50, 299})), wanted) << order;
  }
}

TEST_F(Lists, ArchivedRunsAreHiddenUnlessAskedFor) {
  v1::ListRunsRequest request;
  request.set_page_size(1000);
  const auto shown = ids(request);
  EXPECT_EQ(shown, ids("archived = false"));
  request.set_filter("archived = true");
  EXPECT_EQ(ids(request), ids("archived = true"));
  EXPECT_FALSE(ids(request).empty());
  request.set_filter("seed = 1");
  for (const std::string& id : ids(request)) EXPECT_EQ(std::count(shown.begin(), shown.end(), id), 1);
}

TEST_F(Lists, OneExperimentsRunsAreInTheOrderOfTheSubmit) {
  v1::ListRunsRequest request;
  request.set_parent("experiments/" + made_[0].experiment);
  request.set_show_archived(true);
  request.set_page_size(4);
  std::vector<std::string> wanted;
  for (int r = 0; r < kRunsEach; ++r) wanted.push_back(made_[static_cast<std::size_t>(r)].run_id);
  EXPECT_EQ(ids(request), wanted);
}

TEST_F(Lists, ATokenIsOfOneListAlone) {
  v1::ListRunsRequest request;
  request.set_parent("experiments/-");
  request.set_page_size(3);
  request.set_filter("seed > 0");
  const auto first = server_->read([&](storage::Snapshot& s) { return list_runs(s, request, kListedAt); });
  ASSERT_FALSE(first.next_page_token().empty());
  request.set_page_token(first.next_page_token());
  const auto refused = [](const v1::ListRunsRequest& other) -> std::string {
    try {
      server_->read([&](storage::Snapshot& s) { return list_runs(s, other, kListedAt); });
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kInvalidArgument);
      EXPECT_EQ(error.field(), "page_token");
      return error.what();
    }
    return "it was taken";
  };
  auto other = request;
  other.set_filter("seed > 1");
  EXPECT_THAT(refused(other), HasSubstr("another"));
  other = request;
  other.set_order_by("seed");
  EXPECT_THAT(refused(other), HasSubstr("another"));
  other = request;
  other.set_parent("experiments/" + made_[0].experiment);
  EXPECT_THAT(refused(other), HasSubstr("another"));
  other = request;
  other.set_show_archived(true);
  EXPECT_THAT(refused(other), HasSubstr("another"));
  other = request;
  other.set_page_size(5);
  EXPECT_EQ(refused(other), "it was taken") << "the size may change";
  const std::string start = request.page_token().substr(0, request.page_token().rfind('.') + 1);
  for (const std::string bad : {"x", ".", "..", "0123456789abcdef.1.[]", "0123456789abcdef..[]"}) {
    other.set_page_token(bad);
    EXPECT_NE(refused(other), "it was taken") << bad;
  }
  for (const std::string bad : {"x", "[]", "[1]", "[1,2,3]", "{}", "[{},1]", "[[1],2]"}) {
    other.set_page_token(start + bad);
    EXPECT_NE(refused(other), "it was taken") << bad;
  }
}

// A server of its own: others count its runs.
TEST(ListsMeanwhile, NoRunIsSkippedOrRepeatedWhileOthersAreSubmitted) {
  const TempFolder folder;
  Server server(folder.path());
  int number = 0;
  const auto submit = [&](int runs) {
    server.write([&](storage::Transaction& transaction) {
      const auto experiment = hooke::tests::add_experiment(transaction, "e");
      for (int i = 0; i < runs; ++i)
        hooke::tests::add_run(transaction, experiment.id, "run" + std::to_string(++number));
    });
  };
  for (const std::string order :
       {"", "create_time desc", "create_time", "seed, experiment desc", "tags.x desc, id"}) {
    for (int e = 0; e < 5; ++e) submit(7);
    std::set<std::string> before;
    for (int i = 1; i <= number; ++i) before.insert("run" + std::to_string(i));
    v1::ListRunsRequest request;
    request.set_parent("experiments/-");
    request.set_page_size(4);
    request.set_order_by(order);
    std::multiset<std::string> found;
    for (bool more = true; more;) {
      const auto page = server.read([&](storage::Snapshot& s) { return list_runs(s, request, kListedAt); });
      for (const auto& run : page.runs()) found.insert(run.run_id());
      request.set_page_token(page.next_page_token());
      more = !request.page_token().empty();
      if (found.size() < before.size()) submit(3);
    }
    for (const std::string& id : before) EXPECT_EQ(found.count(id), 1u) << id << " by " << order;
    EXPECT_EQ(std::set(found.begin(), found.end()).size(), found.size()) << order;
  }
}

TEST(ListsOfExperiments, AreFilteredOrderedAndPaged) {
  const TempFolder folder;
  Server server(folder.path());
  server.write([](storage::Transaction& transaction) {
    int i = 0;
    for (const char* name : {"b", "d", "a", "e", "c"}) {
      const auto id =
          storage::insert_experiment(transaction, {name, "ada", {{"n", std::to_string(i)}}, 1000}).id;
      for (int r = 0; r < i; ++r) hooke::tests::add_run(transaction, id, name + std::to_string(r));
      ++i;
    }
    storage::archive_experiment(transaction, storage::find_experiment(transaction, "e")->id, true);
    const auto run = storage::find_run(transaction, "c0")->id;
    storage::change_state(transaction, run, {storage::RunState::kFailed, 5, 0, {}, ""});
  });
  const auto names = [&](const std::string& filter, const std::string& order = {}, bool archived = false) {
    v1::ListExperimentsRequest request;
    request.set_page_size(2);
    request.set_filter(filter);
    request.set_order_by(order);
    request.set_show_archived(archived);
    std::string found;
    do {
      const auto page =
          server.read([&](storage::Snapshot& s) { return list_experiments(s, request, kListedAt); });
      EXPECT_LE(page.experiments_size(), 2);
      for (const auto& experiment : page.experiments()) found += experiment.name().substr(12);
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    return found;
  };
  EXPECT_EQ(names(""), "cadb");
  EXPECT_EQ(names("", "", true), "ceadb");
  EXPECT_EQ(names("archived = true"), "e");
  EXPECT_EQ(names("", "name", true), "abcde");
  EXPECT_EQ(names("", "id desc"), "dcba");
  EXPECT_EQ(names("", "run_count desc", true), "ceadb");
  EXPECT_EQ(names("", "tags.n"), "bdac");
  EXPECT_EQ(names("run_count >= 2"), "ca");
  EXPECT_EQ(names("state:FAILED"), "c");
  EXPECT_EQ(names("state:QUEUED", "id"), "acd");
  EXPECT_EQ(names("tags.n = 1 OR id = b"), "db");
  EXPECT_EQ(names("tags:n -tags.n = 1 -name:a"), "cb");
  EXPECT_EQ(names("c OR d"), "cd");
  EXPECT_EQ(names("submitter != ada"), "");
  EXPECT_EQ(names("create_time < 1970-01-02", "create_time, id desc"), "dcba");
}

TEST(ListsOfRuns, OfAnArchivedExperimentAreHiddenButForTheOnesAskedFor) {
  const TempFolder folder;
  Server server(folder.path());
  server.write([](storage::Transaction& transaction) {
    const auto id = hooke::tests::add_experiment(transaction, "old").id;
    hooke::tests::add_run(transaction, id, "aaaa");
    hooke::tests::add_run(transaction, hooke::tests::add_experiment(transaction, "new").id, "bbbb");
    storage::archive_experiment(transaction, id, true);
  });
  const auto list = [&](const std::string& parent, bool archived) {
    v1::ListRunsRequest request;
    request.set_parent("experiments/" + parent);
    request.set_show_archived(archived);
    std::vector<std::string> found;
    const auto page = server.read([&](storage::Snapshot& s) { return list_runs(s, request, kListedAt); });
    for (const auto& run : page.runs()) found.push_back(run.run_id());
    return found;
  };
  EXPECT_THAT(list("-", false), ElementsAre("bbbb"));
  EXPECT_THAT(list("-", true), ElementsAre("bbbb", "aaaa"));
  EXPECT_THAT(list("old", false), ElementsAre("aaaa"));
}

TEST(ListsOfSeries, GiveManyNamesInMessagesThatFit) {
  constexpr int kSeries = 12'345;
  const TempFolder folder;
  Server server(folder.path());
  std::vector<std::string> keys;
  server.write([&](storage::Transaction& transaction) {
    const RunId run =
        hooke::tests::add_run(transaction, hooke::tests::add_experiment(transaction, "e").id, "aaaa");
    storage::SeriesDeclaration declaration;
    declaration.kind = storage::SeriesKind::kMatrix;
    for (int i = 0; i < 25; ++i) declaration.class_names.push_back("class number " + std::to_string(i));
    for (int i = 0; i < kSeries; ++i) {
      declaration.key = (i % 3 ? "train/" : "test_%/") + std::to_string(i);
      keys.push_back(declaration.key);
      storage::insert_series(transaction, run, declaration);
    }
  });
  std::sort(keys.begin(), keys.end());
  const auto list = [&](const std::string& prefix) {
    v1::ListSeriesRequest request;
    request.set_run("aaaa");
    request.set_page_size(10'000);
    request.set_prefix(prefix);
    std::vector<std::string> found;
    do {
      const auto page = server.read([&](storage::Snapshot& s) { return list_series(s, request); });
      EXPECT_LT(page.ByteSizeLong(), 4u << 20);
      for (const auto& series : page.series()) found.push_back(series.key());
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    return found;
  };
  EXPECT_EQ(list(""), keys);
  const auto begins_with = [&](const std::string& prefix) {
    std::vector<std::string> some;
    std::copy_if(keys.begin(), keys.end(), std::back_inserter(some),
                 [&](const std::string& key) { return key.starts_with(prefix); });
    return some;
  };
  for (const std::string prefix :
       {"train/", "train/12", "test_%/", "train/12344", "t%", "u", "train/1234567"})
    EXPECT_EQ(list(prefix), begins_with(prefix)) << prefix;
}

}  // namespace
}  // namespace hooke::query
