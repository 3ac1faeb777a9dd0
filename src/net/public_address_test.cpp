#include "net/public_address.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>

#include <cstring>
#include <string>

namespace {

bool is_public(const std::string& text) {
  sockaddr_storage storage{};
  auto* const v4 = reinterpret_cast<sockaddr_in*>(&storage);
  auto* const v6 = reinterpret_cast<sockaddr_in6*>(&storage);
  if (::inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    storage.ss_family = AF_INET;
  } else {
    REQUIRE(::inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1);
    storage.ss_family = AF_INET6;
  }
  return net::is_public(*reinterpret_cast<const sockaddr*>(&storage));
}

}  // namespace

TEST_CASE("addresses of one's own networks are not public, however they are written") {
  for (const char* own : {"127.0.0.1",
                          "127.255.0.9",
                          "0.0.0.0",
                          "10.1.2.3",
                          "172.16.0.1",
                          "172.31.255.255",
                          "192.168.1.1",
                          "169.254.169.254",
                          "100.64.0.1",
                          "100.127.255.255",
                          "198.19.0.1",
                          "192.0.2.7",
                          "224.0.0.1",
                          "255.255.255.255",
                          "::",
                          "::1",
                          "fe80::1",
                          "fc00::1",
                          "fd00:ec2::254",
                          "ff02::1",
                          "::ffff:127.0.0.1",
                          "::ffff:8.8.8.8",
                          "64:ff9b::a00:1",
                          "2002:7f00:1::",
                          "2001::1",
                          "2001:db8::1",
                          "3fff::1"}) {
    CAPTURE(own);
    CHECK_FALSE(is_public(own));
  }
}

TEST_CASE("addresses of the internet are public, those too that lie beside the others") {
  for (const char* far :
       {"8.8.8.8", "104.18.7.192", "172.15.0.1", "172.32.0.1", "100.63.255.255", "100.128.0.1", "169.253.0.1",
        "198.20.0.1", "223.255.255.255", "2606:4700::6812:7c0", "2a00:1450::1", "2001:4860::8888"}) {
    CAPTURE(far);
    CHECK(is_public(far));
  }
}
