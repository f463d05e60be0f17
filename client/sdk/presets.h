// The experiments that ship with Hooke: YAML files of presets/, compiled in.
//
// Constants; any thread may read them.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace hooke::sdk {

struct Preset {
  std::string_view name;  // the file's name without ".yaml"
  std::string_view yaml;  // the file as it is written, comments included
};

// By name.
std::span<const Preset> presets();

// Throws hooke::Error (kNotFound) that lists what there is.
const Preset& find_preset(std::string_view name);

// The first line of the file's opening comment.
std::string summary(const Preset& preset);

}  // namespace hooke::sdk
