#include "client/cli/progress.h"

#include <algorithm>
#include <ostream>
#include <utility>

#include "client/cli/output.h"
#include "client/cli/text.h"

namespace hooke::cli {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kRedraw{100};
// Between two lines in a log.
constexpr std::chrono::seconds kLine{10};
// What is done sooner needs no word.
constexpr milliseconds kMoment{700};
constexpr milliseconds kProgressTick{250};

}  // namespace

std::string bar(double done, int columns, bool unicode) {
  const int full = static_cast<int>(std::clamp(done, 0.0, 1.0) * columns);
  std::string text;
  for (int i = 0; i < columns; ++i) text += i < full ? (unicode ? "█" : "#") : (unicode ? "░" : ".");
  return text;
}

bool ProgressLine::due() const {
  return Clock::now() - told_ >= (context_.terminal.err ? Clock::duration(kRedraw) : Clock::duration(kLine));
}

void ProgressLine::draw(const std::string& text) {
  if (text == last_) return;
  if (!context_.terminal.err) {
    if (!due()) return;
    context_.note(text);
  } else {
    context_.err << "\r\x1b[K"
                 << cut(text, static_cast<std::size_t>(std::max(1, context_.terminal.columns - 1)))
                 << std::flush;
    drawn_ = true;
  }
  told_ = Clock::now();
  last_ = text;
}

void ProgressLine::clear() {
  if (std::exchange(drawn_, false)) context_.err << "\r\x1b[K" << std::flush;
  last_.clear();
}

void ProgressLine::note(const std::string& text) {
  clear();
  context_.note(text);
}

Waiting::Waiting(Context& context, std::string what, InPipes in_pipes) : context_(context) {
  teller_ = std::thread([this, what = std::move(what), in_pipes] { tell(what, in_pipes); });
}

Waiting::~Waiting() {
  {
    const std::lock_guard lock(mutex_);
    done_ = true;
  }
  ended_.notify_all();
  teller_.join();
}

void Waiting::tell(const std::string& what, InPipes in_pipes) {
  const auto start = std::chrono::steady_clock::now();
  ProgressLine line(context_);
  std::unique_lock lock(mutex_);
  if (ended_.wait_for(lock, kMoment, [&] { return done_; })) return;
  if (!context_.terminal.err && in_pipes == InPipes::kAtOnce) context_.note("hooke: " + what);
  do {
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    line.draw(what + "  " + duration(seconds));
  } while (!ended_.wait_for(lock, kProgressTick, [&] { return done_; }));
}

}  // namespace hooke::cli
