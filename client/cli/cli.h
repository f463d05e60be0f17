// The program `hooke` as a function: arguments in, exit code out. main.cpp and the tests call it.
//
// One thread. A Context belongs to one call of run().
#pragma once

#include <filesystem>
#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "client/cli/api.h"
#include "client/sdk/endpoint.h"
#include "proto/hooke/error.h"

namespace hooke::cli {

enum ExitCode : int {
  kDone = 0,
  kFailed = 1,     // any other error
  kBadInput = 2,   // usage, or a value that is not allowed or names nothing
  kRunFailed = 3,  // a run that was waited for failed or was cancelled
  kNotAuthorised = 4,
  kInterrupted = 130,
};

// What is behind the streams. Nothing is assumed of a stream that is not a terminal.
struct Terminal {
  bool in = false;      // standard input is one, and somebody can be asked
  bool out = false;     // standard output is one
  bool err = false;     // standard error is one
  bool colour = false;  // and colour is wanted on standard output
  bool dumb = false;    // standard output is one that only takes lines
  bool own = false;     // standard output is the process's: its size may change, keys may be pressed
  bool unicode = true;  // the locale's characters are UTF-8
  int columns = 80;
  int rows = 24;
};

// What every command gets. The streams outlive it.
struct Context {
  Context(std::ostream& out_stream, std::ostream& err_stream) : out(out_stream), err(err_stream) {}

  // The server, connected on first use. Throws hooke::Error when the options name no usable one.
  Api& api();
  // A line on standard error.
  void note(const std::string& text);

  std::ostream& out;           // data
  std::ostream& err;           // everything else
  std::istream* in = nullptr;  // answers to questions, where terminal.in
  sdk::Environment environment = sdk::process_environment();
  Terminal terminal;
  std::filesystem::path programs;  // folder with hooked and hooke-worker
  sdk::ConnectOptions connect;     // filled from the flags
  int exit_code = kDone;           // set by commands that end without an error but not with 0

 private:
  std::unique_ptr<Api> api_;
};

// Runs one command line, without the program's name. Never throws.
int run(const std::vector<std::string>& arguments, Context& context);

// The exit code for an error.
ExitCode exit_code(Code code);

}  // namespace hooke::cli
