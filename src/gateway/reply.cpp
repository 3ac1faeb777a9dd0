#include "gateway/reply.h"

#include <algorithm>
#include <boost/json.hpp>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/rfc3339.h"
#include "base/utf8.h"
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

// Which limit or balance refused, what is needed and what is left; nothing where it was another error.
void add_shortage(boost::json::object& object, const Failure& failure) {
  if (!failure.shortage) return;
  const quota::Shortage& shortage = *failure.shortage;
  if (shortage.markup)
    object["balance"] = {{"account", std::get<base::AccountId>(shortage.limit.subject).to_string()}};
  else
    object["limit"] = {{"id", shortage.limit.id.to_string()},
                       {"name", shortage.limit.name},
                       {"unit", catalog::to_string(shortage.limit.unit)},
                       {"window", base::to_string(shortage.limit.window)}};
  object["required"] = catalog::amount_text(shortage.limit.unit, shortage.required);
  object["available"] = catalog::amount_text(shortage.limit.unit, shortage.available);
  object["resets_at"] =
      shortage.resets_at ? boost::json::value(base::to_rfc3339(*shortage.resets_at)) : boost::json::value(nullptr);
}

// `words` of the vendor, and behind them what every form tells a program, in ours: code, param, request_id and the
// shortage.
boost::json::object facts_of(const Failure& failure, std::string_view request_id, boost::json::object words = {}) {
  words["code"] = base::to_string(failure.error.type);
  words["param"] = failure.error.field.empty() ? boost::json::value(nullptr)
                                               : boost::json::value(base::valid_utf8(failure.error.field));
  words["request_id"] = request_id;
  add_shortage(words, failure);
  return words;
}

// google.rpc.ErrorInfo has texts alone in its metadata: {"limit":{"id":…}} stands there as limit_id, null as nothing.
void add_texts(boost::json::object& metadata, std::string_view prefix, const boost::json::object& facts) {
  for (const auto& [name, value] : facts) {
    const std::string path = fmt::format("{}{}", prefix, std::string_view(name));
    if (value.is_object()) add_texts(metadata, path + "_", value.get_object());
    if (value.is_string()) metadata[path] = value;
  }
}

// Google's clients read the facts where Google writes its own: in an ErrorInfo, and a RetryInfo where waiting helps.
boost::json::object google_error(const Failure& failure, std::string_view request_id) {
  std::string reason(base::to_string(failure.error.type));
  std::ranges::transform(reason, reason.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  boost::json::object metadata;
  add_texts(metadata, "", facts_of(failure, request_id));
  boost::json::array details{{{"@type", "type.googleapis.com/google.rpc.ErrorInfo"},
                              {"reason", reason},
                              {"domain", "metergate"},
                              {"metadata", std::move(metadata)}}};
  if (failure.retry_after_s && failure.status() != 402)
    details.push_back({{"@type", "type.googleapis.com/google.rpc.RetryInfo"},
                       {"retryDelay", fmt::format("{}s", *failure.retry_after_s)}});
  return {{"error",
           {{"code", failure.status()},
            {"message", base::valid_utf8(failure.error.message)},
            {"status", google_status(failure.error.type)},
            {"details", std::move(details)}}}};
}

}  // namespace

int Failure::status() const {
  if (error.type == ErrorType::limit_reached && shortage) return shortage->limit.refusal_status;
  return base::http_status(error.type);
}

events::RefusedBy refused_by(const quota::Shortage& shortage) {
  // A balance stands for its grants all together, and has no id of its own.
  return {.limit = shortage.markup ? base::LimitId() : shortage.limit.id,
          .label = shortage.window.label,
          .required = shortage.required,
          .available = shortage.available,
          .amount = shortage.amount,
          .resets_at = shortage.resets_at,
          .blocked_at_percent = shortage.blocked_at_percent};
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

boost::json::object error_object(const Failure& failure, std::string_view request_id, ErrorForm form) {
  const std::string message = base::valid_utf8(failure.error.message);
  const auto typed = [&](std::string_view type) {
    return facts_of(failure, request_id, {{"message", message}, {"type", type}});
  };
  switch (form) {
    case ErrorForm::google: return google_error(failure, request_id);
    case ErrorForm::anthropic:
      return {{"type", "error"},
              {"error", typed(anthropic_type(failure.error.type, failure.status()))},
              {"request_id", request_id}};
    case ErrorForm::bedrock: return {{"message", message}, {"error", facts_of(failure, request_id)}};
    case ErrorForm::cohere: return {{"id", request_id}, {"message", message}, {"error", facts_of(failure, request_id)}};
    case ErrorForm::text: return facts_of(failure, request_id, {{"error", message}});
    case ErrorForm::openai: break;
  }
  return {{"error", typed(base::to_string(failure.error.type))}};
}

std::string error_body(const Failure& failure, std::string_view request_id, ErrorForm form) {
  return boost::json::serialize(error_object(failure, request_id, form));
}

std::string error_reply(const Failure& failure, std::string_view request_id, bool keep_alive, bool head_only,
                        ErrorForm form) {
  const std::string body = error_body(failure, request_id, form);
  std::string reply;
  net::HeadWriter writer(reply);
  writer.response(failure.status(), net::reason_of(failure.status()))
      .field("Content-Type", "application/json")
      .field("Content-Length", static_cast<std::int64_t>(body.size()))
      .field("X-Request-Id", request_id);
  // Where these SDKs look for what their exceptions say.
  if (form == ErrorForm::anthropic) writer.field("request-id", request_id);
  if (form == ErrorForm::bedrock)
    writer.field("x-amzn-ErrorType", bedrock_exception(failure.error.type)).field("x-amzn-RequestId", request_id);
  if (is_for_good(failure.error.type)) writer.field("x-should-retry", "false");
  if (failure.retry_after_s && failure.status() != 402) writer.field("Retry-After", *failure.retry_after_s);
  if (failure.error.type == ErrorType::unauthorized) writer.field("WWW-Authenticate", "Bearer");
  if (!keep_alive) writer.field("Connection", "close");
  writer.end();
  if (!head_only) reply += body;
  return reply;
}

}  // namespace gateway
