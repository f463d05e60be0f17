// hooked without the web app (-DHOOKE_WEB=OFF).
#include "server/web/files.h"

namespace hooke::web {

std::span<const File> files() {
  return {};
}

}  // namespace hooke::web
