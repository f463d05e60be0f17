#include "client/sdk/presets.h"

#include <algorithm>

#include "proto/hooke/error.h"

namespace hooke::sdk {

const Preset& find_preset(std::string_view name) {
  const auto all = presets();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Preset& one) { return one.name == name; });
  if (found != all.end()) return *found;
  std::string names;
  for (const Preset& one : all) names += (names.empty() ? "" : ", ") + std::string(one.name);
  throw Error(Code::kNotFound, "there is no preset '" + std::string(name) + "'; there is " + names);
}

std::string summary(const Preset& preset) {
  std::string_view line = preset.yaml.substr(0, preset.yaml.find('\n'));
  line.remove_prefix(std::min(line.find_first_not_of("# "), line.size()));
  return std::string(line);
}

}  // namespace hooke::sdk
