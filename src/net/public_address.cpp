#include "net/public_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace net {
namespace {

struct Block {
  std::uint32_t first;
  int bits;
};
constexpr std::uint32_t at(std::uint32_t a, std::uint32_t b, std::uint32_t c) { return a << 24 | b << 16 | c << 8; }
// RFC 6890 and IANA's registry of 2024.
constexpr std::array reserved{
    Block{at(0, 0, 0), 8},      Block{at(10, 0, 0), 8},     Block{at(100, 64, 0), 10}, Block{at(127, 0, 0), 8},
    Block{at(169, 254, 0), 16}, Block{at(172, 16, 0), 12},  Block{at(192, 0, 0), 24},  Block{at(192, 0, 2), 24},
    Block{at(192, 88, 99), 24}, Block{at(192, 168, 0), 16}, Block{at(198, 18, 0), 15}, Block{at(198, 51, 100), 24},
    Block{at(203, 0, 113), 24}, Block{at(224, 0, 0), 3},
};

bool is_public(std::uint32_t v4) {
  return std::ranges::none_of(reserved,
                              [v4](const Block& block) { return (v4 ^ block.first) >> (32 - block.bits) == 0; });
}

// Of 2000::/3, what is not given to somebody: 2001::/23 and 2002::/16 wrap other addresses, 2001:db8::/32 and 3fff::/20
// are for documents.
bool is_public(const in6_addr& v6) {
  const auto byte = [&v6](std::size_t i) { return static_cast<unsigned>(v6.s6_addr[i]); };
  if (byte(0) >> 5 != 1) return false;
  if (byte(0) == 0x20 && byte(1) == 0x01 && (byte(2) < 2 || (byte(2) == 0x0D && byte(3) == 0xB8))) return false;
  if (byte(0) == 0x20 && byte(1) == 0x02) return false;
  return !(byte(0) == 0x3F && byte(1) == 0xFF && byte(2) < 0x10);
}

}  // namespace

bool is_public(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    return is_public(ntohl(v4.sin_addr.s_addr));
  }
  if (address.sa_family != AF_INET6) return false;
  sockaddr_in6 v6{};
  std::memcpy(&v6, &address, sizeof v6);
  return is_public(v6.sin6_addr);
}

}  // namespace net
