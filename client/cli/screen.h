// The whole terminal for a while: the alternate screen, without cursor and echo, as `watch` uses it.
// Drawings come as lines with colours of their own, which is why no curses library stands between.
//
// One at a time in a process, used by one thread. Whatever ends the program puts the terminal back:
// leaving the scope, an exception, Ctrl-C, a signal that kills (but for SIGKILL), Ctrl-Z until fg.
#pragma once

#include <chrono>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "client/cli/cli.h"

namespace hooke::cli {

enum class Key { kQuit, kUp, kDown, kOther };

class Screen {
 public:
  // REQUIRES: terminal.out. Where the terminal is not the process's own, as in tests, only text is written.
  Screen(std::ostream& out, const Terminal& terminal);
  ~Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  // As it is now.
  int columns() const { return columns_; }
  int rows() const { return rows_; }

  // Replaces what stands there; what does not fit is cut.
  void show(const std::vector<std::string>& lines);
  // Waits for a key, for a change of size, or for `timeout`.
  std::optional<Key> wait(std::chrono::milliseconds timeout);

 private:
  void measure();

  std::ostream& out_;
  const bool own_;
  const bool keys_;  // and somebody can press them
  int columns_, rows_;
};

// Puts the terminal back where a Screen has it, else does nothing. Safe in a signal handler.
void leave_screen();

}  // namespace hooke::cli
