// HTTP, as browsers, curl and generated clients use it: a real server, real sockets.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>
#include <thread>

#include "hooke/v1/access.pb.h"
#include "hooke/v1/admin.pb.h"
#include "hooke/v1/experiment.pb.h"
#include "hooke/v1/query.pb.h"
#include "hooke/v1/worker.pb.h"
#include "tests/integration/harness.h"
#include "tests/text_of.h"

namespace hooke::harness {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using tests::text_of;

constexpr const char* kStatistics = "/hooke.v1.AdminService/GetStatistics";
constexpr const char* kTail = "/hooke.v1.QueryService/Tail";
constexpr const char* kEndless = "model: {type: mlp}\ntraining: {epochs: 2000}\n";

std::string enveloped(const std::string& message) {
  const auto size = static_cast<std::uint32_t>(message.size());
  std::string bytes{'\0'};
  for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(size >> shift);
  return bytes + message;
}

// Takes the messages of a stream's answer out of `bytes`: flags and text.
std::vector<std::pair<int, std::string>> take_messages(std::string& bytes) {
  std::vector<std::pair<int, std::string>> messages;
  while (bytes.size() >= 5) {
    std::size_t size = 0;
    for (int i = 1; i <= 4; ++i)
      size = size << 8 | static_cast<unsigned char>(bytes[static_cast<std::size_t>(i)]);
    if (bytes.size() < 5 + size) break;
    messages.emplace_back(bytes[0], bytes.substr(5, size));
    bytes.erase(0, 5 + size);
  }
  return messages;
}

class Http : public testing::Test {
 protected:
  void SetUp() override {
    house_.start_server();
    token_ = text_of(house_.folder() / "server/token");
    token_.erase(token_.find_last_not_of('\n') + 1);
  }

  httplib::Headers headers(httplib::Headers more = {}) const {
    if (more.count("Authorization") == 0) more.emplace("Authorization", "Bearer " + token_);
    return more;
  }
  httplib::Client client() const {
    httplib::Client one("127.0.0.1", house_.http_port());
    one.set_read_timeout(60);
    return one;
  }
  httplib::Response post(const std::string& path, const std::string& body, httplib::Headers more = {},
                         const char* type = "application/json") const {
    const auto answer = client().Post(path, headers(std::move(more)), body, type);
    EXPECT_TRUE(answer) << httplib::to_string(answer.error());
    return answer ? *answer : httplib::Response();
  }
  httplib::Response get(const std::string& path, httplib::Headers more = {}) const {
    const auto answer = client().Get(path, headers(std::move(more)));
    EXPECT_TRUE(answer) << httplib::to_string(answer.error());
    return answer ? *answer : httplib::Response();
  }
  // Hands each message of a stream to `take` until that says false, and hangs up then.
  httplib::Result follow(const std::string& path, const std::string& message,
                         const std::function<bool(int flags, const std::string&)>& take) const {
    std::string pending;
    httplib::Request request;
    request.method = "POST";
    request.path = path;
    request.headers = headers({{"Content-Type", "application/connect+json"}});
    request.body = enveloped(message);
    request.content_receiver = [&](const char* data, std::size_t size, std::uint64_t, std::uint64_t) {
      pending.append(data, size);
      for (const auto& [flags, text] : take_messages(pending))
        if (!take(flags, text)) return false;
      return true;
    };
    return client().send(request);
  }
  // A line's value in /metrics; -1 without.
  double metric(const std::string& name) const {
    const std::string text = "\n" + get("/metrics").body;
    const auto at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
  }
  static std::string code_of(const httplib::Response& answer) {
    const auto error = json::parse(answer.body, nullptr, false);
    return error.is_object() ? error.value("code", "") : "";
  }

  House house_;
  std::string token_;
};

TEST_F(Http, AUnaryCallInJsonAndInBytesGivesOneAnswer) {
  house_.submit(house_.config("name: there\nmodel: {type: linear}\n"));
  const auto in_json = post("/hooke.v1.ExperimentService/ListRuns", R"({"parent": "experiments/-"})");
  ASSERT_EQ(in_json.status, 200) << in_json.body;
  EXPECT_EQ(in_json.get_header_value("Content-Type"), "application/json");
  v1::ListRunsRequest request;
  request.set_parent("experiments/-");
  const auto in_bytes =
      post("/hooke.v1.ExperimentService/ListRuns", request.SerializeAsString(), {}, "application/proto");
  ASSERT_EQ(in_bytes.status, 200) << in_bytes.body;
  EXPECT_EQ(in_bytes.get_header_value("Content-Type"), "application/proto");
  v1::ListRunsResponse answer;
  ASSERT_TRUE(answer.ParseFromString(in_bytes.body));
  ASSERT_EQ(answer.runs_size(), 1);
  EXPECT_EQ(json::parse(in_json.body)["runs"][0]["name"], answer.runs(0).name());
}

TEST_F(Http, AStreamIsLiveAndEndsOnTheServerWhenItsReaderGoes) {
  house_.start_worker("one");
  const std::string run = house_.submit(house_.config(kEndless));
  const std::string name = json::parse(house_.answer({"runs", "show", run, "-o", "json"}))["name"];
  ASSERT_TRUE(eventually([&] { return house_.step_of(run) > 0; }));
  long last = -1;
  int messages = 0;
  double open = 0;
  const auto result = follow(kTail, R"({"names": [")" + name + R"("], "keys": ["train/loss"]})",
                             [&](int flags, const std::string& text) {
                               EXPECT_EQ(flags, 0) << text;
                               const json event = json::parse(text);
                               if (!event.contains("points")) return true;
                               for (const auto& column : event["points"]["columns"])
                                 for (const auto& step : column["step"]) {
                                   EXPECT_GT(std::stol(step.get<std::string>()), last);
                                   last = std::stol(step.get<std::string>());
                                 }
                               open = metric("hooke_http_streams");
                               return ++messages < 5;
                             });
  EXPECT_FALSE(result) << "it was left in the middle";
  EXPECT_EQ(messages, 5);
  EXPECT_EQ(open, 1);
  EXPECT_TRUE(eventually([&] {
    return metric(R"(hooke_rpcs_total{method="/hooke.v1.QueryService/Tail",code="CANCELLED"})") == 1;
  })) << "the server's own call goes on";
  EXPECT_EQ(metric("hooke_http_streams"), 0);
  EXPECT_EQ(house_.run_column(run, "state"), "running");
  house_.answer({"runs", "cancel", run});
}

TEST_F(Http, AServerThatIsStoppedEndsItsStreams) {
  house_.submit(house_.config(kEndless));
  std::atomic<bool> open = false;
  std::string end;
  std::thread reader([&] {
    follow(kTail, R"({"names": ["experiments/-"]})", [&](int flags, const std::string& text) {
      if (flags == 2) end = text;
      return true;
    });
    follow("/hooke.v1.ExperimentService/WatchRuns", R"({"names": ["experiments/hooke"]})",
           [&](int, const std::string&) { return true; });
  });
  reader.join();
  EXPECT_THAT(end, HasSubstr("\"error\"")) << "no such name";
  const std::string name = json::parse(
      post("/hooke.v1.ExperimentService/ListRuns", R"({"parent": "experiments/-"})").body)["runs"][0]["name"];
  end.clear();
  std::thread second([&] {
    follow(kTail, R"({"names": [")" + name + R"("]})", [&](int flags, const std::string& text) {
      open = true;
      if (flags == 2) end = text;
      return true;
    });
  });
  const bool began = eventually([&] { return open.load(); });
  house_.server().signal(SIGTERM);
  // Far less than a stream would stay open for.
  const auto status = house_.server().wait(std::chrono::seconds(20));
  if (!status) house_.server().signal(SIGKILL);
  second.join();
  EXPECT_TRUE(began);
  EXPECT_EQ(status, 0);
  EXPECT_THAT(end, HasSubstr("unavailable"));
}

TEST_F(Http, ErrorsHaveTheProtocolsShape) {
  const auto wrong = post(kStatistics, "{}", {{"Authorization", "Bearer wrong"}});
  EXPECT_EQ(wrong.status, 401);
  EXPECT_EQ(code_of(wrong), "unauthenticated");
  EXPECT_EQ(wrong.get_header_value("WWW-Authenticate"), "Bearer");
  EXPECT_EQ(wrong.get_header_value("Content-Type"), "application/json");
  const auto none = client().Post(kStatistics, "{}", "application/json");
  ASSERT_TRUE(none);
  EXPECT_EQ(none->status, 401) << "being in process earns no trust";

  const auto missing = post("/hooke.v1.ExperimentService/GetRun", R"({"name": "experiments/a/runs/b"})");
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(code_of(missing), "not_found");
  const auto bad = post("/hooke.v1.ExperimentService/ListRuns", R"({"parent": "x", "pageSize": -1})");
  EXPECT_EQ(bad.status, 400);
  EXPECT_EQ(json::parse(bad.body)["details"][0]["type"], "google.rpc.BadRequest");
  EXPECT_EQ(code_of(post(kStatistics, "\xff\xff", {}, "application/proto")), "invalid_argument");
  EXPECT_EQ(code_of(post(kStatistics, R"({"nothing": 1})")), "invalid_argument");
  const auto late = post("/hooke.v1.ExperimentService/ListRuns", R"({"parent": "experiments/-"})",
                         {{"Connect-Timeout-Ms", "0"}});
  EXPECT_EQ(late.status, 504);
  EXPECT_EQ(code_of(late), "deadline_exceeded");
}

TEST_F(Http, PagesOfOthersAndFormsAreRefusedAndChangeNothing) {
  const std::string run = house_.submit(house_.config("model: {type: linear}\n"));
  const std::string name = json::parse(house_.answer({"runs", "show", run, "-o", "json"}))["name"];
  const std::string cancel = R"({"name": ")" + name + R"("})";
  const std::string path = "/hooke.v1.ExperimentService/CancelRun";
  EXPECT_EQ(post(path, cancel, {{"Host", "evil.example"}}).status, 421);
  EXPECT_EQ(post(path, cancel, {{"Origin", "http://evil.example"}}).status, 403);
  EXPECT_EQ(post(path, cancel, {{"Origin", "null"}}).status, 403);
  EXPECT_EQ(post(path, cancel, {}, "text/plain").status, 415);
  EXPECT_EQ(post(path, cancel, {}, "application/x-www-form-urlencoded").status, 415);
  EXPECT_EQ(get(path).status, 405);
  EXPECT_EQ(client().Options(path, {{"Origin", "http://evil.example"}})->status, 403);
  EXPECT_EQ(post(kStatistics, "{}").get_header_value("Access-Control-Allow-Origin"), "");
  EXPECT_EQ(house_.run_column(run, "state"), "queued");
  const auto own = post(path, cancel, {{"Origin", "http://127.0.0.1:" + std::to_string(house_.http_port())}});
  EXPECT_EQ(own.status, 200) << own.body;
  EXPECT_EQ(house_.run_column(run, "state"), "cancelled");
}

TEST_F(Http, LargeBodiesAreRefusedAndTheServerGoesOn) {
  const std::string large = R"({"parent": ")" + std::string(5 << 20, 'x') + R"("})";
  const auto refused = post("/hooke.v1.ExperimentService/ListRuns", large);
  EXPECT_EQ(refused.status, 413);
  EXPECT_EQ(code_of(refused), "resource_exhausted");
  auto packed = client();
  packed.set_compress(true);
  const auto bomb = packed.Post("/hooke.v1.ExperimentService/ListRuns", headers(), large, "application/json");
  ASSERT_TRUE(bomb);
  EXPECT_EQ(code_of(*bomb), "resource_exhausted") << "small, but not when it is unpacked";
  EXPECT_EQ(get(std::string(20'000, 'x').insert(0, "/")).status, 431);
  EXPECT_EQ(post(kStatistics, "{}").status, 200);
}

TEST_F(Http, BodiesAreCompressedBothWays) {
  house_.answer({"submit", house_.config("model: {type: linear}\n"), "--seeds", "20"});
  auto packing = client();
  packing.set_compress(true);
  packing.set_decompress(false);
  const auto answer =
      packing.Post("/hooke.v1.ExperimentService/ListRuns", headers({{"Accept-Encoding", "gzip"}}),
                   R"({"parent": "experiments/-"})", "application/json");
  ASSERT_TRUE(answer);
  ASSERT_EQ(answer->status, 200) << answer->body;
  EXPECT_EQ(answer->get_header_value("Content-Encoding"), "gzip");
  EXPECT_EQ(answer->body.substr(0, 2), "\x1f\x8b");
  const auto plain = post("/hooke.v1.ExperimentService/ListRuns", R"({"parent": "experiments/-"})",
                          {{"Accept-Encoding", "identity"}});
  EXPECT_EQ(plain.get_header_value("Content-Encoding"), "");
  EXPECT_EQ(json::parse(plain.body)["runs"].size(), 20u);
  EXPECT_LT(answer->body.size(), plain.body.size());
}

// No method is written twice, so none can be forgotten: each answers, but for the workers' own.
TEST_F(Http, EveryMethodIsServedButTheWorkers) {
  int served = 0;
  for (const auto* message :
       {v1::GetStatisticsRequest::descriptor(), v1::WhoAmIRequest::descriptor(),
        v1::GetRunRequest::descriptor(), v1::GetSeriesRequest::descriptor(), v1::LeaseRequest::descriptor()})
    for (int s = 0; s < message->file()->service_count(); ++s) {
      const auto* service = message->file()->service(s);
      for (int m = 0; m < service->method_count(); ++m) {
        const auto* method = service->method(m);
        const std::string path = "/" + service->full_name() + "/" + method->name();
        SCOPED_TRACE(path);
        const bool streams = method->client_streaming() || method->server_streaming();
        const auto answer =
            streams ? post(path, enveloped("{}"), {}, "application/connect+json") : post(path, "{}");
        if (service->name() == "WorkerService") {
          EXPECT_EQ(answer.status, 404);
          EXPECT_EQ(code_of(answer), "unimplemented");
          continue;
        }
        ++served;
        // What the services say of themselves has another status.
        EXPECT_FALSE(answer.status == 404 && code_of(answer) == "unimplemented") << answer.body;
        EXPECT_THAT(answer.get_header_value("Content-Type"), HasSubstr("json"));
      }
    }
  EXPECT_GT(served, 30);
}

TEST_F(Http, TheLogNamesWhoCalled) {
  post(kStatistics, "{}");
  EXPECT_THAT(house_.server().err(), testing::ContainsRegex("GetStatistics http:127\\.0\\.0\\.1:[0-9]+ OK"));
}

TEST_F(Http, MetricsAskForATokenAndHealthDoesNot) {
  EXPECT_EQ(client().Get("/metrics")->status, 401);
  EXPECT_EQ(client().Get("/healthz")->body, "ok\n");
  house_.submit(house_.config("model: {type: linear}\n"));
  EXPECT_EQ(metric(R"(hooke_runs{state="queued"})"), 1);
  EXPECT_GT(metric("hooke_disk_free_bytes"), 0);
}

TEST_F(Http, TheAppsPageIsAskedForAnew) {
  const auto page = get("/");
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.get_header_value("Cache-Control"), testing::AnyOf("no-cache", "no-store"));
  EXPECT_THAT(page.get_header_value("Content-Security-Policy"), HasSubstr("default-src 'self'"));
}

// A connection that has said something and then says no more.
class Dawdler {
 public:
  Dawdler(int port, const std::string& words) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::send(socket_, words.data(), words.size(), MSG_NOSIGNAL), static_cast<ssize_t>(words.size()));
  }
  ~Dawdler() { ::close(socket_); }
  Dawdler(const Dawdler&) = delete;
  Dawdler& operator=(const Dawdler&) = delete;

  // Reads what is there without waiting.
  bool was_closed() const {
    char bytes[4096];
    for (;;) {
      const auto count = ::recv(socket_, bytes, sizeof bytes, MSG_DONTWAIT);
      if (count <= 0) return count == 0 || errno != EAGAIN;
    }
  }

 private:
  int socket_;
};

TEST_F(Http, CallersWhoDawdleKeepNobodyOutAndAreSentAway) {
  std::vector<std::unique_ptr<Dawdler>> dawdlers;
  const std::string head = std::string("POST ") + kStatistics + " HTTP/1.1\r\nHost: 127.0.0.1\r\n";
  const std::string body = head + "Authorization: Bearer " + token_ +
                           "\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
  for (int i = 0; i < 200; ++i)
    dawdlers.push_back(std::make_unique<Dawdler>(house_.http_port(), i % 2 == 0 ? head : body));
  EXPECT_GE(metric("hooke_http_connections"), 200);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(post(kStatistics, "{}").status, 200);
  EXPECT_TRUE(eventually([&] {
    return std::all_of(dawdlers.begin(), dawdlers.end(), [](const auto& one) { return one->was_closed(); });
  }));
  EXPECT_LT(metric("hooke_http_connections"), 10);
}

// What stands in the README below a heading: its indented lines.
std::string indented_lines(const std::string& heading) {
  std::ifstream readme(HOOKE_SOURCE_DIR "/README.md");
  std::string lines;
  bool inside = false;
  for (std::string line; std::getline(readme, line);) {
    if (line.starts_with("#")) inside = line == heading;
    if (inside && line.starts_with("    ")) lines += line.substr(4) + "\n";
  }
  return lines;
}

// The blocks of Python below a heading, as one program.
std::string python_blocks(const std::string& heading) {
  std::ifstream readme(HOOKE_SOURCE_DIR "/README.md");
  std::string program;
  bool inside = false, code = false;
  for (std::string line; std::getline(readme, line);) {
    if (!code && line.starts_with("#")) inside = line == heading;
    if (inside && line == "```") code = false;
    if (inside && code) program += line + "\n";
    if (inside && line == "```python") code = true;
  }
  return program;
}

// As after the quick start: the experiment is there, the server on the usual port, its token at home.
class Readme : public Http {
 protected:
  void SetUp() override {
    Http::SetUp();
    home_ = house_.folder() / "home";
    house_.start_worker("one");
    run_ = house_.submit(house_.config("name: fashion-mnist\nmodel: {type: linear}\n"));
    EXPECT_EQ(house_.hooke({"wait", run_}).exit_code, 0);
    std::filesystem::create_directories(home_ / ".local/state/hooke/server");
    std::ofstream(home_ / ".local/state/hooke/server/token") << token_ << '\n';
  }
  // What a program of the README prints, started at home.
  std::string output(const std::string& interpreter, std::string program) {
    program = std::regex_replace(program, std::regex("127.0.0.1:7071"),
                                 "127.0.0.1:" + std::to_string(house_.http_port()));
    std::ofstream(home_ / "program") << program;
    Process process({"/bin/sh", "-c", "cd \"$HOME\" && exec " + interpreter + " program"},
                    {{"HOME", home_}, {"PATH", "/usr/bin:/bin"}}, home_ / "output");
    EXPECT_EQ(process.wait(std::chrono::seconds(60)), 0) << process.out() << process.err();
    return process.out();
  }
  std::filesystem::path home_;
  std::string run_;
};

TEST_F(Readme, LinesForCurlWork) {
  const std::string lines = indented_lines("### curl");
  ASSERT_THAT(lines, HasSubstr("GetInfluence"));
  const std::string out =
      output("bash", "set -e\ncurl() { command curl --fail-with-body \"$@\"; echo; }\n" + lines);
  for (const char* part :
       {"ok\n", "\"runId\"", "\"train/loss\"", "\"classNames\"", "hooke_runs{state=\"succeeded\"} 1"})
    EXPECT_THAT(out, HasSubstr(part));
}

TEST_F(Readme, LinesOfPythonWork) {
  const std::string lines = indented_lines("### Python");
  ASSERT_THAT(lines, HasSubstr("series get RUN train/loss -o csv > curves.csv"));
  ASSERT_THAT(lines, HasSubstr("export RUN --format npz --out run.npz"));
  std::ofstream(home_ / "curves.csv") << house_.answer({"series", "get", run_, "train/loss", "-o", "csv"});
  ASSERT_EQ(house_.hooke({"export", run_, "--format", "npz", "--out", home_ / "run.npz"}).exit_code, 0);
  const std::string out = output("python3", python_blocks("### Python") + R"(
assert list(curves["step"]) == steps and len(steps) > 1, (curves, steps)
assert numpy.allclose(curves["value"], values)
assert mean.ndim == 3 and numpy.isfinite(mean).all()
print("agree")
)");
  EXPECT_EQ(out, "agree\n");
}

TEST(HttpTls, CallsAreEncryptedAndPlainOnesAreNotServed) {
  House::Options options;
  options.tls = true;
  House house(options);
  house.start_server();
  httplib::SSLClient client("127.0.0.1", house.http_port());
  client.set_ca_cert_path(house.certificate().c_str());
  client.enable_server_certificate_verification(true);
  const auto health = client.Get("/healthz");
  ASSERT_TRUE(health) << httplib::to_string(health.error());
  EXPECT_EQ(health->body, "ok\n");
  const auto refused = client.Post(kStatistics, "{}", "application/json");
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 401);
  std::signal(SIGPIPE, SIG_IGN);  // httplib says goodbye to a connection that is closed already
  EXPECT_FALSE(httplib::Client("127.0.0.1", house.http_port()).Get("/healthz"));
}

}  // namespace
}  // namespace hooke::harness
