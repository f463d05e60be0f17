#include "client/cli/schema.h"

#include <google/protobuf/descriptor.h>

#include <map>
#include <sstream>

#include "hooke/v1/config.pb.h"
#include "proto/hooke/run_config.h"

namespace hooke::cli {

extern const char* const kConfigProto;  // the text of config.proto; schema_data.cpp, made by CMake

namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;

// Comments by "Message.field": compiled descriptors have none, so they are taken from the text of
// the contract, where a message's fields stand one to a line with their comment above.
using Comments = std::map<std::string, std::string>;

Comments read_comments() {
  Comments comments;
  std::istringstream lines{kConfigProto};
  std::string message;
  std::string comment;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string word;
    words >> word;
    if (word == "//") {
      comment += line.substr(line.find("//") + 2) + "\n";
      continue;
    }
    if (word == "message") words >> message;
    std::string name;
    while (words >> word && word != "=") name = word;
    if (word == "=") comments[message + "." + name] = comment;
    comment.clear();
  }
  return comments;
}

void append_comment(const std::string& comment, const std::string& indent, std::string& text) {
  std::istringstream lines(comment);
  for (std::string line; std::getline(lines, line);) text += indent + "#" + line + "\n";
}

std::string values_of(const EnumDescriptor& type) {
  std::string text;
  for (int i = 0; i < type.value_count(); ++i)
    if (type.value(i)->number() != 0) text += (text.empty() ? "" : " | ") + short_name(*type.value(i));
  return text;
}

std::string type_of(const FieldDescriptor& field) {
  std::string type;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      type = "true | false";
      break;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      type = "number";
      break;
    case FieldDescriptor::CPPTYPE_STRING:
      type = "text";
      break;
    case FieldDescriptor::CPPTYPE_ENUM:
      type = values_of(*field.enum_type());
      break;
    default:
      type = "whole number";
  }
  return field.is_repeated() ? "list of: " + type : type;
}

void append_fields(const Descriptor& message, const Comments& comments, const std::string& indent,
                   std::string& text) {
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor& field = *message.field(i);
    if (const auto found = comments.find(message.name() + "." + field.name()); found != comments.end())
      append_comment(found->second, indent, text);
    text += indent + field.name() + ":";
    if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      text += "  # " + type_of(field) + "\n";
      continue;
    }
    text += field.is_repeated() ? "  # list of these\n" : "\n";
    append_fields(*field.message_type(), comments, indent + (field.is_repeated() ? "    " : "  "), text);
  }
}

}  // namespace

std::string config_schema() {
  std::string text = "# Every field of a configuration, its meaning, then its type.\n";
  append_fields(*v1::RunConfig::descriptor(), read_comments(), "", text);
  return text;
}

}  // namespace hooke::cli
