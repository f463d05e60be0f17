// A program that seems to be `hooked` as far as `hooke up` can see: options, token, port file, health.
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>

#include "tests/unit/client/fake_server.h"

int main(int argc, char** argv) {
  std::map<std::string, std::string> options;
  for (int i = 1; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
  const std::filesystem::path token = std::filesystem::path(options["--data"]) / "token";
  std::ofstream(token) << "secret-of-up\n";
  ::chmod(token.c_str(), S_IRUSR | S_IWUSR);
  hooke::test::Script script;
  script.token = "secret-of-up";
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const std::string& listen = options["--listen"];
  hooke::test::FakeServer server(script, std::stoi(listen.substr(listen.rfind(':') + 1)));
  const std::string fresh = options["--port-file"] + ".new";
  std::ofstream(fresh) << server.port() << '\n' << server.port() << '\n';
  std::filesystem::rename(fresh, options["--port-file"]);
  int received = 0;
  ::sigwait(&signals, &received);
  return 0;
}
