#pragma once

#include <sys/socket.h>

namespace net {

// Whether an address is one of the whole internet's: not this host's, not of a private or carrier's network, not
// link-local (where clouds answer with their machines' secrets), not reserved (IANA's special-purpose registries).
// An IPv6 address that only wraps an IPv4 one is none.
bool is_public(const sockaddr& address);

}  // namespace net
