// The syntax of filters and orders: what is understood, and what is refused with which words.
#include "server/query/filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/hooke/error.h"

namespace hooke::query {
namespace {

using testing::HasSubstr;

const char* sign_of(Comparator comparator) {
  constexpr const char* kSigns[] = {"=", "!=", "<", "<=", ">", ">=", ":"};
  return kSigns[static_cast<int>(comparator)];
}

std::string show(const Piece& piece) {
  return (piece.star_before ? "*" : "") + ("[" + piece.text + "]") + (piece.star_after ? "*" : "");
}

// The tree in brackets: every part of a member and every value in [], so that nothing is ambiguous.
std::string show(const Expression& e) {
  std::string text;
  switch (e.kind) {
    case Expression::Kind::kNot:
      return "!" + show(e.parts.at(0));
    case Expression::Kind::kComparison:
    case Expression::Kind::kWord:
      for (const Piece& piece : e.member) text += (text.empty() ? "" : ".") + show(piece);
      return e.kind == Expression::Kind::kWord ? text : text + sign_of(e.comparator) + show(e.value);
    default:
      break;
  }
  for (const Expression& part : e.parts)
    text += (text.empty() ? "" : e.kind == Expression::Kind::kAnd ? " & " : " | ") + show(part);
  return "(" + text + ")";
}

std::string parsed(const std::string& filter) {
  const auto tree = parse_filter(filter);
  return tree ? show(*tree) : "everything";
}

std::string refused_filter(const std::string& filter) {
  try {
    parse_filter(filter);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kInvalidArgument);
    EXPECT_EQ(error.field(), "filter");
    return error.what();
  }
  return "it was understood";
}

TEST(Filter, EmptyOnesAreOfEverything) {
  EXPECT_EQ(parsed(""), "everything");
  EXPECT_EQ(parsed(" \t\n"), "everything");
}

TEST(Filter, TheTreeIsTheOneOfTheGrammar) {
  const std::pair<const char*, const char*> kCases[] = {
      {"a", "[a]"},
      {"a.b.c", "[a].[b].[c]"},
      {"a = 1", "[a]=[1]"},
      {"a=1", "[a]=[1]"},
      {"a<1 b>2 c<=3 d>=4 e!=5 f:6", "([a]<[1] & [b]>[2] & [c]<=[3] & [d]>=[4] & [e]!=[5] & [f]:[6])"},
      {"a AND b OR c", "([a] & ([b] | [c]))"},
      {"a OR b AND c", "(([a] | [b]) & [c])"},
      {"(a AND b) OR c", "(([a] & [b]) | [c])"},
      {"a b OR c d", "([a] & ([b] | [c]) & [d])"},
      {"NOT a", "![a]"},
      {"-a", "![a]"},
      {"NOT a = 1 b", "(![a]=[1] & [b])"},
      {"-(a OR b)", "!([a] | [b])"},
      {"NOT (a b)", "!([a] & [b])"},
      {"((a))", "[a]"},
      {"NOTa ANDb ORc", "([NOTa] & [ANDb] & [ORc])"},
      {"state = RUNNING AND config.training.lr < 0.01 AND tags.team = \"vision\"",
       "([state]=[RUNNING] & [config].[training].[lr]<[0.01] & [tags].[team]=[vision])"},
      {"lr < -1e-4", "[lr]<[-1e-4]"},
      {"t > 2026-05-04T13:00:00+02:00", "[t]>[2026-05-04T13:00:00+02:00]"},
      {"(t>-24h)", "[t]>[-24h]"},
      {"latest.\"train/loss\" < 1", "[latest].[train/loss]<[1]"},
      {"latest.'a.b' : nan", "[latest].[a.b]:[nan]"},
      {"a = \"x \\\"y\\\" \\\\ 'z'\"", "[a]=[x \"y\" \\ 'z']"},
      {"a = 'it\\'s'", "[a]=[it's]"},
      {"a = \"\"", "[a]=[]"},
      {"a = \"cnn*\"", "[a]=[cnn]*"},
      {"a = *.cpp", "[a]=*[.cpp]"},
      {"a = \"*mid*\"", "[a]=*[mid]*"},
      {"a:*", "[a]:[]*"},
      {"a = \"\\*\"", "[a]=[*]"},
      {"a = \"(AND)\"", "[a]=[(AND)]"},
      {"größe = \"groß\" 日本", "([größe]=[groß] & [日本])"},
      {"my-run_1", "[my-run_1]"},
      {"a\nAND\tb", "([a] & [b])"},
  };
  for (const auto& [filter, tree] : kCases) EXPECT_EQ(parsed(filter), tree) << filter;
}

TEST(Filter, ErrorsSayWhereAndWhat) {
  const std::pair<const char*, std::vector<const char*>> kCases[] = {
      {"a =", {"character 4", "ends", "a value"}},
      {"a = AND b", {"character 5", "'AND'", "one value"}},
      {"a = (b OR c)", {"character 5", "'('", "a = 1 OR a = 2"}},
      {"AND a", {"character 1", "'AND'", "a field or a word"}},
      {"a AND", {"ends", "a field or a word"}},
      {"a OR OR b", {"character 6", "'OR'"}},
      {"a NOT", {"ends", "a field or a word"}},
      {"NOT NOT a", {"character 5", "'NOT'"}},
      {"(a", {"character 1", "never closed"}},
      {"((a)", {"character 1", "never closed"}},
      {"a)", {"character 2", "')'"}},
      {"()", {"character 2", "')'"}},
      {"a = \"x", {"character 5", "never closed"}},
      {"a = 'x\"", {"character 5", "never closed"}},
      {"a = \"x\\\"", {"never closed"}},
      {"a == 1", {"character 4", "'='"}},
      {"a ! b", {"character 3", "!="}},
      {"= 1", {"character 1", "'='", "a field or a word"}},
      {"a. = 1", {"character 3", "a name after the '.'"}},
      {"a..b", {"character 3", "'.'"}},
      {".a", {"character 1"}},
      {"a = \"x\"y", {"character 8", "'y'", "a space"}},
      {"a = 1,2", {"character 6", "','"}},
      {"f(x) = 1", {"character 6", "'='"}},
      {"a = \"a*b\"", {"'*'", "beginning"}},
      {"a = a*b", {"'*'", "beginning"}},
      {"a = 1 and b = 2", {"character 7", "AND", "'and'"}},
      {"not a", {"character 1", "NOT"}},
      {"日本 = \"x", {"character 6", "never closed"}},
  };
  for (const auto& [filter, words] : kCases)
    for (const char* word : words) EXPECT_THAT(refused_filter(filter), HasSubstr(word)) << filter;
  EXPECT_THAT(refused_filter(std::string("a = \0 b", 7)), HasSubstr("character 5: a NUL"));
}

TEST(Filter, HostileOnesAreRefusedBeforeTheyCost) {
  EXPECT_THAT(refused_filter(std::string(1 << 20, '(')), HasSubstr("1048576 bytes"));
  EXPECT_THAT(refused_filter(std::string(8000, '(')), HasSubstr("nested deeper"));
  EXPECT_EQ(parsed(std::string(8000, '-')), "![" + std::string(7999, '-') + "]");
  EXPECT_THAT(refused_filter(std::string(8000, '"')), HasSubstr("200 conditions"));
  EXPECT_THAT(refused_filter("\"" + std::string(7999, '\\')), HasSubstr("never closed"));
  std::string many;
  for (int i = 0; i < 201; ++i) many += "a ";
  EXPECT_THAT(refused_filter(many), HasSubstr("200 conditions"));
  many.resize(400);
  EXPECT_EQ(parse_filter(many)->parts.size(), 200u);
  const std::string deep = std::string(30, '(') + "a" + std::string(30, ')');
  EXPECT_EQ(parsed(deep), "[a]");
  EXPECT_THAT(refused_filter("(" + deep + ")"), HasSubstr("30 levels"));
}

// Whatever bytes come: a tree or an error, each in bounded time.
TEST(Filter, NoCutOfAFilterIsMoreThanAnError) {
  const std::string whole =
      "state = RUNNING AND -(config.'x' < 0.01 OR \"größe\\\"\" : *) NOT latest.\"a/b\" != \"x*\" (((日本)))";
  for (std::size_t begin = 0; begin < whole.size(); ++begin)
    for (std::size_t end = begin; end <= whole.size(); ++end) {
      try {
        parse_filter(whole.substr(begin, end - begin));
      } catch (const Error& error) {
        ASSERT_EQ(error.code(), Code::kInvalidArgument);
      }
    }
}

TEST(OrderBy, IsAListOfFieldsWithDirections) {
  const auto order = parse_order_by(" create_time desc, latest.\"train/loss\" ,seed asc");
  ASSERT_EQ(order.size(), 3u);
  EXPECT_EQ(text_of(order[0].member), "create_time");
  EXPECT_TRUE(order[0].descending);
  EXPECT_EQ(text_of(order[1].member), "latest.train/loss");
  EXPECT_FALSE(order[1].descending);
  EXPECT_FALSE(order[2].descending);
  EXPECT_TRUE(parse_order_by("").empty());
  const std::pair<const char*, const char*> kBad[] = {
      {"a,", "a field after the comma"}, {",a", "','"},           {"a b", "desc"},
      {"a desc desc", "comma"},          {"a DESC", "desc, asc"}, {"a b c d", "desc"},
      {"a,b,c,d,e,f,g,h,i", "at most 8"}};
  for (const auto& [text, word] : kBad) {
    try {
      parse_order_by(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.field(), "order_by");
      EXPECT_THAT(error.what(), HasSubstr(word)) << text;
    }
  }
}

}  // namespace
}  // namespace hooke::query
