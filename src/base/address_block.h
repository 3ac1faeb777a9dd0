#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace base {

// A block of IP addresses in CIDR notation (RFC 4632 section 3.1, RFC 4291 section 2.3), or one address as a block of
// itself: "10.0.0.0/8", "203.0.113.7", "2001:db8::/32". Host bits count for nothing. An IPv4 address that is written
// as a mapped one ("::ffff:203.0.113.7") is the IPv4 address.
class AddressBlock {
 public:
  // nullopt: it is neither.
  static std::optional<AddressBlock> parse(std::string_view text);
  // False, too, for what is no address.
  bool holds(std::string_view address) const;

 private:
  std::array<std::uint8_t, 16> bytes_{};  // of IPv4 the mapped address
  int bits_ = 0;                          // of them, 0 to 128
};

// The address as it is usually written; nullopt if it is none.
std::optional<std::string> canonical_address(std::string_view text);

}  // namespace base
