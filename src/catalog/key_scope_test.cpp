#include "catalog/key_scope.h"

#include <doctest/doctest.h>

using catalog::KeyScope;

TEST_CASE("an empty list allows all, and of another one entry has to fit") {
  const KeyScope anything;
  CHECK(anything.empty());
  CHECK(anything.allows_model("gpt-4o"));
  CHECK(anything.allows_route("openai"));
  CHECK(anything.allows_address(""));
  const KeyScope some{.models = {"gpt-4o*", "o?"}, .routes = {"openai", "azure"}, .addresses = {"203.0.113.7"}};
  CHECK_FALSE(some.empty());
  CHECK(some.allows_model("GPT-4o-mini"));
  CHECK(some.allows_model("o1"));
  CHECK_FALSE(some.allows_model("o1-pro"));
  CHECK(some.allows_route("azure"));
  CHECK_FALSE(some.allows_route("azur"));
  CHECK_FALSE(some.allows_route("Azure"));
}

TEST_CASE("addresses are compared by their bits, and one that cannot be read is not allowed") {
  const KeyScope scope{.addresses = {"203.0.113.7", "10.1.2.3/8", "2001:db8::/33", "::1"}};
  for (const char* const address : {"203.0.113.7", "10.0.0.0", "10.255.255.255", "2001:db8:7fff::1",
                                    "2001:0db8::", "::1", "0:0:0:0:0:0:0:1", "::ffff:10.0.0.1"}) {
    CAPTURE(address);
    CHECK(scope.allows_address(address));
  }
  for (const char* const address :
       {"203.0.113.8", "11.0.0.0", "2001:db8:8000::1", "::2", "", "localhost", "10.0.0", "10.0.0.1/8"}) {
    CAPTURE(address);
    CHECK_FALSE(scope.allows_address(address));
  }
  CHECK(KeyScope{.addresses = {"0.0.0.0/0"}}.allows_address("198.51.100.1"));
  CHECK_FALSE(KeyScope{.addresses = {"0.0.0.0/0"}}.allows_address("::1"));
}

TEST_CASE("what no key can be for is refused by field") {
  const auto field_of = [](const KeyScope& scope) {
    const auto status = catalog::check_scope(scope);
    return status ? std::string("none") : status.error().field;
  };
  CHECK(field_of({.models = {"gpt-4o*"}, .routes = {"openai"}, .addresses = {"10.0.0.0/8", "::1"}}) == "none");
  CHECK(field_of({.models = {""}}) == "allowed_models");
  CHECK(field_of({.models = {"gpt-[45]"}}) == "allowed_models");
  CHECK(field_of({.models = std::vector<std::string>(101, "m")}) == "allowed_models");
  CHECK(field_of({.routes = {""}}) == "allowed_routes");
  CHECK(field_of({.routes = {"two\nlines"}}) == "allowed_routes");
  for (const char* const address :
       {"", "10.0.0.0/33", "10.0.0/8", "example.com", "10.0.0.1-10.0.0.9", "::/129", "1/"}) {
    CAPTURE(address);
    CHECK(field_of({.addresses = {address}}) == "allowed_addresses");
  }
}
