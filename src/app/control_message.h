#pragma once
// Requests and responses of the control plane, from HTTP and back.

#include <string>
#include <string_view>

#include "admin/message.h"
#include "net/http_server.h"
#include "net/trusted_proxies.h"

namespace app {

// All but its body.
admin::Request request_of(const net::Incoming& incoming, admin::Trust trust, const net::TrustedProxies& proxies);

// The value of the cookie with that name (RFC 6265 section 4.2); empty if there is none.
std::string cookie_of(const net::RequestHead& head, std::string_view name);

// The head of a response; `chunked`: of one with a stream.
std::string head_of(const net::Incoming& incoming, const admin::Response& response, bool chunked = false);

}  // namespace app
