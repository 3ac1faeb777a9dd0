#include "net/fetch.h"

#include <doctest/doctest.h>

#include "net/world_test.h"

using net::testing::Served;

namespace {

net::FetchRequest request_to(const Served& served, std::string method, std::string target, std::string body = {}) {
  net::FetchRequest request;
  request.method = std::move(method);
  request.host = "127.0.0.1";
  request.port = served.address.port;
  request.authority = "localhost";
  request.target = std::move(target);
  request.body = std::move(body);
  return request;
}

}  // namespace

TEST_CASE("a request is sent whole, and its reply read whole") {
  Served served;
  served.run([](Served& at) -> net::Task<void> {
    const auto echoed = co_await net::fetch(at.loop, request_to(at, "POST", "/echo", "a=b"), 5'000);
    REQUIRE(echoed.has_value());
    CHECK(echoed->status == 200);
    CHECK(echoed->body == "a=b");
    const auto plain = co_await net::fetch(at.loop, request_to(at, "GET", "/x?y=z"), 5'000);
    REQUIRE(plain.has_value());
    CHECK(plain->body == "/x");
    CHECK(at.script.requests == std::vector<std::string>{"POST /echo", "GET /x"});
  }(served));
}

TEST_CASE("a reply that is too large, late or not there is an error") {
  Served served;
  served.run([](Served& at) -> net::Task<void> {
    const auto flood = co_await net::fetch(at.loop, request_to(at, "GET", "/flood"), 5'000, 1'000);
    CHECK_FALSE(flood.has_value());
    auto nowhere = request_to(at, "GET", "/");
    nowhere.port = 1;
    const auto refused = co_await net::fetch(at.loop, std::move(nowhere), 5'000);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().type == base::ErrorType::upstream_error);
  }(served));
}
