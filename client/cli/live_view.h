// Runs on a terminal, redrawn in place: a bar each, the newest figures, the newest matrix.
//
// Owned by one command, one thread. The cursor is never hidden: an interrupt leaves nothing to
// undo. Time comes in with each drawing.
#pragma once

#include <chrono>
#include <iosfwd>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "client/cli/cli.h"
#include "client/cli/feed.h"
#include "client/cli/matrix.h"

namespace hooke::cli {

class LiveView {
 public:
  LiveView(std::ostream& out, const Terminal& terminal) : out_(out), terminal_(terminal) {}

  // Replaces what was drawn before.
  void draw(const RunFeed::View& view, const std::optional<v1::GetInfluenceResponse>& matrix,
            std::chrono::steady_clock::time_point now);

 private:
  // Where a run was when it was first seen, for its rate.
  struct Start {
    std::int64_t step;
    std::chrono::steady_clock::time_point time;
  };

  std::string run_line(const v1::Run& run, std::chrono::steady_clock::time_point now);
  std::string headline(const RunFeed::View& view) const;

  std::ostream& out_;
  const Terminal terminal_;
  std::map<std::string, Start> starts_;
  std::size_t drawn_ = 0;  // lines that stand on the terminal
};

// A bar of `columns` cells of which `done` (0 to 1) are full.
std::string bar(double done, int columns);

// `line` cut to `columns`, escape sequences and UTF-8 kept whole.
std::string cut(const std::string& line, std::size_t columns);

}  // namespace hooke::cli
