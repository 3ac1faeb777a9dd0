#include "net/address.h"

#include <doctest/doctest.h>

using net::Address;

TEST_CASE("an address is read and written back in one form") {
  struct Row {
    const char* text;
    Address address;
  };
  for (const Row& row :
       {Row{"127.0.0.1:8080", {"127.0.0.1", 8080, false}}, Row{"localhost:1", {"localhost", 1, false}},
        Row{"0.0.0.0:0", {"0.0.0.0", 0, false}}, Row{"[::1]:8080", {"::1", 8080, false}},
        Row{"[::]:65535", {"::", 65535, false}}, Row{"a.example:443", {"a.example", 443, false}},
        Row{"unix:/run/a b.sock", {"/run/a b.sock", 0, true}}, Row{"unix:relative:1", {"relative:1", 0, true}}}) {
    CAPTURE(row.text);
    const auto address = Address::parse(row.text);
    REQUIRE(address.has_value());
    CHECK(*address == row.address);
    CHECK(address->to_string() == row.text);
  }
}

TEST_CASE("what is no address is refused, and the refusal repeats it") {
  for (const char* text : {"", ":", "8080", ":8080", "localhost", "localhost:", "localhost:http", "localhost:-1",
                           "localhost:+1", "localhost: 1", "localhost:1 ", "localhost:65536", "::1:8080", "[::1]",
                           "[]:80", "[::1:80", "::1]:80", "unix:", "1.2.3.4:80:80"}) {
    CAPTURE(text);
    const auto address = Address::parse(text);
    REQUIRE_FALSE(address.has_value());
    CHECK(address.error().type == base::ErrorType::invalid_request);
    CHECK(address.error().message.contains("'" + std::string(text) + "'"));
  }
}
