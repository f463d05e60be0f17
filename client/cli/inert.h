// Texts that others chose, so that no terminal obeys them: control characters, but for line ends and tabs,
// and marks that turn the direction of text become U+FFFD. Pure functions.
#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <string_view>

namespace hooke::cli {

std::string inert(std::string_view text);

// All texts of a message but configurations as JSON; its bytes stay.
void make_inert(google::protobuf::Message& message);

}  // namespace hooke::cli
