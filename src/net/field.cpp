#include "net/field.h"

#include <cstdint>
#include <cstring>

namespace net {
namespace {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

// Whether a token is `known`, which is as long and made of small letters and hyphens. Among a token's characters only
// 'A' to 'Z' become such with the case bit set, so eight are compared at a time.
[[gnu::always_inline]] inline bool is(std::string_view name, std::string_view known) {
  constexpr std::uint64_t case_bits = 0x2020'2020'2020'2020;
  const auto eight = [](const char* from) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, from, sizeof bytes);
    return bytes;
  };
  const auto differ = [&](std::size_t at) { return (eight(name.data() + at) | case_bits) != eight(known.data() + at); };
  const std::size_t size = known.size();
  if (size < 8) {
    for (std::size_t i = 0; i < size; ++i)
      if ((name[i] | 0x20) != known[i]) return false;
    return true;
  }
  for (std::size_t at = 0; at + 8 < size; at += 8)
    if (differ(at)) return false;
  return !differ(size - 8);
}

}  // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (lower(a[i]) != lower(b[i])) return false;
  return true;
}

FieldName field_name_of(std::string_view name) noexcept {
  const auto either = [&](std::string_view known, FieldName which) {
    return is(name, known) ? which : FieldName::other;
  };
  if (name.size() > 12 && is(name.substr(0, 12), "x-metergate-")) return FieldName::x_metergate;
  switch (name.size()) {
    case 2: return either("te", FieldName::te);
    case 4: return either("host", FieldName::host);
    case 6: return lower(name[0]) == 'c' ? either("cookie", FieldName::cookie) : either("expect", FieldName::expect);
    case 7:
      if (lower(name[0]) == 'a') return either("api-key", FieldName::api_key);
      return lower(name[0]) == 't' ? either("trailer", FieldName::trailer) : either("upgrade", FieldName::upgrade);
    case 9: return either("x-api-key", FieldName::x_api_key);
    case 10:
      if (lower(name[0]) == 's') return either("set-cookie", FieldName::set_cookie);
      return lower(name[0]) == 'c' ? either("connection", FieldName::connection)
                                   : either("keep-alive", FieldName::keep_alive);
    case 12:
      return lower(name[0]) == 'x' ? either("x-request-id", FieldName::x_request_id)
                                   : either("content-type", FieldName::content_type);
    case 13: return either("authorization", FieldName::authorization);
    case 14:
      return lower(name[0]) == 'c' ? either("content-length", FieldName::content_length)
                                   : either("x-goog-api-key", FieldName::x_goog_api_key);
    case 15:
      return lower(name[0]) == 'i' ? either("idempotency-key", FieldName::idempotency_key)
                                   : either("accept-encoding", FieldName::accept_encoding);
    case 16: return either("proxy-connection", FieldName::proxy_connection);
    case 17: return either("transfer-encoding", FieldName::transfer_encoding);
    case 18: return either("proxy-authenticate", FieldName::proxy_authenticate);
    case 19: return either("proxy-authorization", FieldName::proxy_authorization);
    default: return FieldName::other;
  }
}

}  // namespace net
