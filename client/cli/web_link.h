// Links into the web app. Pure function.
#pragma once

#include <string>

namespace hooke::cli {

// "http://127.0.0.1:7071/#token=SECRET&to=…": who opens it is let in and sees the page. `site` is the
// address without a path; `token` and `page`, as "/runs/k3f9", may be empty. The token stands behind the
// '#', so that no server and no log sees it.
std::string web_link(const std::string& site, const std::string& token, const std::string& page = {});

}  // namespace hooke::cli
