// Where the server is and how to prove who is calling: from flags, the environment and what
// `hooke up` left, in this order.
//
// Plain values, standard library only. Owned by the caller; any thread may call the functions.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace hooke::sdk {

// Looks a variable up; nothing when it is unset or empty. A parameter, so that tests own it.
using Environment = std::function<std::optional<std::string>(const char* name)>;

// The process's own environment.
Environment process_environment();

// What flags said; empty means not given.
struct ConnectOptions {
  std::string server;      // host:port
  std::string token;       // the secret itself
  std::string token_file;  // file that holds the secret
  std::string ca;          // PEM file with the authority that signed the server's certificate
  std::string cert, key;   // PEM files: the caller's own certificate and its key
};

// A server and what is shown to it.
struct Endpoint {
  std::string address;              // host:port
  std::string token;                // empty: none
  std::string token_origin;         // for messages, as "HOOKE_TOKEN_FILE (/home/a/token)"; empty without one
  std::string ca_file;              // empty: the system's authorities, where TLS is used
  std::string cert_file, key_file;  // empty: the caller has no certificate
  bool tls = false;
};

// Settles every part: flag, then HOOKE_SERVER, HOOKE_TOKEN, HOOKE_TOKEN_FILE, HOOKE_CA, HOOKE_CERT,
// HOOKE_KEY, then what `hooke up` recorded, then localhost:7070. The token of `hooke up` is used for its own
// server only. TLS is off on loopback without a CA, and on everywhere else: a token never travels in plain
// text to another host. Throws hooke::Error (kInvalidArgument): a malformed address, an unreadable or unsafe
// file.
Endpoint resolve(const ConnectOptions& flags, const Environment& environment);

// The secret in `file`, without white space around it.
// Throws hooke::Error (kInvalidArgument): missing, empty, or readable by others (with the chmod
// that mends it).
std::string read_token_file(const std::filesystem::path& file);

// Whether host:port is this machine's loopback interface: localhost, 127.0.0.0/8 or [::1].
bool is_loopback(const std::string& address);

}  // namespace hooke::sdk
