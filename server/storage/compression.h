// zstd for large values. Private to server/storage. Pure functions.
#pragma once

#include <string>
#include <string_view>

namespace hooke::storage {

std::string compress(std::string_view bytes);

// Throws hooke::Error (kDataLoss) for what compress() did not make.
std::string decompress(std::string_view frame);

}  // namespace hooke::storage
