#include "server/gateway/gateway.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "proto/hooke/error.h"
#include "server/app.h"
#include "server/own_socket.h"
#include "tests/temp_folder.h"

namespace hooke::gateway {
namespace {

GatewayOptions options(std::function<void()> check = [] {}) {
  GatewayOptions some;
  some.address = "127.0.0.1";
  some.check = std::move(check);
  return some;
}

// A whole server with a token.
class Served : public ::testing::Test {
 protected:
  Served() : folder_(std::filesystem::temp_directory_path() / ("hooke_http_" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(folder_);
    AppOptions some;
    some.listen = some.http = "127.0.0.1:0";
    some.data = folder_;
    app_ = std::make_unique<App>(some);
    std::ifstream(folder_ / "token") >> token_;
  }
  ~Served() override {
    app_.reset();
    std::filesystem::remove_all(folder_);
  }
  httplib::Result post(const std::string& path, const std::string& body, httplib::Headers headers = {},
                       const char* type = "application/json") {
    httplib::Client client("127.0.0.1", app_->http_port());
    if (headers.count("Authorization") == 0) headers.emplace("Authorization", "Bearer " + token_);
    return client.Post(path, headers, body, type);
  }

  const std::filesystem::path folder_;
  std::unique_ptr<App> app_;
  std::string token_;
};

TEST_F(Served, AUnaryCallAnswersInJson) {
  for (int i = 0; i < 50; ++i) {
    const auto answer = post("/hooke.v1.AdminService/GetStatistics", "{}");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200) << answer->body;
    EXPECT_NE(answer->body.find("schemaVersion"), std::string::npos) << answer->body;
  }
}

TEST_F(Served, AWrongTokenIsUnauthenticated) {
  const auto answer = post("/hooke.v1.AdminService/GetStatistics", "{}", {{"Authorization", "Bearer no"}});
  EXPECT_EQ(answer->status, 401);
  EXPECT_NE(answer->body.find("\"unauthenticated\""), std::string::npos);
}

TEST_F(Served, RefusalsHaveTheirStatus) {
  EXPECT_EQ(post("/hooke.v1.WorkerService/Lease", "{}")->status, 404);
  EXPECT_EQ(post("/hooke.v1.AdminService/GetStatistics", "{}", {}, "text/plain")->status, 415);
  EXPECT_EQ(post("/hooke.v1.AdminService/GetStatistics", R"({"bogus": 1})")->status, 400);
  EXPECT_EQ(post("/hooke.v1.AdminService/GetStatistics", "{}", {{"Host", "evil.example"}})->status, 421);
  EXPECT_EQ(post("/hooke.v1.AdminService/GetStatistics", "{}", {{"Origin", "http://evil.example"}})->status,
            403);
}

TEST_F(Served, AStreamEndsWithItsError) {
  const std::string body("\0\0\0\0\2{}", 7);
  const auto answer = post("/hooke.v1.ExperimentService/WatchRuns", body, {}, "application/connect+json");
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body.substr(0, 1), "\2");
  EXPECT_NE(answer->body.find("invalid_argument"), std::string::npos);
}

// Whoever may connect to the services' own socket comes past the certificates that clients must show.
TEST(OwnSocket, IsClosedToOthersAndGoesWithItsFolder) {
  std::filesystem::path folder;
  {
    const OwnSocket socket;
    folder = socket.folder();
    EXPECT_EQ(std::filesystem::status(folder).permissions(), std::filesystem::perms::owner_all);
    grpc::ServerBuilder builder;
    builder.AddListeningPort(socket.address(), grpc::InsecureServerCredentials());
    const auto server = builder.BuildAndStart();
    EXPECT_TRUE(std::filesystem::is_socket(folder / "grpc"));
    server->Shutdown();
  }
  EXPECT_FALSE(std::filesystem::exists(folder));
}

// Backups are made with programs that stop at what is neither a file nor a folder.
TEST_F(Served, TheDataFolderHasOnlyFilesAndFolders) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_))
    EXPECT_TRUE(entry.is_regular_file() || entry.is_directory()) << entry.path();
}

// TMPDIR is this folder.
class TemporaryIn {
 public:
  explicit TemporaryIn(const std::filesystem::path& folder) {
    if (const char* before = std::getenv("TMPDIR")) before_ = before;
    ::setenv("TMPDIR", folder.c_str(), 1);
  }
  ~TemporaryIn() { before_ ? ::setenv("TMPDIR", before_->c_str(), 1) : ::unsetenv("TMPDIR"); }
  TemporaryIn(const TemporaryIn&) = delete;
  TemporaryIn& operator=(const TemporaryIn&) = delete;

 private:
  std::optional<std::string> before_;
};

TEST(OwnSocket, TheTemporaryFolderMayHaveALongPath) {
  const auto top = std::filesystem::temp_directory_path() / ("hooke_long_" + std::to_string(::getpid()));
  const auto temporary = top / std::string(150, 'x');
  std::filesystem::create_directories(temporary);
  const TemporaryIn in(temporary);
  AppOptions some;
  some.listen = some.http = "127.0.0.1:0";
  some.no_auth = true;
  some.data = top / "data";
  {
    const App app(some);
    httplib::Client client("127.0.0.1", app.http_port());
    const auto answer = client.Post("/hooke.v1.AdminService/GetStatistics", "{}", "application/json");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200) << answer->body;
    EXPECT_FALSE(std::filesystem::is_empty(temporary));
  }
  EXPECT_TRUE(std::filesystem::is_empty(temporary));
  std::filesystem::remove_all(temporary);
  EXPECT_THROW(OwnSocket(), Error);
  std::filesystem::remove_all(top);
}

// Was: a full disk of temporary files kept the server from starting.
TEST(OwnSocket, IsInMemoryWhereTheTemporaryFolderHasNoRoom) {
  const hooke::tests::TempFolder full;
  if (::mount("hooke", full.path().c_str(), "tmpfs", 0, "nr_inodes=1") != 0)
    GTEST_SKIP() << "a tmpfs is for root to mount";
  {
    const TemporaryIn in(full.path());
    EXPECT_EQ(OwnSocket().folder().parent_path(), "/dev/shm");
  }
  ::umount2(full.path().c_str(), MNT_DETACH);
}

TEST(Gateway, HealthIsOkWhileTheDatabaseAnswers) {
  bool answers = true;
  Gateway gateway(options([&] {
    if (!answers) throw Error(Code::kUnavailable, "secret details");
  }));
  httplib::Client client("127.0.0.1", gateway.port());
  const auto good = client.Get("/healthz");
  ASSERT_TRUE(good);
  EXPECT_EQ(good->status, 200);
  EXPECT_EQ(good->body, "ok\n");
  answers = false;
  const auto bad = client.Get("/healthz");
  ASSERT_TRUE(bad);
  EXPECT_EQ(bad->status, 503);
  EXPECT_EQ(bad->body.find("secret"), std::string::npos);
}

TEST(Gateway, NothingElseIsThere) {
  Gateway gateway(options());
  httplib::Client client("127.0.0.1", gateway.port());
  for (const char* path : {"/nothing", "/healthz/x"}) EXPECT_EQ(client.Get(path)->status, 404) << path;
}

TEST(Gateway, APortThatIsTakenIsAnError) {
  Gateway first(options());
  auto second = options();
  second.port = first.port();
  EXPECT_THROW(Gateway{second}, Error);
}

TEST(Gateway, StoppingTwiceIsFine) {
  Gateway gateway(options());
  gateway.stop();
  gateway.stop();
}

}  // namespace
}  // namespace hooke::gateway
