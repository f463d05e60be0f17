#include "server/web/files.h"

namespace hooke::web {

std::span<const File> files() {
  return {};
}

}  // namespace hooke::web
