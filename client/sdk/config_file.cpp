#include "client/sdk/config_file.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>

#include "client/sdk/presets.h"
#include "proto/hooke/run_config.h"
#include "proto/hooke/yaml_config.h"

namespace hooke::sdk {
namespace {

constexpr std::size_t kMaxConfigBytes = 1 << 20;
constexpr int kMaxErrors = 50;

std::vector<std::string> parts_of(const std::string& field) {
  std::vector<std::string> parts(1);
  for (const char c : field) {
    if (c == '.' || c == '[')
      parts.emplace_back();
    else if (c != ']')
      parts.back() += c;
  }
  return parts;
}

bool is_index(const std::string& part) {
  return !part.empty() && part.size() < 9 && part.find_first_not_of("0123456789") == std::string::npos;
}

// The element of `node` that `part` names; undefined when there is none.
YAML::Node child(const YAML::Node& node, const std::string& part) {
  if (node.IsSequence() && is_index(part)) return node[std::stoul(part)];
  if (node.IsMap()) return node[part];
  return YAML::Node(YAML::NodeType::Undefined);
}

// Takes `field` out of the tree, so that the errors behind it are seen. An element of a list takes
// the list with it: the others would change their numbers.
bool remove_field(YAML::Node root, const std::string& field) {
  const std::vector<std::string> parts = parts_of(field);
  YAML::Node parent = root;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const bool last = i + 1 == parts.size() || (i + 2 == parts.size() && is_index(parts[i + 1]));
    if (last) return parent.IsMap() && parent.remove(parts[i]);
    const YAML::Node next = child(parent, parts[i]);
    if (!next || !next.IsDefined()) return false;
    parent.reset(next);
  }
  return false;
}

}  // namespace

std::string read_text(const std::string& path) {
  std::error_code ignored;
  if (path != "-" && std::filesystem::is_directory(path, ignored))
    throw invalid("", "'" + path + "' is a folder; a YAML file is wanted");
  std::ifstream file;
  if (path != "-") file.open(path, std::ios::binary);
  std::istream& in = path == "-" ? std::cin : file;
  std::string text(kMaxConfigBytes + 1, '\0');
  if (in) in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in && !in.eof()) throw invalid("", "cannot read '" + path + "'");
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kMaxConfigBytes)
    throw invalid("", "'" + path + "' is larger than 1 MiB; not a configuration");
  return text;
}

std::pair<std::string, std::string> split_assignment(const std::string& text, const std::string& option) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0)
    throw invalid("", option + ": '" + text + "' has no form KEY=VALUE");
  return {text.substr(0, equals), text.substr(equals + 1)};
}

v1::RunConfig load_config(const ConfigSource& from, const std::string& line_start) {
  if (from.file.empty() == from.preset.empty())
    throw invalid("", "give one configuration: a FILE or --preset NAME (`hooke presets list` shows them)");
  const std::string source = from.preset.empty() ? from.file : from.preset + ".yaml";
  const std::string text =
      from.preset.empty() ? read_text(from.file) : std::string(find_preset(from.preset).yaml);
  if (const auto errors = check_config(text, source); !errors.empty()) {
    std::string all;
    for (const std::string& error : errors) all += (all.empty() ? "" : "\n" + line_start) + error;
    throw invalid("", all);
  }
  v1::RunConfig config = parse_config(text, source);
  for (const std::string& assignment : from.set) {
    const auto [field, value] = split_assignment(assignment, "--set");
    set_field(config, field, value);
  }
  return config;
}

std::vector<std::string> check_config(const std::string& text, const std::string& source) {
  std::vector<std::pair<int, std::string>> errors;  // line, message
  std::set<std::string> fields;
  YAML::Node rest;
  for (int i = 0; i < kMaxErrors; ++i) {
    try {
      complete(parse_config(i == 0 ? text : YAML::Dump(rest), source));
      break;
    } catch (const Error& error) {
      const std::string& field = error.field();
      if (i > 0 && !fields.insert(field).second) break;
      fields.insert(field);
      const int line = line_of(text, field);
      std::string message = describe(error);
      // The parser knows the line in what it was given: after the first round not the user's.
      if (i > 0) message = message.substr(0, message.rfind(" (" + source + ", line "));
      const bool has_line = message.find(source + ", line ") != std::string::npos;
      if (!has_line && line > 0) message += " (" + source + ", line " + std::to_string(line) + ")";
      errors.emplace_back(line, message);
      if (field.empty()) break;
      if (i == 0) rest = YAML::Load(text);
      if (!remove_field(rest, field)) break;
    }
  }
  std::stable_sort(errors.begin(), errors.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> messages;
  for (auto& [line, message] : errors) messages.push_back(std::move(message));
  return messages;
}

int line_of(const std::string& text, const std::string& field) {
  try {
    YAML::Node node = YAML::Load(text);
    int line = 0;
    for (const std::string& part : parts_of(field)) {
      if (node.IsMap()) {
        for (const auto& entry : node)
          if (entry.first.IsScalar() && entry.first.Scalar() == part) line = entry.first.Mark().line + 1;
      }
      const YAML::Node next = child(node, part);
      if (!next || !next.IsDefined()) return 0;
      if (node.IsSequence()) line = next.Mark().line + 1;
      node.reset(next);
    }
    return line;
  } catch (const YAML::Exception&) {
    return 0;
  }
}

}  // namespace hooke::sdk
