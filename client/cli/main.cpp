// The program `hooke`.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "client/cli/cli.h"
#include "client/cli/screen.h"

namespace {

// Nothing to undo but the screen: what runs on the server goes on, and every file is replaced in one step.
void interrupted(int) {
  hooke::cli::leave_screen();
  [[maybe_unused]] const auto ignored = ::write(STDERR_FILENO, "\n", 1);
  ::_exit(hooke::cli::kInterrupted);
}

hooke::cli::Terminal look_at_terminal() {
  hooke::cli::Terminal terminal;
  terminal.in = ::isatty(STDIN_FILENO);
  terminal.out = ::isatty(STDOUT_FILENO);
  const char* kind = std::getenv("TERM");
  terminal.own = terminal.out;
  terminal.dumb = !kind || !*kind || std::string(kind) == "dumb";
  // Lines that are redrawn need what a dumb terminal lacks.
  terminal.err = ::isatty(STDERR_FILENO) && !terminal.dumb;
  const char* refused = std::getenv("NO_COLOR");
  terminal.colour = terminal.out && !terminal.dumb && !(refused && *refused);
  // An empty variable counts as unset, as in the C library.
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* locale = std::getenv(name);
    if (!locale || !*locale) continue;
    std::string text = locale;
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
    terminal.unicode = text.find("utf-8") != std::string::npos || text.find("utf8") != std::string::npos;
    break;
  }
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
    terminal.columns = size.ws_col;
    terminal.rows = size.ws_row;
  }
  return terminal;
}

// Whoever lists processes sees their arguments.
void hide_token(int argc, char** argv) {
  constexpr std::string_view kOption = "--token", kWithValue = "--token=";
  for (int i = 1; i < argc; ++i) {
    char* secret = nullptr;
    if (std::string_view(argv[i]).starts_with(kWithValue)) secret = argv[i] + kWithValue.size();
    if (argv[i] == kOption && i + 1 < argc) secret = argv[i + 1];
    if (secret) std::fill_n(secret, std::strlen(secret), 'x');
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGINT, interrupted);
  hooke::cli::Context context(std::cout, std::cerr);
  context.in = &std::cin;
  context.terminal = look_at_terminal();
  std::error_code ignored;
  context.programs = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  hide_token(argc, argv);
  return hooke::cli::run(arguments, context);
}
