// XML read by a strict parser, flat: every element in document order.
#pragma once

#include <expat.h>

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace hooke::test {

struct Element {
  std::string name;
  std::map<std::string, std::string> attributes;
  std::string text;    // its own and that of what is in it
  std::string within;  // names of what it is in, as "svg/g"

  std::string at(const std::string& attribute) const {
    const auto found = attributes.find(attribute);
    return found == attributes.end() ? "" : found->second;
  }
};

// Throws std::runtime_error where the text is not well-formed.
inline std::vector<Element> parse_xml(const std::string& text) {
  struct State {
    std::vector<Element> all;
    std::vector<std::size_t> open;
  } state;
  const XML_Parser parser = XML_ParserCreate("UTF-8");
  XML_SetUserData(parser, &state);
  XML_SetElementHandler(
      parser,
      [](void* data, const char* name, const char** attributes) {
        auto& s = *static_cast<State*>(data);
        Element element{name, {}, {}, {}};
        for (const std::size_t at : s.open)
          element.within += (element.within.empty() ? "" : "/") + s.all[at].name;
        for (; *attributes; attributes += 2) element.attributes[attributes[0]] = attributes[1];
        s.open.push_back(s.all.size());
        s.all.push_back(element);
      },
      [](void* data, const char*) { static_cast<State*>(data)->open.pop_back(); });
  XML_SetCharacterDataHandler(parser, [](void* data, const char* part, int size) {
    auto& s = *static_cast<State*>(data);
    for (const std::size_t at : s.open) s.all[at].text.append(part, static_cast<std::size_t>(size));
  });
  const bool fine = XML_Parse(parser, text.data(), static_cast<int>(text.size()), 1) == XML_STATUS_OK;
  const char* reason = XML_ErrorString(XML_GetErrorCode(parser));
  const std::string error =
      std::string(reason ? reason : "") + " in line " + std::to_string(XML_GetCurrentLineNumber(parser));
  XML_ParserFree(parser);
  if (!fine) throw std::runtime_error(error);
  return state.all;
}

// Those that have this class.
inline std::vector<Element> of_class(const std::vector<Element>& all, const std::string& name) {
  std::vector<Element> found;
  for (const Element& one : all)
    if (one.at("class") == name) found.push_back(one);
  return found;
}

}  // namespace hooke::test
