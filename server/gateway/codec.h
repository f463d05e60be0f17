// Messages of the contract: JSON to bytes and back, and gzip. Pure functions; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hooke::gateway {

// `type` is a message's full name, "hooke.v1.GetSeriesRequest".
// Throws hooke::Error (kInvalidArgument) for what is not JSON, or has a field that the message lacks.
std::string from_json(const std::string& type, const std::string& json);
// Throws hooke::Error (kInvalidArgument) for bytes that are no such message.
void check_bytes(const std::string& type, const std::string& bytes);
// The protocol's JSON: fields that are unset or zero are left out. Throws hooke::Error (kInternal).
std::string to_json(const std::string& type, const std::string& bytes);
// Nothing for a type that is not linked in.
std::optional<std::string> try_to_json(const std::string& type, const std::string& bytes);

std::string gzip(std::string_view bytes);
// Throws hooke::Error: kInvalidArgument for what is not gzip, kResourceExhausted for more than `most`.
std::string gunzip(std::string_view bytes, std::size_t most);

}  // namespace hooke::gateway
