// The file with the admin token.
#pragma once

#include <filesystem>
#include <string>

#include "server/storage/types.h"

namespace hooke::access {

struct TokenFile {
  std::string token;
  bool made = false;             // just now
  bool others_may_read = false;  // its mode lets more than the owner read it
};

// The token in `file`. With `make`, a file that is not there is made: mode 0600, 32 random bytes in
// hexadecimal, complete or not at all.
// Throws hooke::Error (kFailedPrecondition) when it cannot be read, made, or holds no usable token.
TokenFile read_token_file(const std::filesystem::path& file, bool make, const storage::Random& random);

}  // namespace hooke::access
