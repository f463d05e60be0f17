// The web app's files over HTTP.
#include "server/gateway/site.h"

#include <gtest/gtest.h>

namespace hooke::gateway {
namespace {

const std::vector<web::File> kFiles = {
    {"/index.html", "text/html; charset=utf-8", "\"i1\"", "<html>", ""},
    {"/assets/app-4f2a.js", "text/javascript", "\"a1\"", "script", "packed"},
};

Response get(const std::string& path, std::vector<Header> headers = {}, const std::string& method = "GET") {
  Request request;
  request.method = method;
  request.path = path;
  request.headers = std::move(headers);
  return serve_file(request, kFiles);
}
std::string header(const Response& response, const std::string& name) {
  for (const Header& one : response.headers)
    if (one.name == name) return one.value;
  return {};
}
int refusal_of_file(const std::string& path, std::vector<Header> headers = {},
                    const std::string& method = "GET") {
  try {
    return get(path, std::move(headers), method).status;
  } catch (const Refused& refused) {
    return refused.status();
  }
}

TEST(Site, ThePageIsAskedForAnewAndHashedFilesAreKept) {
  EXPECT_EQ(get("/").body, "<html>");
  EXPECT_EQ(header(get("/"), "Cache-Control"), "no-cache");
  EXPECT_EQ(header(get("/"), "ETag"), "\"i1\"");
  EXPECT_EQ(header(get("/assets/app-4f2a.js"), "Cache-Control"), "public, max-age=31536000, immutable");
}

TEST(Site, WhoHasTheFileGetsItNotAgain) {
  for (const char* list : {"\"i1\"", "\"x\", \"i1\"", "W/\"i1\"", "*"}) {
    const Response same = get("/", {{"if-none-match", list}});
    EXPECT_EQ(same.status, 304) << list;
    EXPECT_EQ(same.body, "");
  }
  EXPECT_EQ(get("/", {{"if-none-match", "\"i0\""}}).status, 200);
}

TEST(Site, CompressedFilesAreForWhoUnderstandsThem) {
  const Response packed = get("/assets/app-4f2a.js", {{"accept-encoding", "br, gzip"}});
  EXPECT_EQ(packed.body, "packed");
  EXPECT_EQ(header(packed, "Content-Encoding"), "gzip");
  EXPECT_EQ(header(packed, "Vary"), "Accept-Encoding");
  const Response plain = get("/assets/app-4f2a.js", {{"accept-encoding", "gzip;q=0"}});
  EXPECT_EQ(plain.body, "script");
  EXPECT_EQ(header(plain, "Vary"), "Accept-Encoding");
  EXPECT_EQ(get("/", {{"accept-encoding", "gzip"}}).body, "<html>") << "not kept compressed";
}

TEST(Site, WhatIsNotThereIsNotFound) {
  for (const char* path :
       {"/nothing.js", "/assets/old-1111.js", "/../index.html", "/index.html/", "//index.html"})
    EXPECT_EQ(refusal_of_file(path), 404) << path;
  EXPECT_EQ(refusal_of_file("/", {}, "POST"), 405);
  EXPECT_EQ(refusal_of_file("/runs", {{"accept", "text/html"}}), 200) << "a page of the app";
  EXPECT_EQ(refusal_of_file("/assets/x", {{"accept", "text/html"}}), 404);
}

}  // namespace
}  // namespace hooke::gateway
