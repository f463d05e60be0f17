#include "proto/hooke/yaml_config.h"

#include <google/protobuf/descriptor.h>
#include <yaml-cpp/yaml.h>

#include <set>

#include "proto/hooke/error.h"
#include "proto/hooke/run_config.h"
#include "proto/hooke/utf8.h"

namespace hooke {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// Deep nesting is never a configuration, but could exhaust the stack.
constexpr int kMaxDepth = 16;

// Where a value stands: for errors only.
struct Place {
  std::string source;  // empty: no line is named
  std::string path;    // "training.lr"

  Place inside(const std::string& name) const { return {source, path.empty() ? name : path + "." + name}; }

  Error error(const YAML::Node& node, const std::string& what) const {
    const bool known = !source.empty() && node.Mark().line >= 0;
    return invalid(
        path, what + (known ? " (" + source + ", line " + std::to_string(node.Mark().line + 1) + ")" : ""));
  }
};

std::string fields_of(const Message& message) {
  std::string names;
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i)
    names += (i ? ", " : "") + message.GetDescriptor()->field(i)->name();
  return names;
}

const char* type_name(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return "true or false";
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return "a number";
    case FieldDescriptor::CPPTYPE_STRING:
      return "text";
    default:
      return "a whole number";
  }
}

template <class T>
T scalar(const YAML::Node& node, const FieldDescriptor& field, const Place& place) {
  if (!node.IsScalar()) throw place.error(node, std::string("must be ") + type_name(field));
  try {
    return node.as<T>();
  } catch (const YAML::Exception&) {
    throw place.error(node, "'" + node.Scalar() + "' is not allowed; " + type_name(field));
  }
}

const google::protobuf::EnumValueDescriptor* enum_value(const YAML::Node& node, const FieldDescriptor& field,
                                                        const Place& place) {
  const std::string wanted = node.IsScalar() ? node.Scalar() : "";
  for (int i = 0; i < field.enum_type()->value_count(); ++i) {
    const auto* value = field.enum_type()->value(i);
    if (value->number() != 0 && short_name(*value) == wanted) return value;
  }
  throw place.error(node, "'" + wanted + "' is not allowed; one of " + allowed_names(*field.enum_type()));
}

void read_message(const YAML::Node& node, Message& message, const Place& place, int depth);

// Sets a singular field, or adds to a repeated one.
void read_value(const YAML::Node& node, Message& message, const FieldDescriptor& field, const Place& place,
                int depth) {
  const Reflection& set = *message.GetReflection();
  const bool many = field.is_repeated();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32: {
      const auto value = scalar<std::int32_t>(node, field, place);
      return many ? set.AddInt32(&message, &field, value) : set.SetInt32(&message, &field, value);
    }
    case FieldDescriptor::CPPTYPE_INT64: {
      const auto value = scalar<std::int64_t>(node, field, place);
      return many ? set.AddInt64(&message, &field, value) : set.SetInt64(&message, &field, value);
    }
    case FieldDescriptor::CPPTYPE_DOUBLE: {
      const auto value = scalar<double>(node, field, place);
      return many ? set.AddDouble(&message, &field, value) : set.SetDouble(&message, &field, value);
    }
    case FieldDescriptor::CPPTYPE_BOOL: {
      const auto value = scalar<bool>(node, field, place);
      return many ? set.AddBool(&message, &field, value) : set.SetBool(&message, &field, value);
    }
    case FieldDescriptor::CPPTYPE_STRING: {
      const auto value = scalar<std::string>(node, field, place);
      if (!is_utf8(value)) throw place.error(node, "has bytes that are not UTF-8");
      return many ? set.AddString(&message, &field, value) : set.SetString(&message, &field, value);
    }
    case FieldDescriptor::CPPTYPE_ENUM: {
      const auto* value = enum_value(node, field, place);
      return many ? set.AddEnum(&message, &field, value) : set.SetEnum(&message, &field, value);
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return read_message(node,
                          many ? *set.AddMessage(&message, &field) : *set.MutableMessage(&message, &field),
                          place, depth + 1);
    default:
      throw Error(Code::kInternal,
                  "field " + field.full_name() + " has a type that configurations do not use");
  }
}

void read_field(const YAML::Node& node, Message& message, const FieldDescriptor& field, const Place& place,
                int depth) {
  if (node.IsNull()) throw place.error(node, "has no value; leave the field out for its default");
  if (!field.is_repeated()) return read_value(node, message, field, place, depth);
  if (!node.IsSequence()) throw place.error(node, "must be a list, as in [a, b]");
  std::size_t index = 0;
  for (const YAML::Node& element : node)
    read_value(element, message, field, place.inside(std::to_string(index++)), depth);
}

void read_message(const YAML::Node& node, Message& message, const Place& place, int depth) {
  if (depth > kMaxDepth) throw place.error(node, "is nested too deeply");
  if (!node.IsMap()) throw place.error(node, "must have fields, as in {" + fields_of(message) + "}");
  std::set<std::string> seen;
  for (const auto& entry : node) {
    const std::string name = entry.first.IsScalar() ? entry.first.Scalar() : "";
    const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
    if (!field) throw place.inside(name).error(entry.first, "is not a field; allowed: " + fields_of(message));
    if (!seen.insert(name).second) throw place.inside(name).error(entry.first, "stands twice");
    read_field(entry.second, message, *field, place.inside(name), depth);
  }
}

YAML::Node load(const std::string& text, const std::string& source, const std::string& field) {
  try {
    return YAML::Load(text);
  } catch (const YAML::Exception& error) {
    std::string where = source.empty() ? "" : " (" + source;
    if (!where.empty())
      where += error.mark.line < 0 ? ")" : ", line " + std::to_string(error.mark.line + 1) + ")";
    // A file that is no text at all would put its bytes on the terminal.
    std::string problem = error.msg;
    std::erase_if(problem, [](unsigned char c) { return c < ' ' || c > '~'; });
    throw invalid(field, "not YAML: " + problem + where);
  }
}

}  // namespace

v1::RunConfig parse_config(const std::string& text, const std::string& source) {
  const YAML::Node root = load(text, source, "");
  if (!root.IsMap()) throw invalid("", source + " is empty or has no fields; see `hooke config schema`");
  v1::RunConfig config;
  read_message(root, config, {source, ""}, 0);
  return config;
}

void set_field(v1::RunConfig& config, const std::string& path, const std::string& value) {
  const YAML::Node node = load(value, "", path);
  v1::RunConfig changed = config;
  Message* message = &changed;
  std::size_t begin = 0;
  while (true) {
    const std::size_t dot = path.find('.', begin);
    const std::string name = path.substr(begin, dot - begin);
    const FieldDescriptor* field = message->GetDescriptor()->FindFieldByName(name);
    if (!field) throw invalid(path, "is not a field; '" + name + "' is none of " + fields_of(*message));
    const Reflection& set = *message->GetReflection();
    if (dot == std::string::npos) {
      set.ClearField(message, field);
      read_field(node, *message, *field, {"", path}, 0);
      break;
    }
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE)
      throw invalid(path, "'" + path.substr(0, dot) + "' has no fields of its own");
    begin = dot + 1;
    if (!field->is_repeated()) {
      message = set.MutableMessage(message, field);
      continue;
    }
    const std::size_t next = path.find('.', begin);
    const std::string index = path.substr(begin, next - begin);
    const int size = set.FieldSize(*message, field);
    if (index.empty() || index.size() > 4 || index.find_first_not_of("0123456789") != std::string::npos ||
        std::stoi(index) >= size || next == std::string::npos)
      throw invalid(path, "'" + path.substr(0, dot) + "' is a list of " + std::to_string(size) +
                              "; give an element and its field, as in " + path.substr(0, dot) + ".0.lr");
    message = set.MutableRepeatedMessage(message, field, std::stoi(index));
    begin = next + 1;
  }
  config = std::move(changed);
}

}  // namespace hooke
