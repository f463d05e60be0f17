// What a person sees while something takes long. Always on standard error: a line that is redrawn in
// place on a terminal, else a line of its own now and then.
//
// Each object belongs to one command. ProgressLine: one thread. Waiting has a thread of its own, which
// alone writes while it lives.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "client/cli/cli.h"

namespace hooke::cli {

// A bar of `columns` cells of which `done` (0 to 1) are full; letters where there is no UTF-8.
std::string bar(double done, int columns, bool unicode);

class ProgressLine {
 public:
  explicit ProgressLine(Context& context) : context_(context) {}
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // Whether enough time has passed that draw() would show something new: for callers whose text costs.
  bool due() const;
  void draw(const std::string& text);
  void clear();
  // A line that stays.
  void note(const std::string& text);

 private:
  using Clock = std::chrono::steady_clock;

  Context& context_;
  bool drawn_ = false;
  Clock::time_point told_ = Clock::now();
  std::string last_;
};

// For a call that says nothing until it is done: `what` and how long it has taken, once that is longer
// than a moment. Gone with the object.
class Waiting {
 public:
  enum class InPipes { kNowAndThen, kAtOnce };  // where standard error is no terminal
  Waiting(Context& context, std::string what, InPipes in_pipes = InPipes::kNowAndThen);
  ~Waiting();
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  void tell(const std::string& what, InPipes in_pipes);

  Context& context_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool done_ = false;  // guarded by mutex_
  std::thread teller_;
};

}  // namespace hooke::cli
