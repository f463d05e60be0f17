#include "client/cli/sizes.h"

#include <cmath>
#include <ostream>

#include "client/cli/matrix.h"
#include "proto/hooke/error.h"

namespace hooke::cli {
namespace {

// S is near its limit when it differs by at most this share.
constexpr double kNear = 0.1;

bool is_regression(const v1::GetUpdateSizesResponse& sizes) {
  return sizes.class_names().empty();
}

std::string rate_text(const v1::UpdateSize& size) {
  return size.has_rate() ? number(size.rate()) : "limit";
}

Grid grid_of(const v1::GetUpdateSizesResponse& sizes, bool csv) {
  const auto text = [&](const v1::Estimate& estimate) {
    return csv ? number(estimate.value()) : estimate_text(estimate);
  };
  Grid grid;
  if (is_regression(sizes)) {
    grid.header = {"rate", "mean"};
    for (const v1::UpdateSize& size : sizes.sizes()) grid.rows.push_back({rate_text(size), text(size.own())});
    return grid;
  }
  grid.header = {"rate", "own", "others", "dominance", "dominance_ratio"};
  for (const v1::UpdateSize& size : sizes.sizes())
    grid.rows.push_back({rate_text(size), text(size.own()), text(size.others()), text(size.dominance()),
                         text(size.dominance_ratio())});
  return grid;
}

bool near(double value, double limit) {
  return std::abs(value - limit) <= kNear * std::abs(limit);
}

// The largest rate up to which all are near the limit; none when the smallest is not.
std::string near_limit_text(const v1::GetUpdateSizesResponse& sizes, const v1::UpdateSize& limit) {
  const v1::UpdateSize* last = nullptr;
  for (const v1::UpdateSize& size : sizes.sizes()) {
    if (!size.has_rate()) continue;
    const bool others = is_regression(sizes) || near(size.others().value(), limit.others().value());
    if (!near(size.own().value(), limit.own().value()) || !others) break;
    last = &size;
  }
  if (!last) return "S is not within 10% of its limit at any of these rates.";
  return "S is within 10% of its limit up to rate " + rate_text(*last) + ".";
}

void print_table_of(std::ostream& out, const v1::GetUpdateSizesResponse& sizes) {
  const v1::UpdateSize& limit = *sizes.sizes().rbegin();
  const v1::UpdateSize& largest = sizes.sizes(sizes.sizes_size() - 2);
  std::string caption = "elasticity/size." + sizes.measure() + " · " + sizes.description() + " · step " +
                        std::to_string(sizes.step());
  if (sizes.runs_size() > 1) caption += " · mean of " + plural(sizes.runs_size(), "run");
  out << caption << '\n';
  out << (sizes.shown() == "mean" ? "mean of S" : "ratio of means");
  if (!is_regression(sizes)) out << " over an update's own class, and over the others";
  if (sizes.interval() == v1::INTERVAL_KIND_RUNS) out << " (95% interval over runs)";
  out << "\n\n";
  print_table(out, grid_of(sizes, /*csv=*/false));
  out << '\n';
  if (!is_regression(sizes))
    out << "Own class over others: " << brief(limit.dominance_ratio().value())
        << " in the limit of small updates, " << brief(largest.dominance_ratio().value())
        << " at the training rate, " << rate_text(largest) << ".\n";
  out << near_limit_text(sizes, limit) << '\n';
}

}  // namespace

void print_sizes(Context& context, const v1::GetUpdateSizesRequest& request, Format format) {
  const v1::GetUpdateSizesResponse sizes = context.api().get_update_sizes(request);
  if (sizes.sizes_size() < 2 || sizes.sizes().rbegin()->has_rate())
    throw Error(Code::kInternal, "the server answered update sizes without a rate or a limit");
  if (format == Format::kJson) return print_json(context.out, sizes);
  if (format == Format::kCsv) return print_csv(context.out, grid_of(sizes, /*csv=*/true));
  print_table_of(context.out, sizes);
}

}  // namespace hooke::cli
