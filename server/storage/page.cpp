#include "server/storage/page.h"

namespace hooke::storage {

void check_number_cursor(const std::string& after) {
  constexpr std::size_t kMaxDigits = 18;
  const bool digits = std::all_of(after.begin(), after.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || after.size() > kMaxDigits)
    throw invalid("page_token", "'" + after + "' is not a token of this list");
}

}  // namespace hooke::storage
