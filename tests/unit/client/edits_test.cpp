// Tags, notes and archiving: what the commands ask for and say.
#include "tests/unit/client/cli_fixture.h"

namespace hooke::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using Edits = CliTest;

TEST_F(Edits, TagsAreSetAndRemoved) {
  serve(two_runs());
  const Result tagged = hooke({"runs", "tag", "k3f9", "team=vision", "note=a=b", "--remove", "kind"});
  EXPECT_EQ(tagged.code, 0) << tagged.err;
  EXPECT_THAT(tagged.err, HasSubstr("k3f9aaaa: note=a=b team=vision"));
  const auto asked = server_->script().tags_asked;
  EXPECT_EQ(asked.name(), "experiments/shirts/runs/k3f9aaaa");
  EXPECT_EQ(asked.set().at("team"), "vision");
  EXPECT_EQ(asked.set().at("note"), "a=b");
  EXPECT_THAT(asked.remove(), ElementsAre("kind"));

  EXPECT_EQ(hooke({"experiments", "tag", "shirts", "--remove", "a", "--remove", "b"}).code, 0);
  EXPECT_EQ(server_->script().tags_asked.name(), "experiments/shirts");
  EXPECT_THAT(server_->script().tags_asked.remove(), ElementsAre("a", "b"));
}

TEST_F(Edits, TagsThatAreNoneAreRefused) {
  serve(two_runs());
  const Result nothing = hooke({"runs", "tag", "k3f9"});
  EXPECT_EQ(nothing.code, 2);
  EXPECT_THAT(nothing.err, HasSubstr("--remove"));
  const Result word = hooke({"runs", "tag", "k3f9", "vision"});
  EXPECT_EQ(word.code, 2);
  EXPECT_THAT(word.err, HasSubstr("vision"));
  EXPECT_EQ(hooke({"runs", "tag", "shirts", "a=b"}).code, 2) << "an experiment of two runs";
  EXPECT_EQ(hooke({"experiments", "tag", "k3f9", "a=b"}).code, 2) << "a run";
  EXPECT_EQ(server_->script().tags_asked.name(), "");
}

TEST_F(Edits, ANoteIsWrittenAndTakenAway) {
  serve(two_runs());
  EXPECT_EQ(hooke({"runs", "note", "k3f9", "lr too large"}).code, 0);
  EXPECT_EQ(server_->script().note_asked.note(), "lr too large");
  const Result none = hooke({"experiments", "note", "shirts", ""});
  EXPECT_EQ(none.code, 0) << none.err;
  EXPECT_EQ(server_->script().note_asked.name(), "experiments/shirts");
  EXPECT_EQ(server_->script().note_asked.note(), "");
  EXPECT_THAT(none.err, HasSubstr("no note"));
  EXPECT_EQ(hooke({"runs", "note", "k3f9"}).code, 2);
}

TEST_F(Edits, ArchivingTakesAllOfThemOrNone) {
  serve(two_runs());
  EXPECT_EQ(hooke({"runs", "archive", "k3f9", "nothing"}).code, 2);
  EXPECT_TRUE(server_->script().archived.empty());
  EXPECT_EQ(hooke({"runs", "archive", "k3f9", "k3f1", "--undo"}).code, 0);
  ASSERT_EQ(server_->script().archived.size(), 2u);
  EXPECT_TRUE(server_->script().archived[1].undo());
  EXPECT_EQ(hooke({"experiments", "archive", "shirts"}).code, 0);
  EXPECT_FALSE(server_->script().archived[2].undo());
  EXPECT_EQ(server_->script().archived[2].name(), "experiments/shirts");
}

// The queued one of the two runs can be deleted.
class Delete : public CliTest {
 protected:
  Delete() {
    Script script = two_runs();
    script.deletion.set_runs(1);
    script.deletion.set_points(12'345);
    script.deletion.set_bytes(3'200'000);
    serve(script);
  }
  // With somebody at the terminal, who types this.
  Result typing(const std::string& answer, const std::vector<std::string>& arguments) {
    terminal_.in = true;
    in_.str(answer);
    in_.clear();
    return hooke(arguments);
  }
};

TEST_F(Delete, ADryRunSaysWhatAndHowMuch) {
  const Result plan = hooke({"runs", "delete", "k3f1", "--dry-run"});
  EXPECT_EQ(plan.code, 0) << plan.err;
  EXPECT_EQ(plan.out, "k3f1bbbb: 1 run with 12345 points, about 3.2 MB\n");
  EXPECT_TRUE(server_->script().deleted.empty());
}

TEST_F(Delete, AsksOnATerminalAndTakesOnlyAYes) {
  const Result no = typing("n\n", {"runs", "delete", "k3f1"});
  EXPECT_EQ(no.code, 1);
  EXPECT_THAT(no.err,
              HasSubstr("delete 1 run with 12345 points, about 3.2 MB? This cannot be undone. [y/N]"));
  EXPECT_EQ(typing("\n", {"runs", "delete", "k3f1"}).code, 1);
  EXPECT_EQ(typing("", {"runs", "delete", "k3f1"}).code, 1);
  EXPECT_TRUE(server_->script().deleted.empty());
  const Result yes = typing("y\n", {"runs", "delete", "k3f1", "k3f1bbbb"});
  EXPECT_EQ(yes.code, 0) << yes.err;
  EXPECT_THAT(server_->script().deleted, ElementsAre("experiments/shirts/runs/k3f1bbbb"));
  EXPECT_THAT(yes.err, HasSubstr("deleted k3f1bbbb: 1 run with 12345 points, 3.2 MB given back"));
}

TEST_F(Delete, WithoutATerminalWantsYes) {
  const Result asked = hooke({"experiments", "delete", "shirts"});
  EXPECT_EQ(asked.code, 2);
  EXPECT_THAT(asked.err, HasSubstr("--yes"));
  EXPECT_TRUE(server_->script().deleted.empty());
  EXPECT_EQ(hooke({"experiments", "delete", "shirts", "--yes"}).code, 0);
  EXPECT_THAT(server_->script().deleted, ElementsAre("experiments/shirts"));
}

TEST_F(Delete, WhatCannotGoKeepsTheOthers) {
  const Result running = hooke({"runs", "delete", "k3f1", "k3f9", "--yes"});
  EXPECT_EQ(running.code, 1);
  EXPECT_THAT(running.err, HasSubstr("cancel it first"));
  EXPECT_EQ(hooke({"runs", "delete", "k3f1", "nothing", "--yes"}).code, 2);
  EXPECT_TRUE(server_->script().deleted.empty());
}

}  // namespace
}  // namespace hooke::test
