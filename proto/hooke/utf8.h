// Texts of the contract are UTF-8.
#pragma once

#include <string>

namespace hooke {

bool is_utf8(const std::string& text);

}  // namespace hooke
