#include "client/cli/screen.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <ostream>
#include <string_view>
#include <thread>

#include "client/cli/output.h"

namespace hooke::cli {
namespace {

constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l\x1b[H\x1b[2J";
constexpr std::string_view kLeave = "\x1b[0m\x1b[?25h\x1b[?1049l";
// The ends that a handler can still see. SIGINT is the program's own matter: it ends with 130.
constexpr int kEnds[] = {SIGTERM, SIGHUP, SIGQUIT, SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};

// A signal handler gets no argument: what it needs to put the terminal back stands here.
std::atomic<bool> shown{false};
termios before;        // written before `shown` is set
bool changed = false;  // whether the terminal's settings were

void write_out(std::string_view text) {
  [[maybe_unused]] const auto ignored = ::write(STDOUT_FILENO, text.data(), text.size());
}

void take_input() {
  if (!changed) return;
  termios raw = before;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

void end(int signal_number) {
  leave_screen();
  std::signal(signal_number, SIG_DFL);
  ::raise(signal_number);
}

// Ctrl-Z: the shell gets its own screen back, `fg` this one.
void pause(int) {
  const bool was_shown = shown.load();
  leave_screen();
  ::raise(SIGSTOP);
  if (!was_shown) return;
  take_input();
  write_out(kEnter);
  shown = true;
}

void on_resize(int) {}  // only ends the waiting

}  // namespace

void leave_screen() {
  if (!shown.exchange(false)) return;
  write_out(kLeave);
  if (changed) ::tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

Screen::Screen(std::ostream& out, const Terminal& terminal)
    : out_(out),
      own_(terminal.own),
      keys_(terminal.own && terminal.in),
      columns_(terminal.columns),
      rows_(terminal.rows) {
  out_ << std::flush;
  if (!own_) {
    out_ << kEnter;
    return;
  }
  changed = keys_ && ::tcgetattr(STDIN_FILENO, &before) == 0;
  shown = true;
  for (const int number : kEnds) std::signal(number, end);
  std::signal(SIGTSTP, pause);
  struct sigaction resize {};
  resize.sa_handler = on_resize;
  ::sigaction(SIGWINCH, &resize, nullptr);  // without SA_RESTART
  take_input();
  write_out(kEnter);
}

Screen::~Screen() {
  if (!own_) {
    out_ << kLeave << std::flush;
    return;
  }
  out_ << std::flush;
  leave_screen();
  for (const int number : kEnds) std::signal(number, SIG_DFL);
  std::signal(SIGTSTP, SIG_DFL);
  std::signal(SIGWINCH, SIG_DFL);
}

void Screen::measure() {
  winsize size{};
  if (!own_ || ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return;
  columns_ = size.ws_col;
  rows_ = size.ws_row;
}

void Screen::show(const std::vector<std::string>& lines) {
  measure();
  std::string frame = "\x1b[H";
  const auto rows = static_cast<std::size_t>(rows_);
  for (std::size_t i = 0; i < lines.size() && i < rows; ++i) {
    if (i > 0) frame += "\r\n";
    frame += cut(lines[i], static_cast<std::size_t>(columns_)) + "\x1b[K";
  }
  out_ << frame << "\x1b[J" << std::flush;
}

std::optional<Key> Screen::wait(std::chrono::milliseconds timeout) {
  if (!keys_) {
    std::this_thread::sleep_for(timeout);
    return std::nullopt;
  }
  pollfd input{STDIN_FILENO, POLLIN, 0};
  if (::poll(&input, 1, static_cast<int>(timeout.count())) <= 0) return std::nullopt;
  char bytes[16];
  const ssize_t got = ::read(STDIN_FILENO, bytes, sizeof bytes);
  if (got <= 0) return Key::kQuit;  // nobody is there any more
  const std::string_view pressed(bytes, static_cast<std::size_t>(got));
  if (pressed == "q" || pressed == "Q") return Key::kQuit;
  if (pressed == "k" || pressed == "\x1b[A" || pressed == "\x1bOA") return Key::kUp;
  if (pressed == "j" || pressed == "\x1b[B" || pressed == "\x1bOB") return Key::kDown;
  return Key::kOther;
}

}  // namespace hooke::cli
