#pragma once

#include <cstdint>
#include <string_view>

namespace net {

// The fields that something here acts on, told apart once, when a head is read; afterwards no name is compared again.
enum class FieldName : std::uint8_t {
  other,
  // of one connection only (RFC 9110 section 7.6.1)
  connection,
  keep_alive,
  proxy_authenticate,
  proxy_authorization,
  proxy_connection,
  te,
  trailer,
  transfer_encoding,
  upgrade,
  // framing and the rest of HTTP
  accept_encoding,
  content_length,
  content_type,
  cookie,
  expect,
  host,
  idempotency_key,
  set_cookie,
  x_request_id,
  // where clients put their keys
  authorization,
  api_key,
  x_api_key,
  x_goog_api_key,
  // "x-metergate-…": our own
  x_metergate,
};

// Of a token (RFC 9110 section 5.6.2), compared without case.
FieldName field_name_of(std::string_view name) noexcept;

constexpr bool is_hop_by_hop(FieldName name) { return name >= FieldName::connection && name <= FieldName::upgrade; }

// One header field. The views point into the buffer that was parsed.
struct Field {
  std::string_view name;
  std::string_view value;
  FieldName known = FieldName::other;
};

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;

}  // namespace net
