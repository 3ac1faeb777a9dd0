#pragma once
// Errors are values. Every function that can fail returns Result<T>; TRY hands a failure to the caller.
//
// An Error says what went wrong (type, also the public string), who caused it (source: decides who is blamed and
// billed) and in words for a person what to do. A policy's no is a refusal with its own type (quota/decision.h).

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace base {

// The public vocabulary of failure; the same strings in replies, logs, metrics and SDK classes (design.md §6).
enum class ErrorType : std::uint8_t {
  invalid_request,       // 400: the message itself is wrong; says which field
  unauthorized,          // 401
  forbidden,             // 403
  not_found,             // 404: no such route, account, key, limit
  conflict,              // 409: control plane only; SDKs retry it, unless the reply says that they should not
  payload_too_large,     // 413
  headers_too_large,     // 431
  unknown_model,         // 404: no upstream serves it
  unknown_price,         // 400: served, but without a price; no price is never a price of zero
  rate_limited,          // 429
  limit_busy,            // 429: only others' reservations or leases stand in the way
  limit_reached,         // 402, or 429 where the limit says so
  insufficient_balance,  // 402
  upstream_error,        // 502
  upstream_timeout,      // 504
  overloaded,            // 503
  unavailable,           // 503: fail closed, with the reason
  internal,              // 500
  idempotency_mismatch,  // 422: an Idempotency-Key that stands for another request
  request_in_progress,   // 409: the first call with this Idempotency-Key still runs; it may be asked for again
  outcome_unknown,       // 409: nobody knows what became of the first call; never sent again
  reply_not_kept,        // 409: the first call has ended, and its reply was too large to be kept
  quote_not_usable,      // 422: the held quote that a call names does not pay for it; says why
};
inline constexpr ErrorType last_error_type = ErrorType::quote_not_usable;

// Whose fault it is. Recorded with every exchange.
enum class Source : std::uint8_t { client, gateway, upstream_refusal, upstream_timeout, network, store };

std::string_view to_string(ErrorType type) noexcept;
std::string_view to_string(Source source) noexcept;
// The HTTP status that the proxy and the control plane answer with.
int http_status(ErrorType type) noexcept;

struct Error {
  ErrorType type = ErrorType::internal;
  Source source = Source::gateway;
  std::string message;  // one sentence for a person: the field, the value, the remedy; never a secret
  std::string field;    // path of the offending field ("limits[0].amount"), or empty

  // The same error seen from further out: "reading metergate.yaml: …".
  Error in(std::string_view context) && {
    message.insert(0, std::string(context) + ": ");
    return std::move(*this);
  }
  bool operator==(const Error&) const = default;
};

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

// Shorthand for `return fail(...)`. Cold: what only leads to an error stands apart from what every call runs through.
[[gnu::cold]] inline std::unexpected<Error> fail(ErrorType type, std::string message, std::string field = {},
                                                 Source source = Source::gateway) {
  return std::unexpected(Error{type, source, std::move(message), std::move(field)});
}
[[gnu::cold]] inline std::unexpected<Error> fail(Error error) { return std::unexpected(std::move(error)); }
// The usual case: the caller sent something wrong.
[[gnu::cold]] inline std::unexpected<Error> invalid(std::string message, std::string field = {}) {
  return fail(ErrorType::invalid_request, std::move(message), std::move(field), Source::client);
}

}  // namespace base

#define MG_CONCAT_(a, b) a##b
#define MG_CONCAT(a, b) MG_CONCAT_(a, b)
#define MG_TRY_(keyword, tmp, declaration, expression) \
  auto tmp = (expression);                             \
  if (!tmp.has_value()) [[unlikely]]                   \
    keyword std::unexpected(std::move(tmp).error());   \
  declaration = std::move(*tmp)
#define MG_TRY_STATUS_(keyword, tmp, expression)       \
  do {                                                 \
    auto tmp = (expression);                           \
    if (!tmp.has_value()) [[unlikely]]                 \
      keyword std::unexpected(std::move(tmp).error()); \
  } while (false)

// TRY(auto value, f()): value of f(), or return its error. TRY_STATUS(f()): the same for a Status.
// The CO_ forms are for coroutines.
#define TRY(declaration, ...) MG_TRY_(return, MG_CONCAT(try_, __LINE__), declaration, (__VA_ARGS__))
#define CO_TRY(declaration, ...) MG_TRY_(co_return, MG_CONCAT(try_, __LINE__), declaration, (__VA_ARGS__))
#define TRY_STATUS(...) MG_TRY_STATUS_(return, MG_CONCAT(check_, __LINE__), (__VA_ARGS__))
#define CO_TRY_STATUS(...) MG_TRY_STATUS_(co_return, MG_CONCAT(check_, __LINE__), (__VA_ARGS__))
