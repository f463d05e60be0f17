// Experiments, runs, tokens, workers and requests. Attempts are tested by scheduling and ingest.
#include <gmock/gmock.h>

#include "server/storage/digest.h"
#include "server/storage/experiments.h"
#include "server/storage/requests.h"
#include "server/storage/runs.h"
#include "server/storage/tokens.h"
#include "server/storage/workers.h"
#include "tests/unit/server/storage/temp_database.h"

namespace hooke::storage {
namespace {

using hooke::tests::add_experiment;
using hooke::tests::add_run;
using hooke::tests::code_of;
using hooke::tests::Server;
using hooke::tests::TempFolder;
using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

class Families : public ::testing::Test {
 protected:
  Families() : server_(folder_.path()) {}

  // All pages of a list, two items a page.
  template <class List, class Name>
  std::vector<std::string> pages(List list, Name name) {
    std::vector<std::string> names;
    PageRequest page{2, ""};
    do {
      const auto found = server_.read([&](Snapshot& snapshot) { return list(snapshot, page); });
      EXPECT_LE(found.items.size(), 2u);
      for (const auto& item : found.items) names.push_back(name(item));
      page.after = found.next;
    } while (!page.after.empty());
    return names;
  }
  TempFolder folder_;
  Server server_;
};

TEST_F(Families, AnExperimentWhoseNameIsTakenGetsTheNextFreeNumber) {
  server_.write([](Transaction& transaction) {
    EXPECT_EQ(add_experiment(transaction, "cnn").name, "cnn");
    EXPECT_EQ(add_experiment(transaction, "cnn").name, "cnn-2");
    EXPECT_EQ(add_experiment(transaction, "cnn").name, "cnn-3");
  });
}

TEST_F(Families, RunsAreFoundByIdAndByPrefixWithAllThatItFits) {
  server_.write([](Transaction& transaction) {
    const auto experiment = add_experiment(transaction, "e").id;
    for (const char* id : {"abcd2345", "abce2345", "xyzw2345"}) add_run(transaction, experiment, id);
  });
  auto snapshot = server_.readers.snapshot();
  const auto ids = [&](const char* prefix, std::size_t limit) {
    std::vector<std::string> found;
    for (const auto& run : find_runs_by_prefix(snapshot, prefix, limit)) found.push_back(run.run_id);
    return found;
  };
  EXPECT_THAT(ids("abc", 5), ElementsAre("abcd2345", "abce2345"));
  EXPECT_THAT(ids("abc", 1), ElementsAre("abcd2345"));
  EXPECT_THAT(ids("x", 5), ElementsAre("xyzw2345"));
  EXPECT_THAT(ids("abcd2345", 5), ElementsAre("abcd2345"));
  EXPECT_THAT(ids("q", 5), ElementsAre());
  EXPECT_EQ(find_run(snapshot, "xyzw2345")->experiment_name, "e");
  EXPECT_FALSE(find_run(snapshot, "xyzw"));
  EXPECT_EQ(run_id_of("experiments/e/runs/abcd2345"), "abcd2345");
  EXPECT_EQ(run_id_of("abcd2345"), "abcd2345");
}

TEST_F(Families, ARunKeepsTheHashOfItsConfigurationAndRefusesATakenId) {
  server_.write([](Transaction& transaction) {
    const auto experiment = add_experiment(transaction, "e").id;
    const auto run = add_run(transaction, experiment, "abcd2345");
    // SHA-256 of "{}", by sha256sum.
    EXPECT_EQ(find_run(transaction, run)->config_hash,
              "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    EXPECT_EQ(code_of([&] { add_run(transaction, experiment, "abcd2345"); }), Code::kAlreadyExists);
  });
}

TEST_F(Families, AChangeOfStateIsInTheHistoryAndInTheCounts) {
  const auto run = server_.write([](Transaction& transaction) {
    const auto experiment = add_experiment(transaction, "e").id;
    add_run(transaction, experiment, "aaaaaaaa");
    const auto id = add_run(transaction, experiment, "bbbbbbbb");
    change_state(transaction, id, {RunState::kRunning, 2000, 1, {}, "w"});
    change_state(transaction, id, {RunState::kFailed, 3000, 1, {ReasonKind::kSignal, "killed", 0, 9}, "w"});
    return id;
  });
  auto snapshot = server_.readers.snapshot();
  const auto history = state_history(snapshot, run);
  ASSERT_EQ(history.size(), 3u);
  EXPECT_EQ(history[0].state, RunState::kQueued);
  EXPECT_EQ(history[1].worker, "w");
  EXPECT_EQ(history[2].reason, (Reason{ReasonKind::kSignal, "killed", 0, 9}));
  EXPECT_EQ(find_run(snapshot, run)->end_us, 3000);
  EXPECT_EQ(find_run(snapshot, run)->reason.signal, 9);
  EXPECT_THAT(count_runs(snapshot),
              UnorderedElementsAre(Pair(RunState::kQueued, 1), Pair(RunState::kFailed, 1)));
  EXPECT_THAT(count_runs(snapshot, ExperimentId{99}), ElementsAre());
}

TEST_F(Families, TagsAndNotesAreReplacedAndRemoved) {
  server_.write([](Transaction& transaction) {
    const auto experiment = add_experiment(transaction, "e").id;
    const auto run = add_run(transaction, experiment, "aaaaaaaa");
    update_run_tags(transaction, run, {{"a", "1"}, {"b", "2"}}, {});
    update_run_tags(transaction, run, {{"a", "3"}}, {"b", "absent"});
    update_run_note(transaction, run, "good");
    set_slurm_job(transaction, run, {"c", "12_3", 1, "n[1-2]", "PENDING"});
    const auto now = *find_run(transaction, run);
    EXPECT_THAT(now.tags, ElementsAre(Pair("a", "3")));
    EXPECT_EQ(now.note, "good");
    EXPECT_EQ(now.slurm->job_id, "12_3");
    EXPECT_EQ(code_of([&] { update_run_note(transaction, {99}, "x"); }), Code::kNotFound);
    EXPECT_EQ(code_of([&] { update_experiment_note(transaction, {99}, "x"); }), Code::kNotFound);
  });
}

TEST_F(Families, ATokenIsFoundByItsHashAndRevokedOnce) {
  server_.write([](Transaction& transaction) {
    insert_token(transaction, {"t1", sha256("secret"), "ada", Role::kSubmit, 1, 100, {}});
    insert_token(transaction, {"t2", sha256("other"), "bob", Role::kRead, 2, {}, {}});
    insert_token(transaction, {"t3", sha256("third"), "cy", Role::kAdmin, 3, {}, {}});
    EXPECT_EQ(code_of([&] {
                insert_token(transaction, {"t1", sha256("new"), "x", Role::kRead, 1, {}, {}});
              }),
              Code::kAlreadyExists);
    revoke_token(transaction, "t1", 50);
    revoke_token(transaction, "t1", 60);
    EXPECT_EQ(code_of([&] { revoke_token(transaction, "none", 60); }), Code::kNotFound);
  });
  const auto token = server_.read([](Snapshot& s) { return find_token_by_hash(s, sha256("secret")); });
  EXPECT_EQ(token->owner, "ada");
  EXPECT_EQ(token->role, Role::kSubmit);
  EXPECT_EQ(token->expire_us, 100);
  EXPECT_EQ(token->revoke_us, 50);
  EXPECT_FALSE(server_.read([](Snapshot& s) { return find_token_by_hash(s, sha256("wrong")); }));
  EXPECT_THAT(pages([](Snapshot& s, const PageRequest& page) { return list_tokens(s, page); },
                    [](const Token& t) { return t.token_id; }),
              ElementsAre("t1", "t2", "t3"));
}

TEST_F(Families, AWorkerIsSeenWithWhatItOffersAndWithItsRun) {
  server_.write([](Transaction& transaction) {
    const auto run = add_run(transaction, add_experiment(transaction, "e").id, "aaaaaaaa");
    see_worker(transaction, {"w1", {{"gpu", "a100"}}, {"cuda:0"}, "0.1.0", 1'000, {}, {}, {}});
    see_worker(transaction, {"w2", {}, {}, "0.1.0", 2'000, {}, {}, {}});
    set_worker_run(transaction, "w2", run, 3'000);
    // Nothing new within the quiet time: not even the time is written.
    see_worker(transaction, {"w1", {{"gpu", "a100"}}, {"cuda:0"}, "0.1.0", 2'000, {}, {}, {}});
  });
  const auto page = server_.read([](Snapshot& s) { return list_workers(s, 0, {}); });
  ASSERT_EQ(page.items.size(), 2u);
  EXPECT_EQ(page.items[0].last_seen_us, 1'000);
  EXPECT_THAT(page.items[0].labels, ElementsAre(Pair("gpu", "a100")));
  EXPECT_EQ(page.items[1].run_id, "aaaaaaaa");
  EXPECT_EQ(page.items[1].experiment_name, "e");
  EXPECT_EQ(server_.read([](Snapshot& s) { return list_workers(s, 2'500, {}); }).items.size(), 1u);
}

TEST(Digest, GivesThePublishedValues) {
  // FIPS 180-2, appendix B.1; RFC 4231, test case 2.
  EXPECT_EQ(to_hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_TRUE(equal_secrets("ab", "ab"));
  EXPECT_FALSE(equal_secrets("ab", "ac"));
  EXPECT_FALSE(equal_secrets("ab", "abc"));
  EXPECT_NE(random_bytes(32), random_bytes(32));
}

}  // namespace
}  // namespace hooke::storage
