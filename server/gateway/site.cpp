#include "server/gateway/site.h"

namespace hooke::gateway {
namespace {

constexpr std::string_view kIndex = "/index.html";
constexpr std::string_view kAssets = "/assets/";
constexpr const char* kNoApp =
    "This is hooked, the server of Hooke. This build has no web app; the command line `hooke` has the same "
    "answers,\n"
    "and POST /hooke.v1.QueryService/ListSeries and its like answer in JSON.\n";

const web::File* find(std::span<const web::File> files, std::string_view path) {
  const auto found =
      std::find_if(files.begin(), files.end(), [&](const web::File& f) { return f.path == path; });
  return found == files.end() ? nullptr : &*found;
}

// Pages of the app live in the browser: their paths have no dot in their last part.
bool asks_for_page(const Request& request) {
  const std::string_view last = std::string_view(request.path).substr(request.path.rfind('/') + 1);
  return !request.path.starts_with(kAssets) && last.find('.') == std::string_view::npos &&
         request.find("accept").value_or("").find("text/html") != std::string_view::npos;
}

bool lists(std::string_view list, std::string_view etag) {
  return list == "*" || list.find(etag) != std::string_view::npos;
}

Response answer(const Request& request, const web::File& file) {
  Response response;
  const bool hashed = file.path.starts_with(kAssets);
  response.headers = {{"Content-Type", std::string(file.content_type)},
                      {"Cache-Control", hashed ? "public, max-age=31536000, immutable" : "no-cache"},
                      {"ETag", std::string(file.etag)}};
  if (!file.gzip.empty()) response.headers.push_back({"Vary", "Accept-Encoding"});
  if (lists(request.find("if-none-match").value_or(""), file.etag)) {
    response.status = 304;
    return response;
  }
  const bool compressed =
      !file.gzip.empty() && accepts_coding(request.find("accept-encoding").value_or(""), "gzip");
  if (compressed) response.headers.push_back({"Content-Encoding", "gzip"});
  response.body = compressed ? file.gzip : file.body;
  return response;
}

}  // namespace

Response serve_file(const Request& request, std::span<const web::File> files) {
  if (request.method != "GET" && request.method != "HEAD")
    throw Refused(405, Code::kUnimplemented, request.path + " is not a method of a service",
                  {{"Allow", "GET, HEAD"}});
  const bool root = request.path == "/";
  if (root && files.empty()) return {200, {{"Content-Type", "text/plain; charset=utf-8"}}, kNoApp};
  const auto* file = find(files, root ? kIndex : std::string_view(request.path));
  if (file == nullptr && asks_for_page(request)) file = find(files, kIndex);
  if (file == nullptr) throw Refused(404, Code::kNotFound, "there is nothing at " + request.path);
  return answer(request, *file);
}

}  // namespace hooke::gateway
