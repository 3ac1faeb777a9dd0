#include "net/trusted_proxies.h"

#include <doctest/doctest.h>

#include "net/http_head.h"

using net::TrustedProxies;

namespace {

const TrustedProxies proxies({*base::AddressBlock::parse("10.0.0.0/8"), *base::AddressBlock::parse("2001:db8::/32")});

net::RequestHead head_of(const std::string& fields, std::string& bytes, std::vector<net::Field>& into) {
  bytes = "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
  return net::parse_request_head(bytes, into).value().value();
}

}  // namespace

TEST_CASE("what one's own proxies say of a client is believed, from the end on, and nothing before it") {
  struct Row {
    std::string peer, fields, client;
  };
  for (const Row& row :
       {Row{"10.0.0.1", "X-Forwarded-For: 203.0.113.7\r\n", "203.0.113.7"},
        Row{"203.0.113.9", "X-Forwarded-For: 198.51.100.1\r\n", "203.0.113.9"},  // says so itself
        Row{"10.0.0.1", "X-Forwarded-For: 198.51.100.1, 203.0.113.7\r\n", "203.0.113.7"},
        Row{"10.0.0.1", "X-Forwarded-For: 198.51.100.1, 203.0.113.7, 10.0.0.2\r\n", "203.0.113.7"},
        Row{"10.0.0.1", "X-Forwarded-For: 198.51.100.1\r\nx-forwarded-for: 203.0.113.7,10.0.0.2\r\n", "203.0.113.7"},
        Row{"2001:db8::1", "X-Forwarded-For: 203.0.113.7:4711\r\n", "203.0.113.7"},
        Row{"10.0.0.1", "X-Forwarded-For: [2001:DB9:0::1]:4711\r\n", "2001:db9::1"},
        Row{"10.0.0.1", "X-Forwarded-For: 2001:db9::1\r\n", "2001:db9::1"},
        Row{"10.0.0.1", "X-Forwarded-For: ::ffff:203.0.113.7\r\n", "203.0.113.7"},
        Row{"10.0.0.1", "X-Forwarded-For: 10.0.0.9, 10.0.0.2\r\n", "10.0.0.9"},
        Row{"10.0.0.1", "X-Forwarded-For: 203.0.113.7, unknown\r\n", ""},
        Row{"10.0.0.1", "X-Forwarded-For: 203.0.113.7,\r\n", ""}, Row{"10.0.0.1", "X-Forwarded-For: [::1\r\n", ""},
        Row{"10.0.0.1", "", ""}, Row{"", "X-Forwarded-For: 203.0.113.7\r\n", ""}}) {
    CAPTURE(row.peer);
    CAPTURE(row.fields);
    std::string bytes;
    std::vector<net::Field> fields;
    const auto head = head_of(row.fields, bytes, fields);
    CHECK(proxies.client_of(row.peer, head) == row.client);
    CHECK(TrustedProxies().client_of(row.peer, head) == row.peer);
  }
}

TEST_CASE("a client came over TLS if one's own proxy says so") {
  struct Row {
    std::string peer, fields;
    bool encrypted;
  };
  for (const Row& row :
       {Row{"10.0.0.1", "X-Forwarded-Proto: https\r\n", true}, Row{"10.0.0.1", "X-Forwarded-Proto: http\r\n", false},
        Row{"10.0.0.1", "X-Forwarded-Proto: https, http\r\n", false}, Row{"10.0.0.1", "", false},
        Row{"203.0.113.9", "X-Forwarded-Proto: https\r\n", false}}) {
    CAPTURE(row.fields);
    std::string bytes;
    std::vector<net::Field> fields;
    CHECK(proxies.encrypted(row.peer, head_of(row.fields, bytes, fields)) == row.encrypted);
  }
}
