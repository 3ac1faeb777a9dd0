#include "net/plain_path.h"

#include <doctest/doctest.h>

TEST_CASE("every spelling of a path has one plain form") {
  for (const auto& [path, plain] : std::initializer_list<std::pair<const char*, const char*>>{
           {"/v1/search", "/v1/search"},
           {"/V1/Search", "/v1/search"},
           {"/v1/search/", "/v1/search"},
           {"/v1/%73earch", "/v1/search"},
           {"/v1/s%45arch", "/v1/search"},
           {"/v1/a%20b%3Ac", "/v1/a b:c"},
           {"/v1/a%2Fb", "/v1/a%2fb"},
           {"/v1/a%2fb", "/v1/a%2fb"},
           {"/v1/a%252fb", "/v1/a%252fb"},
           {"/v1/a%5cb", "/v1/a%5cb"},
           {"/v1/.hidden/a..b/...", "/v1/.hidden/a..b/..."},
           {"/", "/"},
       }) {
    CAPTURE(path);
    CHECK(net::plain_path(path).value_or("refused") == plain);
  }
}

TEST_CASE("a path that servers read in different ways is refused") {
  for (const char* path :
       {"/v1//search", "//v1", "/v1/search//", "/v1/./search", "/v1/../search", "/v1/..", "/.", "/v1/%2e%2E/search",
        "/v1/%2e", "/v1/a\\b", "/v1/%zz", "/v1/%4", "/v1/%", "/v1/%00", "/v1/a%0db", "/v1/\x01"}) {
    CAPTURE(path);
    const auto plain = net::plain_path(path);
    REQUIRE_FALSE(plain.has_value());
    CHECK(plain.error().type == base::ErrorType::invalid_request);
    CHECK(plain.error().field == "path");
  }
}
