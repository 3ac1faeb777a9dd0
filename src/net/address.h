#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace net {

// Where a listener binds or a client connects: "127.0.0.1:8080", "[::1]:8080", "localhost:8080" or "unix:/path".
struct Address {
  std::string host;        // without brackets; the path of a Unix socket
  std::uint16_t port = 0;  // 0: any free port, when listening
  bool is_unix = false;

  static base::Result<Address> parse(std::string_view text);
  std::string to_string() const;
  bool operator==(const Address&) const = default;
};

}  // namespace net
