#include "base/result.h"

namespace base {

std::string_view to_string(ErrorType type) noexcept {
  switch (type) {
    case ErrorType::invalid_request: return "invalid_request";
    case ErrorType::unauthorized: return "unauthorized";
    case ErrorType::forbidden: return "forbidden";
    case ErrorType::not_found: return "not_found";
    case ErrorType::conflict: return "conflict";
    case ErrorType::payload_too_large: return "payload_too_large";
    case ErrorType::headers_too_large: return "headers_too_large";
    case ErrorType::unknown_model: return "unknown_model";
    case ErrorType::unknown_price: return "unknown_price";
    case ErrorType::rate_limited: return "rate_limited";
    case ErrorType::limit_busy: return "limit_busy";
    case ErrorType::limit_reached: return "limit_reached";
    case ErrorType::insufficient_balance: return "insufficient_balance";
    case ErrorType::upstream_error: return "upstream_error";
    case ErrorType::upstream_timeout: return "upstream_timeout";
    case ErrorType::overloaded: return "overloaded";
    case ErrorType::unavailable: return "unavailable";
    case ErrorType::internal: return "internal";
    case ErrorType::idempotency_mismatch: return "idempotency_mismatch";
    case ErrorType::request_in_progress: return "request_in_progress";
    case ErrorType::outcome_unknown: return "outcome_unknown";
    case ErrorType::reply_not_kept: return "reply_not_kept";
    case ErrorType::quote_not_usable: return "quote_not_usable";
  }
  return "internal";
}

std::string_view to_string(Source source) noexcept {
  switch (source) {
    case Source::client: return "client";
    case Source::gateway: return "gateway";
    case Source::upstream_refusal: return "upstream_refusal";
    case Source::upstream_timeout: return "upstream_timeout";
    case Source::network: return "network";
    case Source::store: return "store";
  }
  return "gateway";
}

int http_status(ErrorType type) noexcept {
  switch (type) {
    case ErrorType::invalid_request: return 400;
    case ErrorType::unauthorized: return 401;
    case ErrorType::forbidden: return 403;
    case ErrorType::not_found: return 404;
    case ErrorType::conflict: return 409;
    case ErrorType::payload_too_large: return 413;
    case ErrorType::headers_too_large: return 431;
    case ErrorType::unknown_model: return 404;
    case ErrorType::unknown_price: return 400;
    case ErrorType::rate_limited: return 429;
    case ErrorType::limit_busy: return 429;
    case ErrorType::limit_reached: return 402;
    case ErrorType::insufficient_balance: return 402;
    case ErrorType::upstream_error: return 502;
    case ErrorType::upstream_timeout: return 504;
    case ErrorType::overloaded: return 503;
    case ErrorType::unavailable: return 503;
    case ErrorType::internal: return 500;
    case ErrorType::idempotency_mismatch: return 422;
    case ErrorType::request_in_progress: return 409;
    case ErrorType::outcome_unknown: return 409;
    case ErrorType::reply_not_kept: return 409;
    case ErrorType::quote_not_usable: return 422;
  }
  return 500;
}

}  // namespace base
