// The table of what each method needs. A method that is not in it is refused to everyone, and a test
// walks the services' descriptors so that none is forgotten. Immutable; callable from any thread.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "server/storage/tokens.h"

namespace hooke::access {

struct Method {
  std::string_view name;              // as on the wire, "/hooke.v1.QueryService/GetSeries"
  std::optional<storage::Role> role;  // absent: open to everyone, without a token
  bool any_role = false;              // whoever is let in may call it
};

std::span<const Method> methods();

// Null when there is no such method.
const Method* find_method(std::string_view name);

// "read", "worker", "submit", "admin".
const char* name_of(storage::Role role);
// Nothing when there is no such role.
std::optional<storage::Role> role_of(std::string_view name);

// Whether a caller of role `has` may do what needs `needed`: admin may do everything, submit
// includes read.
bool includes(storage::Role has, storage::Role needed);
// REQUIRES: the method needs a role.
bool allows(const Method& method, storage::Role has);

}  // namespace hooke::access
