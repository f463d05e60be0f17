// Where a new attempt may begin: what the server has times what earlier attempts left.
#include "worker/agent/resume.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace hooke::agent {
namespace {

using testing::ElementsAreArray;

// An attempt's id is its number, unless a case says otherwise.
Barrier at(const std::string& attempt_id, std::uint64_t record, std::int64_t step) {
  return {attempt_id, record, step};
}

struct Left {
  std::int32_t number;
  std::optional<Barrier> base;                                // none: from the beginning
  std::vector<std::pair<std::int64_t, std::uint64_t>> ckpts;  // step, record
  bool has_spool = true;
  std::string id = {};
};

AttemptFolder folder_of(const Left& left) {
  AttemptFolder folder{
      left.number, left.id.empty() ? std::to_string(left.number) : left.id, left.base, left.has_spool, {}};
  for (const auto& [step, record] : left.ckpts)
    folder.checkpoints.push_back({std::to_string(left.number), step, record});
  return folder;
}

// "2:40" is the checkpoint of step 40 in attempt 2, which begins at its own barrier; "2:40 after 7 from
// 1@30" sends the records after 7 again, which follow the barrier of step 30 of attempt 1.
std::string text_of(const Resume& way) {
  std::string text = way.checkpoint.path.string() + ":" + std::to_string(way.checkpoint.step);
  if (!way.resend_after) return text;
  text += " after " + std::to_string(*way.resend_after);
  return text + " from " +
         (way.base ? way.base->attempt_id + "@" + std::to_string(way.base->step) : std::string("nothing"));
}

struct Case {
  const char* name;
  std::vector<Barrier> committed;
  std::vector<Left> left;
  std::vector<std::string> expected;
  bool must_resume = false;
};

const Case kCases[] = {
    {"nothing is there", {}, {}, {}},
    {"a folder without a checkpoint", {at("1", 9, 9)}, {{1, {}, {}}}, {}},
    {"its barrier is committed", {at("1", 9, 10)}, {{1, {}, {{10, 9}}}}, {"1:10"}},
    {"its barrier is committed and the spool is gone",
     {at("1", 9, 10)},
     {{1, {}, {{10, 9}}, false}},
     {"1:10"}},
    {"the newest step goes first",
     {at("1", 9, 10), at("1", 19, 20)},
     {{1, {}, {{10, 9}, {20, 19}}}},
     {"1:20", "1:10"}},
    {"an earlier barrier of its attempt is committed",
     {at("1", 9, 10), at("1", 19, 20)},
     {{1, {}, {{30, 29}}}},
     {"1:30 after 19 from 1@20"}},
    {"an earlier barrier is committed and the spool is gone",
     {at("1", 9, 10)},
     {{1, {}, {{30, 29}}, false}},
     {}},
    {"nothing of its attempt is committed, which began the run",
     {},
     {{1, {}, {{30, 29}}}},
     {"1:30 after 0 from nothing"}},
    {"nothing of its attempt is committed, which had resumed",
     {at("1", 9, 10)},
     {{1, {}, {{10, 9}}}, {2, at("1", 9, 10), {{30, 29}}}},
     {"2:30 after 0 from 1@10", "1:10"}},
    {"nothing of its attempt is committed, and what it had resumed was cut off since",
     {at("1", 9, 10)},
     {{2, at("1", 19, 20), {{30, 29}}}},
     {}},
    {"the folder of the attempt that it had resumed is gone",
     {at("1", 9, 10)},
     {{2, at("1", 9, 10), {{30, 29}}}},
     {"2:30 after 0 from 1@10"}},
    {"it sent old records again and died before any was committed: either copy will do",
     {at("1", 9, 10)},
     {{1, {}, {{20, 19}}}, {2, at("1", 9, 10), {{20, 14}}}},
     {"2:20 after 0 from 1@10", "1:20 after 9 from 1@10"}},
    {"it sent old records again, and they are committed as its own",
     {at("1", 9, 10), at("2", 14, 20)},
     {{1, {}, {{20, 19}}}, {2, at("1", 9, 10), {{20, 14}}}},
     {"2:20", "1:20 after 9 from 1@10"}},
    {"the committed barriers are of a newer attempt whose folder is gone",
     {at("1", 9, 10), at("2", 19, 30)},
     {{1, {}, {{20, 29}}}},
     {"1:20 after 9 from 1@10"}},
    {"a newer attempt whose folder is gone began again: nothing of the old one is left",
     {at("2", 9, 10)},
     {{1, {}, {{10, 9}, {20, 19}}}},
     {"1:20 after 0 from nothing", "1:10 after 0 from nothing"}},
    {"a newer attempt whose folder is gone began again: what had resumed the old one does not fit",
     {at("3", 9, 10)},
     {{2, at("1", 9, 10), {{20, 19}}}},
     {}},
    {"an attempt of the same number that a restored server has forgotten",
     {at("new", 9, 10)},
     {{3, at("2", 5, 5), {{10, 9}}, true, "old"}},
     {}},
    {"a forgotten attempt had resumed at a barrier that is there still",
     {at("2", 5, 5)},
     {{3, at("2", 5, 5), {{10, 9}}, true, "old"}},
     {"3:10 after 0 from 2@5"}},
    {"a file whose barrier was passed over", {at("1", 19, 20)}, {{1, {}, {{10, 9}}}}, {}},
    {"an extended run goes on at its end", {at("1", 99, 100)}, {{1, {}, {{100, 99}}}}, {"1:100"}, true},
    {"an extended run goes on at a later checkpoint",
     {at("1", 99, 100)},
     {{1, {}, {{100, 99}}}, {2, at("1", 99, 100), {{120, 19}}}},
     {"2:120 after 0 from 1@100", "1:100"},
     true},
    {"an extended run never begins again", {}, {{1, {}, {{100, 99}}}}, {}, true},
};

TEST(Resume, TakesWhatFitsAndNothingElse) {
  for (const Case& one : kCases) {
    std::vector<AttemptFolder> folders;
    for (const Left& left : one.left) folders.push_back(folder_of(left));
    std::vector<std::string> ways;
    for (const Resume& way : ways_to_resume(one.committed, folders, one.must_resume))
      ways.push_back(text_of(way));
    EXPECT_THAT(ways, ElementsAreArray(one.expected)) << one.name;
  }
}

// Attempts that begin, resume, die and come back at random, with records lost to other spools: whatever
// is chosen, the server's series is one trajectory without a hole. A step is known by the attempt that
// trained it, so that two trajectories differ everywhere.
class World {
 public:
  static constexpr int kMostSteps = 11;  // that one attempt trains
  using History = std::vector<int>;      // who trained step 0, 1, …

  explicit World(unsigned seed) : state_(seed) {}

  // False when the server's series is broken then.
  bool run_attempt() {
    Attempt attempt;
    const int number = static_cast<int>(records_.size()) + 1;
    attempt.folder = {number, std::to_string(number), {}, true, {}};
    auto& place = folders_[draw(2)];
    const auto ways = ways_to_resume(committed_, place, false);
    attempt.records.push_back({});  // the start
    if (!ways.empty() && draw(8) > 0)
      resume(attempt, ways[static_cast<std::size_t>(draw(static_cast<int>(ways.size())))]);
    for (int left = draw(kMostSteps + 1); left > 0; --left) {
      attempt.records.push_back({number, -1});
      attempt.weights.push_back(number);
      if (draw(4) == 0) add_checkpoint(attempt);
    }
    records_[attempt.folder.attempt_id] = attempt.records;
    place.push_back(attempt.folder);
    if (draw(6) == 0) place.clear();  // cleaned away
    return draw(4) == 0 || commit(attempt);
  }

  const History& server() const { return server_; }

 private:
  struct Record {
    int trained_by = 0;         // a step; 0: none
    std::int64_t barrier = -1;  // its step; -1: none
  };
  struct Attempt {
    AttemptFolder folder;
    std::vector<Record> records;
    History weights;  // what led to them
  };

  int draw(int count) {
    state_ = state_ * 1664525u + 1013904223u;
    return static_cast<int>((state_ >> 16) % static_cast<unsigned>(count));
  }

  void resume(Attempt& attempt, const Resume& way) {
    attempt.folder.base = way.base;
    attempt.weights = weights_.at(way.checkpoint.path.string());
    if (!way.resend_after) return;
    const std::string old = way.checkpoint.path.string();
    const auto& records = records_.at(old.substr(0, old.find('-')));
    for (auto i = static_cast<std::size_t>(*way.resend_after); i + 1 < way.checkpoint.record; ++i)
      if (records[i].trained_by > 0 || records[i].barrier >= 0) attempt.records.push_back(records[i]);
    add_checkpoint(attempt);
  }

  // With its barrier.
  void add_checkpoint(Attempt& attempt) {
    const auto step = static_cast<std::int64_t>(attempt.weights.size()) - 1;
    attempt.records.push_back({0, step});
    const std::string file = attempt.folder.attempt_id + "-" + std::to_string(attempt.records.size());
    attempt.folder.checkpoints.push_back({file, step, attempt.records.size()});
    weights_[file] = attempt.weights;
  }

  // The server gets the first records, at least the start.
  bool commit(const Attempt& attempt) {
    const std::int64_t resume_step = attempt.folder.base ? attempt.folder.base->step : -1;
    const auto kept = static_cast<std::size_t>(resume_step + 1);
    if (kept > server_.size()) return false;  // a hole
    server_.resize(kept);
    std::erase_if(committed_, [&](const Barrier& barrier) { return barrier.step > resume_step; });
    const int sent = 1 + draw(static_cast<int>(attempt.records.size()));
    for (int number = 1; number <= sent; ++number) {
      const Record& record = attempt.records[static_cast<std::size_t>(number) - 1];
      if (record.trained_by > 0) server_.push_back(record.trained_by);
      if (record.barrier < 0) continue;
      if (record.barrier + 1 != static_cast<std::int64_t>(server_.size())) return false;  // a hole
      committed_.push_back({attempt.folder.attempt_id, static_cast<std::uint64_t>(number), record.barrier});
    }
    return server_.size() <= attempt.weights.size() &&
           std::equal(server_.begin(), server_.end(), attempt.weights.begin());
  }

  unsigned state_;
  std::map<int, std::vector<AttemptFolder>> folders_;   // of two spools
  std::map<std::string, std::vector<Record>> records_;  // by attempt
  std::map<std::string, History> weights_;              // by checkpoint, "ATTEMPT-RECORD"
  std::vector<Barrier> committed_;
  History server_;
};

TEST(Resume, NeverMixesTrajectoriesWhateverDies) {
  std::size_t longest = 0;
  for (unsigned seed = 1; seed <= 1000; ++seed) {
    World world(seed);
    for (int attempt = 0; attempt < 25; ++attempt)
      ASSERT_TRUE(world.run_attempt()) << "seed " << seed << ", attempt " << attempt + 1;
    longest = std::max(longest, world.server().size());
  }
  EXPECT_GT(longest, 2 * World::kMostSteps) << "no attempt ever resumed one that had resumed";
}

}  // namespace
}  // namespace hooke::agent
