#include "client/cli/inert.h"

#include <vector>

#include "client/plots/text.h"

namespace hooke::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// Stays as it is, since workers compare it; the server lets no control characters in.
constexpr const char* kConfig = "config_json";

void make_text_inert(Message& message, const FieldDescriptor* field) {
  const Reflection& access = *message.GetReflection();
  if (!field->is_repeated()) {
    access.SetString(&message, field, inert(access.GetString(message, field)));
    return;
  }
  for (int i = 0; i < access.FieldSize(message, field); ++i)
    access.SetRepeatedString(&message, field, i, inert(access.GetRepeatedString(message, field, i)));
}

}  // namespace

std::string inert(std::string_view text) {
  std::string safe;
  while (true) {
    const auto end = text.find_first_of("\n\t");
    safe += plots::printable(text.substr(0, end), /*ascii=*/false);
    if (end == std::string_view::npos) return safe;
    safe += text[end];
    text.remove_prefix(end + 1);
  }
}

void make_inert(Message& message) {
  const Reflection& access = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  access.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->type() == FieldDescriptor::TYPE_STRING && field->name() != kConfig)
      make_text_inert(message, field);
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      make_inert(*access.MutableMessage(&message, field));
      continue;
    }
    for (int i = 0; i < access.FieldSize(message, field); ++i)
      make_inert(*access.MutableRepeatedMessage(&message, field, i));
  }
}

}  // namespace hooke::cli
