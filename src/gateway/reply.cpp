#include "gateway/reply.h"

#include <algorithm>
#include <boost/json.hpp>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/rfc3339.h"
#include "net/head_writer.h"

namespace gateway {
namespace {

using base::ErrorType;

// A refused budget is no hiccup, and what became of a call does not become known by asking again: without
// x-should-retry the SDKs would hammer it.
bool is_for_good(ErrorType type) {
  return type == ErrorType::limit_reached || type == ErrorType::insufficient_balance ||
         type == ErrorType::outcome_unknown || type == ErrorType::reply_not_kept ||
         type == ErrorType::idempotency_mismatch || type == ErrorType::quote_not_usable;
}

std::string in_words(const quota::Shortage& shortage) {
  const auto amount = [&](std::int64_t value) { return catalog::amount_text(shortage.limit.unit, value); };
  if (shortage.blocked_at_percent)
    return fmt::format("the limit '{}' is blocked: {}% of {} {} {} is spent", shortage.limit.name,
                       *shortage.blocked_at_percent, amount(shortage.amount), catalog::to_string(shortage.limit.unit),
                       catalog::in_words(shortage.limit.window));
  if (shortage.markup)
    return fmt::format("the call may need {} usd and the balance of '{}' has {} left", amount(shortage.required),
                       shortage.limit.name, amount(shortage.available));
  return fmt::format("the call may need {} {} and the limit '{}' has {} left of {} {}", amount(shortage.required),
                     catalog::to_string(shortage.limit.unit), shortage.limit.name, amount(shortage.available),
                     amount(shortage.amount), catalog::in_words(shortage.limit.window));
}

}  // namespace

int Failure::status() const {
  if (error.type == ErrorType::limit_reached && shortage) return shortage->limit.refusal_status;
  return base::http_status(error.type);
}

Failure failure_of(const quota::Refusal& refusal, base::WallTime now) {
  if (refusal.type == ErrorType::quote_not_usable)
    return Failure({refusal.type, base::Source::client, refusal.reason, std::string(quote_field)});
  if (refusal.shortages.empty())
    return Failure({refusal.type, base::Source::store, fmt::format("not admitted: {}", refusal.reason), {}});
  const quota::Shortage& shortage = refusal.shortages.front();
  const bool busy = refusal.type == ErrorType::limit_busy;
  std::string message = in_words(shortage);
  if (busy)
    message += "; calls in flight hold the rest, try again soon";
  else if (shortage.resets_at)
    message += fmt::format("; it resets at {}", base::to_rfc3339(*shortage.resets_at));
  Failure failure({refusal.type, base::Source::client, std::move(message), {}}, shortage);
  if (busy) failure.retry_after_s = 1;
  if (!busy && shortage.resets_at)
    failure.retry_after_s = std::max<std::int64_t>(1, (shortage.resets_at->ms - now.ms + 999) / 1000);
  return failure;
}

std::string error_body(const Failure& failure, std::string_view request_id) {
  const std::string_view type = base::to_string(failure.error.type);
  boost::json::object error{{"message", failure.error.message},
                            {"type", type},
                            {"param", nullptr},
                            {"code", type},
                            {"request_id", request_id}};
  if (!failure.error.field.empty()) error["param"] = failure.error.field;
  if (failure.shortage) {
    const quota::Shortage& shortage = *failure.shortage;
    if (shortage.markup)
      error["balance"] = {{"account", std::get<base::AccountId>(shortage.limit.subject).to_string()}};
    else
      error["limit"] = {{"id", shortage.limit.id.to_string()},
                        {"name", shortage.limit.name},
                        {"unit", catalog::to_string(shortage.limit.unit)},
                        {"window", base::to_string(shortage.limit.window)}};
    error["required"] = catalog::amount_text(shortage.limit.unit, shortage.required);
    error["available"] = catalog::amount_text(shortage.limit.unit, shortage.available);
    error["resets_at"] =
        shortage.resets_at ? boost::json::value(base::to_rfc3339(*shortage.resets_at)) : boost::json::value(nullptr);
  }
  return boost::json::serialize(boost::json::object{{"error", std::move(error)}});
}

std::string error_reply(const Failure& failure, std::string_view request_id, bool keep_alive, bool head_only) {
  const std::string body = error_body(failure, request_id);
  std::string reply;
  net::HeadWriter writer(reply);
  writer.response(failure.status(), net::reason_of(failure.status()))
      .field("Content-Type", "application/json")
      .field("Content-Length", static_cast<std::int64_t>(body.size()))
      .field("X-Request-Id", request_id);
  if (is_for_good(failure.error.type)) writer.field("x-should-retry", "false");
  if (failure.retry_after_s && failure.status() != 402) writer.field("Retry-After", *failure.retry_after_s);
  if (failure.error.type == ErrorType::unauthorized) writer.field("WWW-Authenticate", "Bearer");
  if (!keep_alive) writer.field("Connection", "close");
  writer.end();
  if (!head_only) reply += body;
  return reply;
}

}  // namespace gateway
