#include "gateway/error_form.h"

#include <algorithm>
#include <array>

namespace gateway {
namespace {

using base::ErrorType;

struct Words {
  ErrorType type;
  std::string_view anthropic;
  std::string_view google;
  std::string_view bedrock;
};
// In the enumeration's order. What is refused for good has no word that an SDK takes for a hiccup: AWS's retry a
// ThrottlingException whatever its status, and a ServiceQuotaExceededException or ConflictException at none but 429.
constexpr std::array words{
    Words{ErrorType::invalid_request, "invalid_request_error", "INVALID_ARGUMENT", "ValidationException"},
    Words{ErrorType::unauthorized, "authentication_error", "UNAUTHENTICATED", "AccessDeniedException"},
    Words{ErrorType::forbidden, "permission_error", "PERMISSION_DENIED", "AccessDeniedException"},
    Words{ErrorType::not_found, "not_found_error", "NOT_FOUND", "ResourceNotFoundException"},
    Words{ErrorType::conflict, "invalid_request_error", "FAILED_PRECONDITION", "ConflictException"},
    Words{ErrorType::payload_too_large, "request_too_large", "INVALID_ARGUMENT", "ValidationException"},
    Words{ErrorType::headers_too_large, "request_too_large", "INVALID_ARGUMENT", "ValidationException"},
    Words{ErrorType::unknown_model, "not_found_error", "NOT_FOUND", "ResourceNotFoundException"},
    Words{ErrorType::unknown_price, "invalid_request_error", "FAILED_PRECONDITION", "ValidationException"},
    Words{ErrorType::rate_limited, "rate_limit_error", "RESOURCE_EXHAUSTED", "ThrottlingException"},
    Words{ErrorType::limit_busy, "rate_limit_error", "RESOURCE_EXHAUSTED", "ThrottlingException"},
    Words{ErrorType::limit_reached, "billing_error", "RESOURCE_EXHAUSTED", "ServiceQuotaExceededException"},
    Words{ErrorType::insufficient_balance, "billing_error", "RESOURCE_EXHAUSTED", "ServiceQuotaExceededException"},
    Words{ErrorType::upstream_error, "api_error", "UNAVAILABLE", "InternalServerException"},
    Words{ErrorType::upstream_timeout, "timeout_error", "DEADLINE_EXCEEDED", "ModelTimeoutException"},
    Words{ErrorType::overloaded, "overloaded_error", "UNAVAILABLE", "ServiceUnavailableException"},
    Words{ErrorType::unavailable, "api_error", "UNAVAILABLE", "ServiceUnavailableException"},
    Words{ErrorType::internal, "api_error", "INTERNAL", "InternalServerException"},
    Words{ErrorType::idempotency_mismatch, "invalid_request_error", "FAILED_PRECONDITION", "ValidationException"},
    Words{ErrorType::request_in_progress, "invalid_request_error", "ABORTED", "ConflictException"},
    Words{ErrorType::outcome_unknown, "invalid_request_error", "FAILED_PRECONDITION", "ConflictException"},
    Words{ErrorType::reply_not_kept, "invalid_request_error", "FAILED_PRECONDITION", "ConflictException"},
    Words{ErrorType::quote_not_usable, "invalid_request_error", "FAILED_PRECONDITION", "ValidationException"},
};
constexpr bool in_order() {
  for (std::size_t i = 0; i < words.size(); ++i)
    if (static_cast<std::size_t>(words[i].type) != i) return false;
  return words.size() == static_cast<std::size_t>(base::last_error_type) + 1;
}
static_assert(in_order());

const Words& words_of(ErrorType type) { return words[static_cast<std::size_t>(type)]; }

// Endpoints whose dialect of usage does not tell the vendor: it is none, or shared by several.
struct Named {
  std::string_view endpoint;
  ErrorForm form;
};
constexpr std::array by_name{
    Named{"messages.count_tokens", ErrorForm::anthropic},
    Named{"complete", ErrorForm::anthropic},
    Named{"countTokens", ErrorForm::google},
    Named{"embedContent", ErrorForm::google},
    Named{"batchEmbedContents", ErrorForm::google},
    Named{"predict", ErrorForm::google},
    Named{"count-tokens", ErrorForm::bedrock},
    Named{"tokenize", ErrorForm::cohere},
};

}  // namespace

ErrorForm error_form_of(const meter::Endpoint& endpoint) {
  switch (endpoint.dialect) {
    case meter::Dialect::anthropic: return ErrorForm::anthropic;
    case meter::Dialect::gemini:
    case meter::Dialect::interactions: return ErrorForm::google;
    case meter::Dialect::converse:
    case meter::Dialect::invoke: return ErrorForm::bedrock;
    case meter::Dialect::cohere: return ErrorForm::cohere;
    case meter::Dialect::ollama:
    case meter::Dialect::tgi: return ErrorForm::text;
    case meter::Dialect::embeddings:
    case meter::Dialect::token_count:
    case meter::Dialect::none: break;
    default: return ErrorForm::openai;
  }
  const auto* const named = std::ranges::find(by_name, endpoint.name, &Named::endpoint);
  return named == by_name.end() ? ErrorForm::openai : named->form;
}

std::string_view anthropic_type(ErrorType type, int status) {
  return type == ErrorType::limit_reached && status == 429 ? "rate_limit_error" : words_of(type).anthropic;
}
std::string_view google_status(ErrorType type) { return words_of(type).google; }
std::string_view bedrock_exception(ErrorType type) { return words_of(type).bedrock; }

std::string_view bedrock_stream_exception(ErrorType type) {
  switch (type) {
    case ErrorType::rate_limited:
    case ErrorType::limit_busy: return "throttlingException";
    case ErrorType::upstream_error:
    case ErrorType::upstream_timeout: return "modelStreamErrorException";
    case ErrorType::overloaded:
    case ErrorType::unavailable: return "serviceUnavailableException";
    case ErrorType::internal: return "internalServerException";
    default: return "validationException";
  }
}

}  // namespace gateway
