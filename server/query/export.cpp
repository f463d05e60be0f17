#include "server/query/export.h"

#include <algorithm>

#include "server/analysis/influence.h"
#include "server/analysis/views.h"
#include "server/query/find.h"
#include "server/query/resources.h"
#include "server/query/series.h"
#include "server/storage/attempts.h"
#include "server/storage/pairs.h"
#include "server/storage/points.h"

namespace hooke::query {
namespace {

using storage::SeriesKind;
using storage::Snapshot;
using storage::StepRange;

constexpr std::size_t kPointBytes = 24;
constexpr std::size_t kBytesPerMessage = 1 << 20;
constexpr std::size_t kBytesPerStep = 4 << 20;
// Of many short series one step sends so many messages.
constexpr std::size_t kMessagesPerStep = 500;
constexpr std::size_t kFigureBytes = sizeof(double);

std::int32_t newest_started(Snapshot& snapshot, RunId run) {
  std::int32_t newest = 0;
  for (const auto& attempt : storage::attempts_of(snapshot, run))
    if (attempt.started_us) newest = std::max(newest, attempt.number);
  return newest;
}

// The keys of a matrix's figures, in the order of their views, and the views.
std::vector<std::pair<std::string, std::size_t>> figures_of(const storage::SeriesDeclaration& declaration) {
  using analysis::Figure;
  std::vector<std::pair<std::string, std::size_t>> figures;
  const std::size_t classes = declaration.class_names.size();
  const auto add = [&](const analysis::SeriesKey& key, std::size_t updated) {
    figures.emplace_back(analysis::to_string(key), analysis::view_of(key, classes, 0, updated));
  };
  for (const auto plane : {analysis::Plane::kMean, analysis::Plane::kRatioOfMeans}) {
    for (const Figure figure : {Figure::kDominance, Figure::kDominanceRatio, Figure::kAsymmetry})
      add({declaration.key, figure, plane, {}, {}}, 0);
    for (std::size_t updated = 0; updated < classes; ++updated)
      add({declaration.key, Figure::kSelectivity, plane, {}, declaration.class_names[updated]}, updated);
  }
  return figures;
}

std::int64_t count_up_to(Snapshot& snapshot, const storage::Series& series, Step last) {
  if (series.progress.last_step <= last) return series.progress.count;
  const StepRange range{0, last};
  switch (series.declaration.kind) {
    case SeriesKind::kScalar:
      return storage::count_scalars(snapshot, series.id, range);
    case SeriesKind::kMatrix:
      return std::ssize(storage::matrix_steps(snapshot, series.id, range));
    case SeriesKind::kPairs:
      return std::ssize(storage::pairs_steps(snapshot, series, range));
  }
  return 0;
}

}  // namespace

RunExport::RunExport(storage::Readers& readers, const v1::ExportRunRequest& request)
    : readers_(readers), without_pairs_(request.without_pairs()), with_figures_(request.with_figures()) {
  auto snapshot = readers.snapshot();
  const auto run = find_run(snapshot, request.run(), "run");
  run_ = run.id;
  run_id_ = run.run_id;
}

FeedStep<v1::ExportRunResponse> RunExport::next(const storage::Changes::Batch&) {
  FeedStep<v1::ExportRunResponse> step;
  auto snapshot = readers_.snapshot();
  if (begun_) {
    check_unchanged(snapshot);
  } else {
    begin(snapshot, step);
  }
  for (std::size_t bytes = 0; bytes < kBytesPerStep && step.messages.size() < kMessagesPerStep;) {
    if (!open_ && !open_next(snapshot, step)) {
      step.done = true;
      return step;
    }
    bytes += read_points(snapshot, step);
  }
  step.more = true;
  return step;
}

void RunExport::begin(Snapshot& snapshot, FeedStep<v1::ExportRunResponse>& step) {
  const auto run = storage::find_run(snapshot, run_);
  if (!run) throw Error(Code::kNotFound, "run " + run_id_ + " was deleted meanwhile");
  begun_ = true;
  last_ = run->step;
  attempt_ = newest_started(snapshot, run_);
  auto& message = *step.messages.emplace_back().mutable_run();
  message = whole_run_resource(snapshot, *run);
  message.clear_latest();  // the points have them
}

void RunExport::check_unchanged(Snapshot& snapshot) const {
  if (!storage::find_run(snapshot, run_))
    throw Error(Code::kNotFound, "run " + run_id_ + " was deleted while it was exported");
  if (newest_started(snapshot, run_) != attempt_)
    throw Error(Code::kAborted, "another attempt of run " + run_id_ +
                                    " has started while it was exported, which may have removed points; "
                                    "export it again");
}

bool RunExport::open_next(Snapshot& snapshot, FeedStep<v1::ExportRunResponse>& step) {
  do {
    auto page = storage::list_series(snapshot, run_, "", {1, after_});
    open_.reset();
    if (page.items.empty()) return false;
    after_ = page.items.front().declaration.key;
    open_.emplace(Open{std::move(page.items.front()), {}, 0, {}, 0});
  } while (without_pairs_ && open_->series.declaration.kind == SeriesKind::kPairs);
  const auto& declaration = open_->series.declaration;
  auto& message = *step.messages.emplace_back().mutable_series();
  *message.mutable_info() = series_info(open_->series);
  message.mutable_info()->set_count(count_up_to(snapshot, open_->series, last_));
  message.mutable_eligible()->Add(declaration.eligible.begin(), declaration.eligible.end());
  if (with_figures_ && declaration.kind == SeriesKind::kMatrix) {
    for (auto& [key, view] : figures_of(declaration)) {
      message.add_figure_keys(std::move(key));
      open_->figures.push_back(view);
    }
  }
  if (declaration.kind == SeriesKind::kPairs) {
    open_->tables = storage::pairs_steps(snapshot, open_->series, {0, last_});
    std::reverse(open_->tables.begin(), open_->tables.end());
  }
  return true;
}

std::size_t RunExport::read_points(Snapshot& snapshot, FeedStep<v1::ExportRunResponse>& step) {
  v1::ExportRunResponse message;
  std::size_t bytes = 0;
  switch (open_->series.declaration.kind) {
    case SeriesKind::kScalar:
      bytes = read_scalars(snapshot, *message.mutable_scalars());
      break;
    case SeriesKind::kMatrix:
      bytes = read_matrices(snapshot, *message.mutable_matrices());
      break;
    case SeriesKind::kPairs:
      bytes = read_pairs(snapshot, *message.mutable_pairs());
      break;
  }
  if (bytes > 0) step.messages.push_back(std::move(message));
  return bytes;
}

std::size_t RunExport::read_scalars(Snapshot& snapshot, v1::ExportedScalars& to) {
  constexpr std::size_t kMost = kBytesPerMessage / kPointBytes;
  const auto column = storage::read_scalars(snapshot, open_->series.id, {open_->next, last_}, kMost);
  const std::size_t count = column.step.size();
  if (count > 0) open_->next = column.step.back() + 1;
  to.mutable_step()->Add(column.step.begin(), column.step.end());
  to.mutable_time_us()->Add(column.time_us.begin(), column.time_us.end());
  to.mutable_value()->Add(column.value.begin(), column.value.end());
  if (count < kMost) open_.reset();
  return count * kPointBytes;
}

std::size_t RunExport::read_matrices(Snapshot& snapshot, v1::ExportedMatrices& to) {
  const auto& declaration = open_->series.declaration;
  const std::size_t cells = declaration.eligible.size();
  const std::size_t size = 20 * cells + open_->figures.size() * kFigureBytes + kPointBytes;
  const std::size_t most = std::max<std::size_t>(1, kBytesPerMessage / size);
  auto matrices = storage::read_matrices(snapshot, open_->series.id, {open_->next, last_}, most);
  const std::size_t count = matrices.size();
  if (count > 0) open_->next = matrices.back().step + 1;
  for (auto& matrix : matrices) {
    to.add_step(matrix.step);
    to.add_time_us(matrix.time_us);
    if (!open_->figures.empty()) {
      const auto views = analysis::views(
          analysis::decode_cells(matrix.planes, declaration.class_names.size(), declaration.eligible));
      for (const std::size_t view : open_->figures) to.add_figures(views[view]);
    }
    to.add_planes(std::move(matrix.planes));
  }
  if (count < most) open_.reset();
  return count * size;
}

// One block, as it is stored: about 1 MiB at most of each.
std::size_t RunExport::read_pairs(Snapshot& snapshot, v1::ExportedPairs& to) {
  if (open_->tables.empty()) {
    open_.reset();
    return 0;
  }
  const Step step = open_->tables.back();
  auto blocks = storage::read_pairs(snapshot, open_->series, step, open_->row, 1);
  if (blocks.empty() || blocks.front().first_row != open_->row)
    throw Error(Code::kDataLoss, "the table of " + open_->series.declaration.key + " at step " +
                                     std::to_string(step) + " is not whole");
  auto& block = blocks.front();
  to.set_step(step);
  to.set_time_us(block.time_us);
  to.set_first_row(block.first_row);
  const std::size_t bytes = block.numerators.size() + block.denominators.size();
  to.set_numerators(std::move(block.numerators));
  to.set_denominators(std::move(block.denominators));
  open_->row += block.rows;
  const auto probes = static_cast<std::int32_t>(open_->series.declaration.class_names.size()) *
                      open_->series.declaration.per_class;
  if (open_->row == probes) {
    open_->tables.pop_back();
    open_->row = 0;
  }
  return bytes;
}

}  // namespace hooke::query
