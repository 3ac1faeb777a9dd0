#pragma once
// net: bytes to messages. Sockets, TLS, HTTP/1.1 heads and bodies; it knows nothing of keys, prices or providers.
//
// The codec is strict where two parsers could disagree (RFC 9112 section 11, request smuggling): what is ambiguous is
// refused, never repaired. It is sans-I/O: bytes in, values out; the views point into the caller's buffer.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/message_buffer.h"

namespace net {

// How long a body is (RFC 9112 section 6.3).
enum class Framing : std::uint8_t { none, length, chunked, until_close };

struct HeadLimits {
  std::size_t bytes = MessageBuffer::capacity;  // of the whole head
  std::size_t fields = 100;
};

struct RequestHead {
  std::string_view method;  // a token, as sent; methods are case-sensitive
  std::string_view target;  // origin-form ("/v1/models?x=1") or "*"
  int minor_version = 1;    // of HTTP/1.x: 0 or 1
  std::span<const Field> fields;
  Framing framing = Framing::none;
  std::int64_t content_length = 0;  // of Framing::length
  bool keep_alive = true;
  bool expects_continue = false;
  bool accepts_trailers = false;  // "TE: trailers"
  std::size_t size = 0;           // bytes of the head, blank line included

  std::string_view path() const { return target.substr(0, target.find('?')); }
  // The first field of that name (compared without case), or nullopt.
  std::optional<std::string_view> find(std::string_view name) const;
  std::optional<std::string_view> find(FieldName name) const;
};

struct ResponseHead {
  int status = 0;  // 100 to 599
  int minor_version = 1;
  std::string_view reason;
  std::span<const Field> fields;
  Framing framing = Framing::none;
  std::int64_t content_length = 0;
  bool keep_alive = true;
  std::size_t size = 0;

  std::optional<std::string_view> find(std::string_view name) const;
  std::optional<std::string_view> find(FieldName name) const;
};

// Reads a head from the front of `bytes`, putting its fields into `fields`. nullopt: not complete yet. Errors:
// headers_too_large (431) above the limits, invalid_request (400) for what is not strictly HTTP/1.1: obs-fold, bare CR
// or LF, space before a colon, control characters, more than one Content-Length or a list of them, Content-Length
// beside Transfer-Encoding, any Transfer-Encoding but exactly "chunked", Transfer-Encoding in HTTP/1.0, not exactly one
// Host in HTTP/1.1.
base::Result<std::optional<RequestHead>> parse_request_head(std::string_view bytes, std::vector<Field>& fields,
                                                            const HeadLimits& limits = {});

// The same for a reply to a request with `method` (a reply to HEAD, 1xx, 204 and 304 has no body). Errors are
// upstream_error.
base::Result<std::optional<ResponseHead>> parse_response_head(std::string_view bytes, std::vector<Field>& fields,
                                                              std::string_view method, const HeadLimits& limits = {});

// Whether a comma-separated list field has the token (without case): "keep-alive, Upgrade".
bool has_token(std::string_view list, std::string_view token);
}  // namespace net
