// Typed access to one object of a JSON configuration, with the path of its fields in every error.
//
// Errors are hooke::Error (kInvalidArgument) with the field's path. One thread; a section owns its
// values.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "proto/hooke/error.h"

namespace hooke::training {

// As the server fills a field in that a run did not set: null, false, 0 or empty.
bool asks_for_nothing(const nlohmann::json& value);

class Section {
 public:
  static Section parse(std::string_view json);

  // "training.lr" for key "lr" of section "training".
  std::string path(const std::string& key) const;

  bool has(const std::string& key) const;
  Section section(const std::string& key);                // empty when absent
  std::vector<Section> sections(const std::string& key);  // of an array of objects
  std::string string(const std::string& key, const std::string& otherwise);
  bool boolean(const std::string& key, bool otherwise);
  double number(const std::string& key, double otherwise, double least);  // finite
  // Also reads an integer written as text, as protocol buffers' JSON writes 64-bit integers.
  std::int64_t integer(const std::string& key, std::int64_t otherwise, std::int64_t least);
  std::vector<std::string> strings(const std::string& key);  // empty when absent
  std::vector<double> numbers(const std::string& key);
  std::vector<int> integers(const std::string& key);

  // Marks fields as known that are not read.
  void ignore(std::initializer_list<const char*> keys);
  // Throws for a field neither read nor ignored, unless it is 0, false or empty: as a later version's
  // default.
  void refuse_unknown() const;

 private:
  Section(nlohmann::json object, std::string prefix);
  const nlohmann::json* find(const std::string& key);  // nullptr when absent or null
  const nlohmann::json* array(const std::string& key);

  nlohmann::json object_;
  std::string prefix_;  // "training.", or empty
  std::set<std::string> known_;
};

}  // namespace hooke::training
