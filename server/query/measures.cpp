#include "server/query/measures.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

namespace hooke::query {
namespace {

constexpr std::array<std::string_view, 8> kSigned = {
    "loss", "kernel", "tracin", "stiffness", "stiffness_sign", "confusion", "ntk", "linearity_gap"};

nlohmann::json config_of(const storage::Run& run) {
  auto config = nlohmann::json::parse(run.config_json, nullptr, /*allow_exceptions=*/false);
  if (!config.is_object())
    throw Error(Code::kDataLoss, "the stored configuration of run " + run.run_id + " cannot be read");
  return config;
}

}  // namespace

std::vector<std::string> measures_of(const storage::Run& run) {
  return config_of(run).value("measures", std::vector<std::string>{});
}

std::vector<std::string> updates_of(const storage::Run& run) {
  std::vector<std::string> names;
  const auto config = config_of(run);
  for (const auto& update :
       config.value("probes", nlohmann::json::object()).value("updates", nlohmann::json::array()))
    names.push_back(update.value("name", ""));
  return names;
}

std::string measure_key(const std::string& measure, const std::string& update) {
  return "elasticity/" + measure + (update.empty() ? "" : "@" + update);
}

bool is_signed_measure(const std::string& measure) {
  return measure == "size.loss" || std::find(kSigned.begin(), kSigned.end(), measure) != kSigned.end();
}

}  // namespace hooke::query
