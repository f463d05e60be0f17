// The web app's files, compiled into hooked. Constant; any thread may read them.
#pragma once

#include <span>
#include <string_view>

namespace hooke::web {

struct File {
  std::string_view path;          // as in a URL: "/index.html", "/assets/app-4f2a.js"
  std::string_view content_type;  // "text/html; charset=utf-8"
  std::string_view etag;          // a hash of the body, in double quotes
  std::string_view body;
  std::string_view gzip;  // the body compressed; empty when that does not pay
};

// Every file; empty in a build without the web app.
std::span<const File> files();

}  // namespace hooke::web
