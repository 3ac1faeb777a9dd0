#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "gateway/error_form.h"
#include "quota/decision.h"

namespace gateway {

// The field by which a call names the held quote that pays for it.
inline constexpr std::string_view quote_field = "X-Metergate-Quote";

// Why a client does not get what it asked for: an error, and for a refusal by a limit which one and what is missing.
struct Failure {
  base::Error error;
  std::shared_ptr<const quota::Shortage> shortage;  // large and rare, and every step's outcome has room for a failure
  std::optional<std::int64_t> retry_after_s;        // when the same call may succeed

  Failure(base::Error e) : error(std::move(e)) {}  // NOLINT(google-explicit-constructor): TRY hands errors on
  Failure(base::Error e, quota::Shortage s)
      : error(std::move(e)), shortage(std::make_shared<quota::Shortage>(std::move(s))) {}

  // The limit's own status where a limit refused for good, else the error type's.
  int status() const;
};

template <class T>
using Outcome = std::expected<T, Failure>;

inline std::unexpected<Failure> fail(Failure failure) { return std::unexpected(std::move(failure)); }

// What the usage record of a refused call keeps of it.
events::RefusedBy refused_by(const quota::Shortage& shortage);

// A refusal of the quota room in words for the client.
Failure failure_of(const quota::Refusal& refusal, base::WallTime now);

// A failure as the form's clients read it (error_form.h), with what a program may want to know in every one of them:
// code (base::ErrorType), param, request_id, and a refusal's limit or balance, required, available and resets_at
// (design.md §6). docs/reference/errors.md says where each form has them.
boost::json::object error_object(const Failure& failure, std::string_view request_id, ErrorForm form);
std::string error_body(const Failure& failure, std::string_view request_id, ErrorForm form = ErrorForm::openai);

// A whole error reply. What is refused for good says x-should-retry: false, because OpenAI's and Anthropic's SDKs retry
// 409, 429 and 5xx; other SDKs do not read it and go by the status, or by the vendor's word for the error.
std::string error_reply(const Failure& failure, std::string_view request_id, bool keep_alive, bool head_only = false,
                        ErrorForm form = ErrorForm::openai);

}  // namespace gateway
