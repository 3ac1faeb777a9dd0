#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/address_block.h"

namespace net {

struct RequestHead;

// The proxies of one's own in front of a listener: what they say of a client is believed, and what anybody else says is
// not. Each of them puts the address it was called from at the end of X-Forwarded-For, so that field is read from its
// end for as long as the addresses are proxies', and no further: what stands before the client may have put there.
class TrustedProxies {
 public:
  TrustedProxies() = default;  // none: the client is whoever has connected
  explicit TrustedProxies(std::vector<base::AddressBlock> blocks) : blocks_(std::move(blocks)) {}

  // The address of the client. `peer`: of who has connected; empty on a Unix socket. Empty if a proxy does not say it,
  // or not as an address: then nobody knows it.
  std::string client_of(std::string peer, const RequestHead& head) const;
  // Whether the client came over TLS: the last word of X-Forwarded-Proto, if a proxy says it.
  bool encrypted(std::string_view peer, const RequestHead& head) const;

 private:
  bool has(std::string_view address) const;

  std::vector<base::AddressBlock> blocks_;
};

}  // namespace net
