#include "net/address.h"

#include <fmt/format.h>

#include <charconv>

namespace net {

base::Result<Address> Address::parse(std::string_view text) {
  if (text.starts_with("unix:") && text.size() > 5) return Address{std::string(text.substr(5)), 0, true};
  const auto bad = [&] {
    return base::invalid(fmt::format("'{}' is not an address; write HOST:PORT such as 127.0.0.1:8080", text));
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return bad();
  std::string_view host = text.substr(0, colon);
  if (host.front() == '[') {
    if (host.back() != ']' || host.size() < 3) return bad();
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return bad();
  }
  Address address{std::string(host), 0, false};
  const std::string_view port = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (port.empty() || error != std::errc{} || end != port.data() + port.size()) return bad();
  return address;
}

std::string Address::to_string() const {
  if (is_unix) return "unix:" + host;
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

}  // namespace net
