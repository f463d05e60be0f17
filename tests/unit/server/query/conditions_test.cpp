// What fields there are and which values fit them.
#include "server/query/conditions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/hooke/error.h"

namespace hooke::query {
namespace {

using storage::Comparison;
using storage::Condition;
using storage::Field;
using testing::HasSubstr;

constexpr TimeUs kNow = 1'000'000'000'000'000;

Condition bound(const std::string& filter, ListOf list = ListOf::kRuns) {
  return condition_of(*parse_filter(filter), list, kNow);
}

std::string refused(const std::string& filter, ListOf list = ListOf::kRuns) {
  try {
    bound(filter, list);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kInvalidArgument);
    EXPECT_EQ(error.field(), "filter");
    return error.what();
  }
  return "it was understood";
}

std::int64_t whole(const std::string& filter) {
  return std::get<std::int64_t>(bound(filter).value);
}

TEST(Conditions, ValuesAreReadAsTheFieldsTypeSays) {
  EXPECT_EQ(whole("state = RUNNING"), 2);
  EXPECT_EQ(whole("state = running"), 2);
  EXPECT_EQ(whole("state = \"RUN_STATE_FAILED\""), 4);
  EXPECT_EQ(whole("seed = 7"), 7);
  EXPECT_EQ(whole("seed > -9223372036854775808"), INT64_MIN);
  EXPECT_EQ(std::get<double>(bound("seed < 2.5").value), 2.5);
  EXPECT_EQ(whole("archived = true"), 1);
  EXPECT_EQ(whole("create_time < 1970-01-01T00:00:01Z"), 1'000'000);
  EXPECT_EQ(whole("create_time < 1970-01-01T02:00:00.5+02:00"), 500'000);
  EXPECT_EQ(whole("create_time < 1970-01-02"), 86'400'000'000);
  EXPECT_EQ(whole("create_time > -24h"), kNow - 86'400'000'000);
  EXPECT_EQ(whole("duration > 90s"), 90'000'000);
  EXPECT_EQ(whole("duration > 1.5h"), 5'400'000'000);
  EXPECT_EQ(whole("duration > 250ms"), 250'000);
  EXPECT_EQ(whole("duration > 2d"), 172'800'000'000);
  EXPECT_EQ(std::get<double>(bound("latest.\"train/loss\" < 1e-3").value), 1e-3);
  EXPECT_TRUE(std::isnan(std::get<double>(bound("latest.x:nan").value)));
  EXPECT_EQ(std::get<double>(bound("latest.x > -inf").value), -INFINITY);
  EXPECT_EQ(std::get<std::string>(bound("config.training.optimizer = ADAM").value), "adam");
  EXPECT_EQ(whole("config.model.bias = true"), 1);
  EXPECT_EQ(std::get<std::string>(bound("config.name = \"7\"").value), "7");
}

TEST(Conditions, PathsAndKeysAreResolved) {
  EXPECT_EQ(bound("config.training.lr < 0.01").operand.key, "$.training.lr");
  EXPECT_EQ(bound("config.probes.updates.0.lr < 0.01").operand.key, "$.probes.updates[0].lr");
  EXPECT_EQ(bound("config.model.hidden.1 = 32").operand.key, "$.model.hidden[1]");
  EXPECT_EQ(bound("config.measures:kl").comparison, Comparison::kHolds);
  EXPECT_EQ(bound("tags.a.b = x").operand.key, "a.b");
  EXPECT_EQ(bound("tags.\"my key\" = x").operand.key, "my key");
  EXPECT_EQ(bound("tags:team").operand.key, "team");
  EXPECT_EQ(bound("tags:team").comparison, Comparison::kPresent);
  EXPECT_EQ(bound("latest.\"elasticity/size.kl\" > 0").operand.key, "elasticity/size.kl");
  EXPECT_EQ(bound("latest.train/loss > 0").operand.key, "train/loss") << "as it is unambiguous";
  EXPECT_EQ(bound("note:*").comparison, Comparison::kPresent);
  EXPECT_TRUE(mentions(bound("a OR NOT (archived = true)"), Field::kArchived));
  EXPECT_FALSE(mentions(bound("a OR archivedx"), Field::kArchived));
}

TEST(Conditions, WhatDoesNotFitIsRefusedWithWhatIsAllowed) {
  const std::pair<const char*, std::vector<const char*>> kCases[] = {
      {"stat = RUNNING", {"character 1", "'stat'", "runs", "state", "config.PATH", "latest.\"SERIES\""}},
      {"state = DONE", {"character 9", "'DONE'", "queued, running, succeeded, failed, cancelled"}},
      {"state < RUNNING", {"no order"}},
      {"seed = x", {"character 8", "'x'", "seed", "number"}},
      {"seed = 1x", {"'1x'"}},
      {"seed != nan", {"'nan'", "seed"}},
      {"seed.x = 1", {"character 6", "no fields of its own"}},
      {"archived = 1", {"true nor false"}},
      {"archived", {"character 1", "field without a comparison"}},
      {"create_time > yesterday", {"'yesterday'", "2026-05-04T13:00:00Z", "-24h"}},
      {"create_time > 2026-13-01", {"2026-13-01"}},
      {"create_time > 24h", {"24h"}},
      {"duration > 90", {"'90'", "90s"}},
      {"duration > 1e30d", {"1e30d"}},
      {"config = 1", {"config.training.lr", "data, model, training"}},
      {"config.train.lr < 1", {"character 8", "'train'", "data, model, training"}},
      {"config.training.learning_rate < 1", {"character 17", "config.training", "optimizer, lr"}},
      {"config.training.lr.x < 1", {"'x'", "no fields of its own"}},
      {"config.training = 1", {"optimizer, lr"}},
      {"config.training.optimizer = adamm", {"'adamm'", "sgd, adam"}},
      {"config.training.optimizer < adam", {"no order"}},
      {"config.training.lr = much", {"'much'", "number"}},
      {"config.training.lr = \"1*\"", {"'*'", "text"}},
      {"config.measures = kl", {"list", "':'"}},
      {"config.measures:l7", {"'l7'", "kl"}},
      {"config.probes.updates:adam", {"list", "config.probes.updates.0."}},
      {"config.probes.updates.lr = 1", {"'lr'", "number", "config.probes.updates.0"}},
      {"tags = x", {"needs a key", "tags.team"}},
      {"tags.a < \"x*\"", {"'*'"}},
      {"latest < 1", {"needs a key", "train/loss"}},
      {"latest.x < much", {"'much'"}},
      {"run_count > 1", {"'run_count'", "no field of runs"}},
  };
  for (const auto& [filter, words] : kCases)
    for (const char* word : words) EXPECT_THAT(refused(filter), HasSubstr(word)) << filter;
  EXPECT_THAT(refused("config.training.lr < 1", ListOf::kExperiments), HasSubstr("no field of experiments"));
  EXPECT_THAT(refused("state = RUNNING", ListOf::kExperiments), HasSubstr("state:RUNNING"));
  EXPECT_THAT(refused("seed = \"" + std::string(1000, 'x') + "\""), HasSubstr("xxx…"));
}

TEST(Conditions, AnOrderIsByFieldsThatHaveOne) {
  const auto order = [](const std::string& text, ListOf list) {
    return sort_keys_of(parse_order_by(text), list);
  };
  EXPECT_EQ(order("config.training.lr desc", ListOf::kRuns)[0].operand.key, "$.training.lr");
  EXPECT_EQ(order("name, run_count", ListOf::kExperiments).size(), 2u);
  const std::pair<const char*, const char*> kBad[] = {{"nothing", "no field"},
                                                      {"seed, seed desc", "twice"},
                                                      {"id, run_id", "twice"},
                                                      {"tags", "needs a key"},
                                                      {"latest desc", "needs a key"},
                                                      {"config.measures", "no single value"},
                                                      {"config.training", "no single value"}};
  for (const auto& [text, word] : kBad) {
    try {
      order(text, ListOf::kRuns);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.field(), "order_by") << text;
      EXPECT_THAT(error.what(), HasSubstr(word)) << text;
    }
  }
  EXPECT_THROW(order("state", ListOf::kExperiments), Error);
}

}  // namespace
}  // namespace hooke::query
