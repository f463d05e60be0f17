#include "worker/training/json_section.h"

#include <charconv>
#include <cmath>

namespace hooke::training {
namespace {

using nlohmann::json;

std::int64_t to_integer(const json& value, const std::string& field) {
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    std::int64_t result = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), result);
    if (failure == std::errc() && end == text.data() + text.size()) return result;
  }
  throw invalid(field, value.dump() + " is not an integer");
}

double to_number(const json& value, const std::string& field) {
  if (!value.is_number()) throw invalid(field, value.dump() + " is not a number");
  const double number = value.get<double>();
  if (!std::isfinite(number)) throw invalid(field, "must be finite");
  return number;
}

std::string to_text(const json& value, const std::string& field) {
  if (!value.is_string()) throw invalid(field, value.dump() + " is not a text");
  return value.get<std::string>();
}

}  // namespace

bool asks_for_nothing(const json& value) {
  // "0" is an integer, as protocol buffers' JSON has it.
  return value.is_null() || value == false || value == 0 || value == "" || value == "0" ||
         (value.is_structured() && value.empty());
}

Section::Section(json object, std::string prefix) : object_(std::move(object)), prefix_(std::move(prefix)) {
  if (object_.is_object()) return;
  const std::string name = prefix_.empty() ? "" : prefix_.substr(0, prefix_.size() - 1);
  throw invalid(name, "must be a JSON object");
}

Section Section::parse(std::string_view text) {
  try {
    return Section(json::parse(text), "");
  } catch (const json::exception& failure) {
    throw invalid("", std::string("the configuration is not JSON: ") + failure.what());
  }
}

std::string Section::path(const std::string& key) const {
  return prefix_ + key;
}

const json* Section::find(const std::string& key) {
  known_.insert(key);
  const auto found = object_.find(key);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

const json* Section::array(const std::string& key) {
  const json* value = find(key);
  if (value && !value->is_array()) throw invalid(path(key), "must be a list");
  return value;
}

bool Section::has(const std::string& key) const {
  const auto found = object_.find(key);
  return found != object_.end() && !found->is_null();
}

Section Section::section(const std::string& key) {
  const json* value = find(key);
  return Section(value ? *value : json::object(), path(key) + ".");
}

std::vector<Section> Section::sections(const std::string& key) {
  std::vector<Section> result;
  const json* values = array(key);
  for (std::size_t i = 0; values && i < values->size(); ++i) {
    result.push_back(Section((*values)[i], path(key) + "[" + std::to_string(i) + "]."));
  }
  return result;
}

std::string Section::string(const std::string& key, const std::string& otherwise) {
  const json* value = find(key);
  return value ? to_text(*value, path(key)) : otherwise;
}

bool Section::boolean(const std::string& key, bool otherwise) {
  const json* value = find(key);
  if (value && !value->is_boolean()) throw invalid(path(key), value->dump() + " is neither true nor false");
  return value ? value->get<bool>() : otherwise;
}

double Section::number(const std::string& key, double otherwise, double least) {
  const json* value = find(key);
  if (!value) return otherwise;
  const double result = to_number(*value, path(key));
  if (result < least) throw invalid(path(key), value->dump() + " is below " + json(least).dump());
  return result;
}

std::int64_t Section::integer(const std::string& key, std::int64_t otherwise, std::int64_t least) {
  const json* value = find(key);
  if (!value) return otherwise;
  const std::int64_t result = to_integer(*value, path(key));
  if (result < least) throw invalid(path(key), value->dump() + " is below " + std::to_string(least));
  return result;
}

std::vector<std::string> Section::strings(const std::string& key) {
  std::vector<std::string> result;
  if (const json* values = array(key)) {
    for (const json& value : *values) result.push_back(to_text(value, path(key)));
  }
  return result;
}

std::vector<double> Section::numbers(const std::string& key) {
  std::vector<double> result;
  if (const json* values = array(key)) {
    for (const json& value : *values) result.push_back(to_number(value, path(key)));
  }
  return result;
}

std::vector<int> Section::integers(const std::string& key) {
  std::vector<int> result;
  if (const json* values = array(key)) {
    for (const json& value : *values) result.push_back(static_cast<int>(to_integer(value, path(key))));
  }
  return result;
}

void Section::ignore(std::initializer_list<const char*> keys) {
  known_.insert(keys.begin(), keys.end());
}

void Section::refuse_unknown() const {
  for (const auto& [key, value] : object_.items()) {
    if (!known_.contains(key) && !asks_for_nothing(value))
      throw invalid(path(key), "there is no such field; a later version may have it");
  }
}

}  // namespace hooke::training
