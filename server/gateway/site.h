// The web app's files over HTTP. Pure functions; any thread.
#pragma once

#include <span>

#include "server/gateway/http.h"
#include "server/web/files.h"

namespace hooke::gateway {

// The file that a GET or HEAD names. A page of the app (a path that is no file, asked for by who takes
// HTML) is index.html; what is below /assets has a hash in its name and is kept for ever.
// Throws Refused: 405, 404.
Response serve_file(const Request& request, std::span<const web::File> files);

}  // namespace hooke::gateway
