#include "server/ingest/rules.h"

#include <algorithm>
#include <set>

#include "proto/hooke/text.h"
#include "server/ingest/limits.h"

namespace hooke::ingest {
namespace {

constexpr TimeUs kMaxTime = 253'402'300'799'999'999;

std::string at_most(std::size_t limit) {
  return "at most " + std::to_string(limit);
}

void check_class_names(const std::string& where, const std::vector<std::string>& names) {
  if (names.empty()) throw broken(where, "it needs class names");
  if (names.size() > kMaxClasses)
    throw broken(where, std::to_string(names.size()) + " classes; " + at_most(kMaxClasses));
  std::set<std::string> seen;
  for (const std::string& name : names) {
    if (name.empty() || name.size() > kMaxClassNameBytes || !is_printable(name))
      throw broken(where, "a class name must be printable and have 1 to " +
                              std::to_string(kMaxClassNameBytes) + " bytes");
    if (name.find_first_of(",[]@") != std::string::npos)
      throw broken(where, "class name '" + name + "' must not have any of , [ ] @");
    if (!seen.insert(name).second) throw broken(where, "class name '" + name + "' is there twice");
  }
}

void check_eligible(const std::string& where, const storage::SeriesDeclaration& declaration) {
  const std::size_t cells = declaration.class_names.size() * declaration.class_names.size();
  if (declaration.eligible.size() != cells)
    throw broken(where, std::to_string(declaration.eligible.size()) + " numbers of eligible pairs for " +
                            std::to_string(cells) + " cells");
  for (const std::int64_t pairs : declaration.eligible)
    if (pairs < 0) throw broken(where, "a number of eligible pairs is negative");
}

void check_per_class(const std::string& where, const storage::SeriesDeclaration& declaration) {
  const std::size_t classes = declaration.class_names.size();
  const auto per_class = static_cast<std::size_t>(std::max(declaration.per_class, 0));
  if (per_class == 0 || per_class > kMaxPairProbes || classes * per_class > kMaxPairProbes)
    throw broken(where, std::to_string(declaration.per_class) + " probes for each of " +
                            std::to_string(classes) + " classes; pairs are of 1 to " +
                            std::to_string(kMaxPairProbes) + " probes in all");
}

}  // namespace

Error broken(const std::string& where, const std::string& what) {
  return Error(Code::kInvalidArgument, where + ": " + what);
}

std::string place(const std::string& key, Step step) {
  const std::string series = "series " + key;
  return step < 0 ? series : series + ", step " + std::to_string(step);
}

void check_key(const std::string& key) {
  if (key.empty()) throw broken("series", "a key must not be empty");
  if (key.size() > kMaxKeyBytes)
    throw broken(place(key.substr(0, 32) + "…"), "the key is too long; " + at_most(kMaxKeyBytes) + " bytes");
  if (!is_printable(key)) throw broken("series", "a key must be printable");
}

void check_step(const std::string& what, Step step) {
  if (step < 0) throw broken(what, "step " + std::to_string(step) + " is negative");
  if (step > kMaxStep)
    throw broken(what, "step " + std::to_string(step) + " is too large; " + at_most(kMaxStep));
}

void check_time(const std::string& what, TimeUs time_us) {
  if (time_us < 0 || time_us > kMaxTime)
    throw broken(what, "time " + std::to_string(time_us) + " is not between the years 1970 and 9999");
}

storage::SeriesDeclaration checked_declaration(const v1::SeriesDeclaration& message) {
  check_key(message.key());
  const std::string where = place(message.key());
  storage::SeriesDeclaration declaration;
  declaration.key = message.key();
  declaration.class_names.assign(message.class_names().begin(), message.class_names().end());
  declaration.eligible.assign(message.eligible().begin(), message.eligible().end());
  declaration.description = message.description();
  declaration.per_class = message.per_class();
  if (message.kind() != v1::SERIES_KIND_PAIRS && declaration.per_class != 0)
    throw broken(where, "per_class belongs to pairs");
  if (declaration.description.size() > kMaxDescriptionBytes)
    throw broken(where, "the description is too long; " + at_most(kMaxDescriptionBytes) + " bytes");
  switch (message.kind()) {
    case v1::SERIES_KIND_SCALAR:
      declaration.kind = storage::SeriesKind::kScalar;
      if (!declaration.class_names.empty() || !declaration.eligible.empty())
        throw broken(where, "a scalar series has no classes");
      break;
    case v1::SERIES_KIND_MATRIX:
      declaration.kind = storage::SeriesKind::kMatrix;
      check_class_names(where, declaration.class_names);
      check_eligible(where, declaration);
      break;
    case v1::SERIES_KIND_PAIRS:
      declaration.kind = storage::SeriesKind::kPairs;
      check_class_names(where, declaration.class_names);
      check_eligible(where, declaration);
      check_per_class(where, declaration);
      break;
    default:
      throw broken(where, "its kind is missing or unknown");
  }
  return declaration;
}

void check_scalars(const v1::ScalarPoints& points) {
  const auto keys = static_cast<std::size_t>(points.key_size());
  if (points.key_size() != points.value_size())
    throw broken(
        "scalars, step " + std::to_string(points.step()),
        std::to_string(points.key_size()) + " keys for " + std::to_string(points.value_size()) + " values");
  if (keys > kMaxScalars)
    throw broken("scalars, step " + std::to_string(points.step()),
                 std::to_string(keys) + " values in one record; " + at_most(kMaxScalars));
  check_step("scalars", points.step());
  check_time("scalars, step " + std::to_string(points.step()), points.time_us());
}

std::int32_t checked_pair_rows(const v1::PairsPoint& point, std::size_t probes) {
  const std::string where = place(point.key(), point.step());
  const std::size_t row = probes * sizeof(float), bytes = point.numerators().size();
  const std::size_t rows = bytes / row;
  if (rows == 0 || rows * row != bytes || point.first_row() < 0 ||
      static_cast<std::size_t>(point.first_row()) + rows > probes)
    throw broken(where, std::to_string(bytes) + " bytes of numerators from row " +
                            std::to_string(point.first_row()) + "; must be whole rows of " +
                            std::to_string(row) + " bytes, " + at_most(probes) + " in all");
  if (point.denominators().size() != row && point.denominators().size() != bytes)
    throw broken(where, std::to_string(point.denominators().size()) + " bytes of denominators; must be " +
                            std::to_string(row) + ", or as many as there are of numerators");
  return static_cast<std::int32_t>(rows);
}

void check_end(const v1::End& end) {
  if (end.state() != v1::RUN_STATE_SUCCEEDED && end.state() != v1::RUN_STATE_FAILED)
    throw broken("end", "its state must be succeeded or failed");
}

}  // namespace hooke::ingest
