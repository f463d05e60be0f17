// hooked: the server. Options and signals; everything else is server/app.h.
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <systemd/sd-daemon.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>

#include "hooke_version.h"
#include "proto/hooke/error.h"
#include "server/app.h"
#include "server/log.h"

namespace {

constexpr int kExitError = 1;
constexpr int kExitUsage = 2;

constexpr const char* kFooter =
    "Every option can also come from the environment (HOOKED_DATA for --data, and so on) or from a\n"
    "--config file with lines like\n"
    "  data = \"/var/lib/hooke\"\n\n"
    "Exit status: 0 stopped, 1 error, 2 bad option, 74 the disk failed and the database could not be\n"
    "opened again.\n\n"
    "Example:\n"
    "  hooked --data ~/hooke-data\n"
    "  HOOKE_TOKEN_FILE=~/hooke-data/token hooke runs list";

struct CommandLine {
  hooke::AppOptions app;
  std::string log_level = "info";
  std::string log_format = "text";
  double lease_period_s = 60;
};

void add_options(CLI::App& cli, CommandLine& line) {
  auto& app = line.app;
  const auto env = [](const char* name) { return std::string("HOOKED_") + name; };
  cli.add_option("--listen", app.listen, "HOST:PORT of gRPC; port 0: any")
      ->envname(env("LISTEN"))
      ->capture_default_str();
  cli.add_option("--http", app.http, "HOST:PORT of HTTP; port 0: any")
      ->envname(env("HTTP"))
      ->capture_default_str();
  cli.add_option("--data", app.data, "Data folder, on a local disk; made when it is not there")
      ->envname(env("DATA"))
      ->required();
  cli.add_option("--port-file", app.port_file,
                 "Written when both ports answer: gRPC's port, then HTTP's, a line each")
      ->envname(env("PORT_FILE"));
  cli.add_option("--log-level", line.log_level, "What is told on stderr")
      ->envname(env("LOG_LEVEL"))
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "off"}))
      ->capture_default_str();
  cli.add_option("--log-format", line.log_format, "text, or json: an object a line")
      ->envname(env("LOG_FORMAT"))
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  cli.add_flag("--no-auth", app.no_auth, "Ask for no token; on loopback only")->envname(env("NO_AUTH"));
  cli.add_option("--token-file", app.token_file,
                 "File with the admin token; default: DATA/token, made at first start")
      ->envname(env("TOKEN_FILE"));
  cli.add_option("--lease-period", line.lease_period_s,
                 "Seconds without a heartbeat after which a lease lapses")
      ->envname(env("LEASE_PERIOD"))
      ->check(CLI::Range(0.1, 86'400.0))
      ->capture_default_str();
  cli.add_option("--http-allow-host", app.http_allow_hosts,
                 "Further host names that HTTP answers to, beside --http's and localhost")
      ->envname(env("HTTP_ALLOW_HOST"))
      ->type_name("NAME");
  cli.add_option("--http-allow-origin", app.http_allow_origins,
                 "Other sites whose pages may call, as https://lab.example.org; default: none")
      ->envname(env("HTTP_ALLOW_ORIGIN"))
      ->type_name("ORIGIN");
  cli.add_option("--tls-cert", app.tls_cert, "Certificate chain of gRPC and HTTP, PEM")
      ->envname(env("TLS_CERT"));
  cli.add_option("--tls-key", app.tls_key, "Its private key, PEM")->envname(env("TLS_KEY"));
  cli.add_option("--tls-client-ca", app.tls_client_ca,
                 "Clients must show a certificate signed by this one, PEM")
      ->envname(env("TLS_CLIENT_CA"));
  cli.add_option(
         "--tls-client-role", app.tls_client_roles,
         "What a certificate alone allows over gRPC, by its common name, or by * for any other: read, "
         "worker, submit or admin; may be repeated; default: a token is asked for, too")
      ->envname(env("TLS_CLIENT_ROLE"))
      ->type_name("NAME=ROLE");
  cli.add_flag("--insecure-without-tls", app.insecure,
               "Listen beyond loopback without TLS, as behind a proxy that adds it: who can read the network "
               "between reads tokens and results")
      ->envname(env("INSECURE_WITHOUT_TLS"));
  cli.set_config("--config", "", "File with options (TOML)")->envname(env("CONFIG"));
  cli.set_version_flag("--version",
                       std::string("hooked ") + hooke::kVersion + " (" + hooke::kGitCommit + ")");
  cli.allow_config_extras(CLI::config_extras_mode::error);
  cli.footer(kFooter);
}

// Every thread made later inherits the mask, so that only this one, which waits, sees the signals.
sigset_t block_signals() {
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

}  // namespace

int main(int argc, char** argv) {
  CommandLine line;
  CLI::App cli("The server of Hooke: stores what workers measure and answers what it means.", "hooked");
  add_options(cli, line);
  try {
    cli.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // --help, --version
    return cli.exit(asked);
  } catch (const CLI::ParseError& error) {
    std::cerr << "hooked: " << error.what() << " (hooked --help shows every option)\n";
    return kExitUsage;
  }
  line.app.lease_period = std::chrono::milliseconds(static_cast<std::int64_t>(line.lease_period_s * 1000));
  hooke::set_up_log(line.log_level,
                    line.log_format == "json" ? hooke::LogFormat::kJson : hooke::LogFormat::kText);
  // gRPC's own notes on stderr say nothing that our one line does not; a user who wants them sets this.
  ::setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0);
  // Neither a core dump nor another process of this user reads tokens and keys in its memory.
  ::prctl(PR_SET_DUMPABLE, 0);
  const sigset_t signals = block_signals();
  try {
    hooke::App app(line.app);
    // For systemd's Type=notify; without systemd these do nothing.
    ::sd_notify(0, "READY=1");
    int received = 0;
    for (sigwait(&signals, &received); received == SIGHUP; sigwait(&signals, &received)) app.reload();
    ::sd_notify(0, "STOPPING=1");
    spdlog::info("{}: stopping", received == SIGINT ? "SIGINT" : "SIGTERM");
    app.stop();
    spdlog::info("stopped");
    return 0;
  } catch (const hooke::Error& error) {
    std::cerr << "hooked: " << hooke::describe(error) << '\n';
    return error.code() == hooke::Code::kInvalidArgument ? kExitUsage : kExitError;
  } catch (const std::exception& error) {
    std::cerr << "hooked: " << error.what() << '\n';
    return kExitError;
  }
}
