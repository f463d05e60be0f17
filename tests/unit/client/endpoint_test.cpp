// Where the server is and which token it gets.
#include "client/sdk/endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "client/sdk/state.h"
#include "proto/hooke/error.h"
#include "tests/unit/client/cli_fixture.h"

namespace hooke::test {
namespace {

using testing::HasSubstr;

class EndpointTest : public testing::Test {
 protected:
  sdk::Endpoint resolve(const sdk::ConnectOptions& flags = {}) {
    return sdk::resolve(flags, [this](const char* name) -> std::optional<std::string> {
      const auto found = variables_.find(name);
      return found == variables_.end() ? std::nullopt : std::optional(found->second);
    });
  }

  std::string token_file(const std::string& name, const std::string& text, mode_t mode = 0600) {
    const std::string file = folder_.write(name, text);
    ::chmod(file.c_str(), mode);
    return file;
  }

  void bring_up(const std::string& address) {
    const auto state = folder_.path() / ".local/state/hooke";
    std::filesystem::create_directories(state);
    sdk::write_up_state(state, {address,
                                "127.0.0.1:7071",
                                token_file("up-token", "of-up\n"),
                                {"/data"},
                                {{"hooked", 12, 34, "boot"}}});
  }

  std::string message(const sdk::ConnectOptions& flags) {
    try {
      resolve(flags);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kInvalidArgument);
      return error.what();
    }
    return "no error";
  }

  TemporaryFolder folder_;
  std::map<std::string, std::string> variables_{{"HOME", folder_.path()}};
};

TEST_F(EndpointTest, WithNothingItIsLocalhost7070WithoutATokenInPlainText) {
  const sdk::Endpoint endpoint = resolve();
  EXPECT_EQ(endpoint.address, "localhost:7070");
  EXPECT_EQ(endpoint.token, "");
  EXPECT_FALSE(endpoint.tls);
}

TEST_F(EndpointTest, AFlagGoesBeforeTheEnvironmentBeforeWhatUpLeft) {
  bring_up("127.0.0.1:7777");
  EXPECT_EQ(resolve().address, "127.0.0.1:7777");
  EXPECT_EQ(resolve().token, "of-up");

  variables_["HOOKE_SERVER"] = "localhost:1234";
  variables_["HOOKE_TOKEN_FILE"] = token_file("t", "of-file\n");
  EXPECT_EQ(resolve().address, "localhost:1234");
  EXPECT_EQ(resolve().token, "of-file");

  variables_["HOOKE_TOKEN"] = "of-variable";
  EXPECT_EQ(resolve().token, "of-variable");

  sdk::ConnectOptions flags;
  flags.token_file = token_file("f", " of-flag-file \n");
  EXPECT_EQ(resolve(flags).token, "of-flag-file");
  flags.token = "of-flag";
  flags.server = "localhost:4321";
  EXPECT_EQ(resolve(flags).token, "of-flag");
  EXPECT_EQ(resolve(flags).address, "localhost:4321");
}

TEST_F(EndpointTest, TheTokenOfUpIsForItsOwnServerOnly) {
  bring_up("127.0.0.1:7777");
  variables_["HOOKE_SERVER"] = "localhost:7777";
  EXPECT_EQ(resolve().token, "of-up") << "the same server under another name";
  variables_["HOOKE_SERVER"] = "localhost:7778";
  EXPECT_EQ(resolve().token, "");
  variables_["HOOKE_SERVER"] = "gpu-head:7777";
  EXPECT_EQ(resolve().token, "");
}

TEST_F(EndpointTest, AnotherHostIsReachedByTlsAlone) {
  sdk::ConnectOptions flags;
  for (const char* address :
       {"gpu-head:7070", "10.0.0.1:7070", "127.0.0.1.example.org:7070", "[2001:db8::1]:7070"}) {
    flags.server = address;
    EXPECT_TRUE(resolve(flags).tls) << address;
  }
  for (const char* address : {"localhost:1", "127.0.0.1:7070", "127.9.9.9:7070", "[::1]:7070"}) {
    flags.server = address;
    EXPECT_FALSE(resolve(flags).tls) << address;
  }
  flags.ca = folder_.write("ca.pem", "x");
  EXPECT_TRUE(resolve(flags).tls) << "an authority asks for TLS on loopback too";
}

TEST_F(EndpointTest, AnAuthorityInTheEnvironmentIsNotForTheServerOfUp) {
  variables_["HOOKE_CA"] = folder_.write("ca.pem", "x");
  EXPECT_TRUE(resolve().tls);
  bring_up("127.0.0.1:7777");
  EXPECT_FALSE(resolve().tls);
}

TEST_F(EndpointTest, MalformedAddressesAreRefused) {
  sdk::ConnectOptions flags;
  for (const char* address : {"localhost", ":7070", "localhost:", "localhost:x", "localhost:0",
                              "localhost:70000", "::1:7070", "a b:1", "http://localhost:7070"}) {
    flags.server = address;
    EXPECT_THAT(message(flags), HasSubstr(address)) << address;
  }
  variables_["HOOKE_SERVER"] = "nowhere";
  EXPECT_THAT(message({}), HasSubstr("HOOKE_SERVER"));
}

TEST_F(EndpointTest, ATokenFileMustBeTheUsersAlone) {
  sdk::ConnectOptions flags;
  for (const mode_t mode : {0640, 0604, 0660, 0644}) {
    flags.token_file = token_file("t", "secret", mode);
    EXPECT_THAT(message(flags), HasSubstr("chmod 600")) << mode;
  }
  flags.token_file = token_file("t", "secret", 0400);
  EXPECT_EQ(resolve(flags).token, "secret");
  flags.token_file = token_file("t", " \n");
  EXPECT_THAT(message(flags), HasSubstr("empty"));
  flags.token_file = token_file("t", "two words");
  EXPECT_THAT(message(flags), HasSubstr("more than one word"));
  flags.token_file = "/nonexistent";
  EXPECT_THAT(message(flags), HasSubstr("/nonexistent"));
  flags.token_file = folder_.path();
  EXPECT_THAT(message(flags), HasSubstr("not a file"));
}

TEST_F(EndpointTest, WhatUpRecordsIsReadBackAndIsTheUsersAlone) {
  const sdk::UpState state{"127.0.0.1:1", "127.0.0.1:2", "/t", {"/a", "/b"}, {{"hooked", 7, 1ULL << 60, "b"}},
                           true};
  sdk::write_up_state(folder_.path(), state);
  struct stat status {};
  ASSERT_EQ(::stat((folder_.path() / "up.json").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  const auto again = sdk::read_up_state(folder_.path());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->address, state.address);
  EXPECT_EQ(again->data_roots, state.data_roots);
  EXPECT_EQ(again->processes, state.processes);
  EXPECT_TRUE(again->allow_torchscript);
}

TEST_F(EndpointTest, ARecordThatIsCutShortIsAsGoodAsNone) {
  folder_.write("up.json", "{\"address\": \"127.0");
  EXPECT_FALSE(sdk::read_up_state(folder_.path()));
}

}  // namespace
}  // namespace hooke::test
