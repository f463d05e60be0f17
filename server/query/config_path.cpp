#include "server/query/config_path.h"

#include "hooke/v1/config.pb.h"
#include "proto/hooke/error.h"

namespace hooke::query {
namespace {

using google::protobuf::FieldDescriptor;

constexpr std::size_t kMostIndexDigits = 6;

bool is_index(const std::string& text) {
  return !text.empty() && text.size() <= kMostIndexDigits &&
         text.find_first_not_of("0123456789") == std::string::npos;
}

}  // namespace

std::string fields_of(const google::protobuf::Descriptor& message) {
  std::string names;
  for (int i = 0; i < message.field_count(); ++i) names += (i ? ", " : "") + message.field(i)->name();
  return names;
}

ConfigPath resolve_config_path(const std::vector<Piece>& pieces, std::size_t first,
                               const std::string& request_field) {
  const auto refuse = [&](const Piece& piece, const std::string& what) {
    return invalid(request_field,
                   "character " + std::to_string(piece.position) + ": '" + piece.text + "' " + what);
  };
  ConfigPath path{"$", nullptr, false, true};
  const google::protobuf::Descriptor* message = v1::RunConfig::descriptor();
  std::string above = "config";
  if (first >= pieces.size())
    throw refuse(pieces.back(), "needs a path, as in config.training.lr; config has " + fields_of(*message));
  for (std::size_t i = first; i < pieces.size(); ++i) {
    const Piece& piece = pieces[i];
    if (path.list) {
      if (!is_index(piece.text))
        throw refuse(piece,
                     "is no element of the list " + above + "; give its number, as in " + above + ".0");
      path.json_path += "[" + piece.text + "]";
      path.list = false;
      path.message = message != nullptr;
    } else {
      if (!message) throw refuse(piece, "is none: " + above + " has no fields of its own");
      path.field = message->FindFieldByName(piece.text);
      if (!path.field) throw refuse(piece, "is no field of " + above + "; it has " + fields_of(*message));
      path.json_path += "." + piece.text;
      message = path.field->message_type();
      path.list = path.field->is_repeated();
      path.message = message != nullptr && !path.list;
    }
    above += "." + piece.text;
  }
  return path;
}

}  // namespace hooke::query
