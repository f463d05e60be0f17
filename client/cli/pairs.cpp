#include "client/cli/pairs.h"

#include <charconv>
#include <cmath>
#include <ostream>
#include <vector>

#include "proto/hooke/error.h"

namespace hooke::cli {
namespace {

// More rows than this are no table for people.
constexpr std::size_t kMostTableRows = 10'000;

const std::vector<std::string> kHeader = {"responding", "responding_probe", "updated",    "updated_probe",
                                          "ratio",      "numerator",        "denominator"};

// What the first page says of all.
class Probes {
 public:
  explicit Probes(const v1::GetPairsResponse& page)
      : per_class_(static_cast<std::size_t>(page.per_class())),
        classes_(page.class_names().begin(), page.class_names().end()) {
    for (const v1::ProbeSet& of_class : page.probes())
      for (const std::int64_t index : of_class.dataset_index()) indices_.push_back(index);
    if (count() == 0) throw Error(Code::kInternal, "the server answered pairs of no probes");
    known_ = indices_.size() == count();
  }

  std::size_t count() const { return per_class_ * classes_.size(); }
  // Whether probes are named by their position in the training file, not in their class.
  bool known() const { return known_; }
  const std::string& class_of(std::size_t i) const { return classes_[i / per_class_]; }
  std::string name(std::size_t i) const {
    return std::to_string(known_ ? indices_[i] : static_cast<std::int64_t>(i % per_class_));
  }

 private:
  std::size_t per_class_;
  std::vector<std::string> classes_;
  std::vector<std::int64_t> indices_;
  bool known_ = false;
};

// The shortest text that reads back as the same float.
std::string short_number(float value) {
  if (!std::isfinite(value)) return number(value);
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

std::vector<std::string> row_of(const Probes& probes, const v1::GetPairsResponse& page, int at) {
  const auto m = probes.count();
  const std::size_t pair = static_cast<std::size_t>(page.first_row()) * m + static_cast<std::size_t>(at);
  const std::size_t responding = pair / m, updated = pair % m;
  const float above = page.numerators(at), below = page.denominators(at);
  const bool skipped = below == 0 || !std::isfinite(below);
  return {probes.class_of(responding),
          probes.name(responding),
          probes.class_of(updated),
          probes.name(updated),
          skipped ? "" : number(double{above} / double{below}),
          short_number(above),
          short_number(below)};
}

void check_page(const Probes& probes, const v1::GetPairsResponse& page) {
  const auto count = static_cast<std::size_t>(page.numerators_size());
  if (page.numerators_size() == page.denominators_size() && count > 0 && count % probes.count() == 0) return;
  throw Error(Code::kInternal, "the server answered " + std::to_string(count) + " pairs, no whole rows of " +
                                   std::to_string(probes.count()));
}

void print_rows(Context& context, const v1::GetPairsRequest& request, Format format) {
  std::optional<Probes> probes;
  Grid grid{kHeader, {}};
  context.api().get_pairs(request, [&](const v1::GetPairsResponse& page) {
    if (!probes) {
      probes.emplace(page);
      const std::size_t pairs = probes->count() * probes->count();
      if (format == Format::kTable && pairs > kMostTableRows)
        throw invalid("--output", std::to_string(pairs) + " pairs are too many for a table; csv or json");
      if (format == Format::kCsv) print_csv_row(context.out, kHeader);
      context.note(page.key() + " · " + page.description() + " · step " + std::to_string(page.step()));
      if (!probes->known())
        context.note("the run does not say which examples its probes are: numbers in their class");
    }
    check_page(*probes, page);
    for (int at = 0; at < page.numerators_size(); ++at) {
      auto row = row_of(*probes, page, at);
      if (format == Format::kCsv) {
        print_csv_row(context.out, row);
      } else {
        grid.rows.push_back(std::move(row));
      }
    }
  });
  if (format == Format::kTable) print_table(context.out, grid);
}

}  // namespace

bool is_pairs_key(const std::string& key) {
  return key.ends_with(".pairs");
}

void print_pairs(Context& context, const std::string& run, const std::string& key,
                 std::optional<std::int64_t> step, Format format) {
  v1::GetPairsRequest request;
  request.set_run(run);
  request.set_key(key);
  if (step) request.set_step(*step);
  if (format != Format::kJson) return print_rows(context, request, format);
  std::optional<v1::GetPairsResponse> all;
  context.api().get_pairs(request, [&](const v1::GetPairsResponse& page) {
    if (!all) {
      all = page;
      return;
    }
    all->mutable_numerators()->MergeFrom(page.numerators());
    all->mutable_denominators()->MergeFrom(page.denominators());
  });
  all->clear_next_page_token();
  print_json(context.out, *all);
}

}  // namespace hooke::cli
