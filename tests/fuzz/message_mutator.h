// Inputs that are messages of the contract: two bytes of choices, then the message's bytes. libFuzzer's own
// mutations seldom leave such bytes a message; these change one thing of it and keep it one.
#pragma once

#include <google/protobuf/message.h>

#include <cstdint>
#include <string>
#include <vector>

namespace hooke::fuzz {

inline constexpr std::size_t kChoiceBytes = 2;

// To be defined by a target: what its inputs are.
const google::protobuf::Message& prototype(std::uint8_t first_choice);
// To be defined by a target: texts that mean something to it.
const std::vector<std::string>& words();

}  // namespace hooke::fuzz
