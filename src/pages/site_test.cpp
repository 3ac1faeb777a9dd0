#include "pages/site.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>

using namespace pages;

namespace {

// gzip of "hello\n".
constexpr std::string_view hello_gzip(
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\xe7\x02\x00\x20\x30\x3a\x36\x06\x00\x00\x00", 26);

// A pack of these paths, each of which holds "hello\n".
std::string pack_of(const std::vector<std::string>& paths) {
  std::string bytes = fmt::format("metergate-pages 1 {}\n", paths.size());
  for (const std::string& path : paths) bytes += fmt::format("{} abc 0 {} 6\n", path, hello_gzip.size());
  return bytes + std::string(hello_gzip);
}

const std::string three_files = pack_of({"/assets/a-1.js", "/index.html", "/openapi.json"});

std::map<std::string, std::string> headers_of(const Response& response) {
  std::map<std::string, std::string> headers;
  for (const auto& [name, value] : response.headers) headers.emplace(name, value);
  return headers;
}

void answer(const Request& request, Response& response) { Site(*Pack::read(three_files)).answer(request, response); }

}  // namespace

TEST_CASE("a file named by its content is kept for ever, the page that names it is asked for again") {
  Response asset;
  answer({.path = "/assets/a-1.js"}, asset);
  CHECK(headers_of(asset)["Cache-Control"] == "public, max-age=31536000, immutable");
  CHECK(headers_of(asset)["Content-Type"] == "text/javascript; charset=utf-8");
  Response page;
  answer({.path = "/index.html"}, page);
  CHECK(headers_of(page)["Cache-Control"] == "no-cache");
}

TEST_CASE("only who accepts gzip gets it") {
  for (const std::string_view accepted : {"gzip", "br, gzip;q=0.5", "*", "deflate, gzip; q=0.001"}) {
    CAPTURE(accepted);
    Response response;
    answer({.path = "/openapi.json", .accept_encoding = accepted}, response);
    CHECK(response.body == hello_gzip);
    CHECK(headers_of(response)["Content-Encoding"] == "gzip");
    CHECK(headers_of(response)["ETag"] == "\"abc-gzip\"");
  }
  for (const std::string_view accepted : {"", "br", "gzip;q=0", "gzip;q=0.000, *", "identity"}) {
    CAPTURE(accepted);
    Response response;
    answer({.path = "/openapi.json", .accept_encoding = accepted}, response);
    CHECK(response.body == "hello\n");
    CHECK(!headers_of(response).contains("Content-Encoding"));
    CHECK(headers_of(response)["ETag"] == "\"abc\"");
    CHECK(headers_of(response)["Vary"] == "Accept-Encoding");
  }
}

TEST_CASE("who has a file is not sent it again") {
  for (const std::string_view tag : {"\"abc\"", "\"x\", W/\"abc-gzip\"", "*"}) {
    CAPTURE(tag);
    Response response;
    answer({.path = "/", .if_none_match = tag}, response);
    CHECK(response.status == 304);
    CHECK(response.body.empty());
    CHECK(headers_of(response)["ETag"] == "\"abc\"");
  }
  Response response;
  answer({.path = "/", .if_none_match = "\"other\""}, response);
  CHECK(response.status == 200);
}

TEST_CASE("every address without a file's ending is the one page, and a file that is not there is not found") {
  for (const std::string_view path : {"/", "/accounts", "/accounts/0190a6d2-7c1e", "/assets"}) {
    CAPTURE(path);
    Response response;
    answer({.path = path}, response);
    CHECK(response.status == 200);
    CHECK(headers_of(response)["Content-Type"] == "text/html; charset=utf-8");
  }
  for (const std::string_view path : {"/assets/a-2.js", "/favicon.ico", "/../index.html.bak"}) {
    CAPTURE(path);
    Response response;
    answer({.path = path}, response);
    CHECK(response.status == 404);
  }
}

TEST_CASE("every answer forbids foreign and inline code, frames and guesses of types") {
  for (const std::string_view path : {"/", "/assets/a-1.js", "/missing.js"}) {
    CAPTURE(path);
    Response response;
    answer({.path = path}, response);
    const std::string policy = headers_of(response)["Content-Security-Policy"];
    CHECK(policy.starts_with("default-src 'self';"));
    CHECK(policy.contains("frame-ancestors 'none'"));
    CHECK(!policy.contains("unsafe"));
    CHECK(headers_of(response)["X-Content-Type-Options"] == "nosniff");
    CHECK(headers_of(response)["Referrer-Policy"] == "no-referrer");
  }
}

TEST_CASE("the API, health and metrics are not pages, and neither is a request that changes something") {
  for (const std::string_view path : {"/api", "/api/v1/accounts", "/healthz", "/readyz", "/metrics"})
    CHECK(!is_page("GET", path));
  for (const std::string_view path : {"/", "/apis", "/metrics/", "/openapi.json"}) CHECK(is_page("HEAD", path));
  CHECK(!is_page("POST", "/"));
}

TEST_CASE("without pages the site says how to come by them") {
  const Site site(std::nullopt);
  Response page;
  site.answer({.path = "/"}, page);
  CHECK(page.status == 200);
  CHECK(page.body.contains("make build"));
  Response file;
  site.answer({.path = "/openapi.json"}, file);
  CHECK(file.status == 404);
}

TEST_CASE("a pack with a broken table is refused, with the line") {
  for (const auto& [bytes, message] : std::vector<std::pair<std::string, std::string>>{
           {"", "first line"},
           {"metergate-pages 2 0\n", "first line"},
           {"metergate-pages 1 1\n", "line 2"},
           {"metergate-pages 1 1\n/a abc 0 x 6\n", "line 2"},
           {"metergate-pages 1 1\n/a abc 1 1 6\n.", "ends behind"},
           {"metergate-pages 1 2\n/b abc 0 0 6\n/a abc 0 0 6\n", "not in order"}}) {
    CAPTURE(bytes);
    const auto pack = Pack::read(bytes);
    REQUIRE(!pack);
    CHECK(pack.error().message.contains(message));
  }
}

TEST_CASE("a file that is not of its size cannot be inflated") {
  CHECK(*inflate({"/a", "abc", hello_gzip, 6}) == "hello\n");
  CHECK(!inflate({"/a", "abc", hello_gzip, 5}));
  CHECK(!inflate({"/a", "abc", hello_gzip, 7}));
  CHECK(!inflate({"/a", "abc", hello_gzip.substr(0, 20), 6}));
}
