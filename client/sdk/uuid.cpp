#include "client/sdk/uuid.h"

#include <random>
#include <string_view>

namespace hooke::sdk {

std::string make_uuid() {
  std::random_device random;
  std::string id;
  for (const char c : std::string_view("xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx")) {
    const unsigned digit = random() & 15U;
    id += c == 'x' ? "0123456789abcdef"[digit] : c == 'y' ? "89ab"[digit & 3U] : c;
  }
  return id;
}

}  // namespace hooke::sdk
