// What `watch` shows on a terminal, as lines: the runs with a bar each, and of one run the newest matrix
// and its curves. What has no room gives way: first the matrix, then figures of runs, then runs.
//
// Owned by one command, one thread. Draws nothing itself (screen.h does); time comes in.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "client/cli/cli.h"
#include "client/cli/feed.h"
#include "client/cli/matrix.h"

namespace hooke::cli {

// A series of the run in detail.
struct SmallCurve {
  std::string key;
  std::vector<double> step, value;  // parallel
};

// The run that is shown in detail.
struct Details {
  std::string run;  // resource name; empty: none
  std::optional<v1::GetInfluenceResponse> matrix;
  std::vector<SmallCurve> curves;
};

class LiveView {
 public:
  explicit LiveView(const Terminal& terminal) : terminal_(terminal) {}

  struct Size {
    int columns, rows;
  };
  // At most so many lines, none wider; `remark` stands below, as "the server is away".
  std::vector<std::string> frame(const RunFeed::View& view, const Details& details, Size size,
                                 const std::string& remark, std::chrono::steady_clock::time_point now);

 private:
  // Where a run was when it was first seen, for its rate.
  struct Start {
    std::int64_t step;
    std::chrono::steady_clock::time_point time;
  };

  std::string run_line(const v1::Run& run, bool chosen, int columns,
                       std::chrono::steady_clock::time_point now);
  std::string pace(const v1::Run& run, std::chrono::steady_clock::time_point now);
  std::vector<std::string> run_lines(const RunFeed::View& view, const Details& details, int columns, int room,
                                     std::chrono::steady_clock::time_point now);
  std::vector<std::string> matrix_block(const Details& details, int columns) const;
  std::vector<std::string> curve_block(const Details& details, int columns, int room) const;
  // The matrix and the curves, side by side where they have room.
  std::vector<std::string> panel(const Details& details, int columns, int room) const;
  std::string tinted(const std::string& text, int colour) const;

  const Terminal terminal_;
  std::map<std::string, Start> starts_;
};

// "trial: 1 running and 2 queued".
std::string headline(const std::vector<v1::Run>& runs);

}  // namespace hooke::cli
