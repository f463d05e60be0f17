// SHA-256, HMAC and random bytes, by OpenSSL. Pure functions on byte strings, but for random_bytes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hooke::storage {

// 32 bytes.
std::string sha256(std::string_view bytes);
std::string hmac_sha256(std::string_view key, std::string_view bytes);

// Lower-case hexadecimal.
std::string to_hex(std::string_view bytes);

// Whether they are equal; takes as long whatever the first difference.
bool equal_secrets(std::string_view a, std::string_view b);

// From the operating system's generator: the Random of production.
std::string random_bytes(std::size_t count);

}  // namespace hooke::storage
