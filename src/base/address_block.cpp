#include "base/address_block.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>

namespace base {
namespace {

namespace ip = boost::asio::ip;

constexpr int bits_before_v4 = 96;  // of a mapped address
constexpr int bits_max = 128;

std::optional<ip::address> address_of(std::string_view text) {
  boost::system::error_code error;
  const ip::address address = ip::make_address(std::string(text), error);
  if (error) return std::nullopt;
  if (address.is_v6() && address.to_v6().is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, address.to_v6());
  return address;
}

std::array<std::uint8_t, 16> bytes_of(const ip::address& address) {
  if (address.is_v6()) return address.to_v6().to_bytes();
  return ip::make_address_v6(ip::v4_mapped, address.to_v4()).to_bytes();
}

}  // namespace

std::optional<AddressBlock> AddressBlock::parse(std::string_view text) {
  AddressBlock block;
  if (text.find('/') == std::string_view::npos) {
    const auto address = address_of(text);
    if (!address) return std::nullopt;
    block.bytes_ = bytes_of(*address);
    block.bits_ = bits_max;
    return block;
  }
  boost::system::error_code error;
  if (const auto four = ip::make_network_v4(std::string(text), error); !error) {
    block.bytes_ = bytes_of(four.address());
    block.bits_ = bits_before_v4 + four.prefix_length();
    return block;
  }
  const auto six = ip::make_network_v6(std::string(text), error);
  if (error) return std::nullopt;
  block.bytes_ = six.address().to_bytes();
  block.bits_ = six.prefix_length();
  return block;
}

bool AddressBlock::holds(std::string_view address) const {
  const auto parsed = address_of(address);
  if (!parsed) return false;
  const bool of_v4 = bits_ >= bits_before_v4 && ip::address_v6(bytes_).is_v4_mapped();
  if (parsed->is_v4() != of_v4) return false;
  const auto bytes = bytes_of(*parsed);
  const auto whole = static_cast<std::size_t>(bits_ / 8);
  if (!std::equal(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(whole), bytes_.begin())) return false;
  const int rest = bits_ % 8;
  return rest == 0 || ((bytes[whole] ^ bytes_[whole]) >> (8 - rest)) == 0;
}

std::optional<std::string> canonical_address(std::string_view text) {
  const auto address = address_of(text);
  return address ? std::optional(address->to_string()) : std::nullopt;
}

}  // namespace base
