#include "server/access/token_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "server/storage/digest.h"

namespace hooke::access {
namespace {

using testing::HasSubstr;

class TokenFileTest : public testing::Test {
 protected:
  TokenFileTest() {
    std::string name = testing::TempDir() + "hooke-token-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    file_ = folder_ / "token";
  }
  ~TokenFileTest() override { std::filesystem::remove_all(folder_); }

  TokenFile read(bool make) { return read_token_file(file_, make, storage::random_bytes); }
  void write(const std::string& text) { std::ofstream(file_) << text; }
  void refused(const std::string& why, bool make = true) {
    try {
      read(make);
      ADD_FAILURE() << "was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kFailedPrecondition);
      EXPECT_THAT(error.what(), HasSubstr(file_.string()));
      EXPECT_THAT(error.what(), HasSubstr(why));
    }
  }

  std::filesystem::path folder_, file_;
};

TEST_F(TokenFileTest, ItIsMadeOnceForItsOwnerAlone) {
  const TokenFile first = read(true);
  EXPECT_TRUE(first.made);
  EXPECT_EQ(first.token.size(), 64u);
  struct stat status {};
  ASSERT_EQ(::stat(file_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  const TokenFile second = read(true);
  EXPECT_FALSE(second.made);
  EXPECT_FALSE(second.others_may_read);
  EXPECT_EQ(second.token, first.token);
  std::filesystem::remove(file_);
  EXPECT_NE(read(true).token, first.token);
}

TEST_F(TokenFileTest, AFileThatWasNamedMustBeThere) {
  refused("No such file", false);
}

TEST_F(TokenFileTest, AFileThatOthersMayReadIsToldOf) {
  write("0123456789abcdef\n");
  std::filesystem::permissions(file_, std::filesystem::perms(0644));
  const TokenFile file = read(false);
  EXPECT_EQ(file.token, "0123456789abcdef");
  EXPECT_TRUE(file.others_may_read);
}

TEST_F(TokenFileTest, WhatIsNoTokenIsRefused) {
  for (const std::string& text : {std::string(), std::string("short\n"), std::string(2000, 'x')}) {
    write(text);
    refused("16 to 1024 characters");
  }
  write("two words that are long enough\n");
  refused("one word");
}

TEST_F(TokenFileTest, AFolderThatIsNotThereIsAnError) {
  file_ = folder_ / "absent" / "token";
  refused("No such file");
}

}  // namespace
}  // namespace hooke::access
