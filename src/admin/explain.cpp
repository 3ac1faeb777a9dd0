#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "admin/handlers.h"
#include "admin/imagined_call.h"
#include "admin/references.h"
#include "admin/reply.h"
#include "base/rfc3339.h"
#include "catalog/tags.h"

namespace admin {
namespace {

namespace json = boost::json;

json::value or_null(const std::optional<std::int64_t>& value) {
  return value ? json::value(*value) : json::value(nullptr);
}
json::value or_null(std::string_view text) { return text.empty() ? json::value(nullptr) : json::value(text); }

std::string_view verdict_of(const quota::Explanation& found) {
  switch (found.verdict) {
    case quota::CallVerdict::admitted: return "admitted";
    case quota::CallVerdict::clamped: return "admitted_clamped";
    case quota::CallVerdict::refused: return base::to_string(found.error->type);
  }
  return "";
}

std::string_view verdict_of(const quota::ExplainedLimit& one) {
  switch (one.verdict) {
    case quota::LimitVerdict::does_not_apply: return "does_not_apply";
    case quota::LimitVerdict::counts: return "counts";
    case quota::LimitVerdict::admits: return "admits";
    case quota::LimitVerdict::clamps: return "clamps";
    case quota::LimitVerdict::reached: return "limit_reached";
    case quota::LimitVerdict::busy: return "limit_busy";
  }
  return "";
}

json::object limit_json(const quota::ExplainedLimit& one, const quota::Explanation& found,
                        const catalog::Snapshot& snapshot) {
  json::object out = to_json(one.limit, one.numbers);
  const auto* const account = std::get_if<base::AccountId>(&one.limit.subject);
  out["subject_name"] = account != nullptr ? snapshot.find_account(*account)->name
                                           : snapshot.find_key(std::get<base::KeyId>(one.limit.subject))->key->name;
  const bool applies = one.verdict != quota::LimitVerdict::does_not_apply;
  const bool asked = found.worst_case && applies;
  out["verdict"] = asked || !applies ? json::value(verdict_of(one)) : json::value(nullptr);
  out["required"] = asked ? json::value(catalog::amount_text(one.limit.unit, one.required)) : json::value(nullptr);
  out["required_if_clamped"] =
      asked && found.clamped_worst_case
          ? json::value(catalog::amount_text(one.limit.unit, found.clamped_worst_case->in(one.limit.unit)))
          : json::value(nullptr);
  out["output_cap"] = or_null(one.output_cap);
  return out;
}

// A prepaid account's grants all together.
json::value balance_json(const quota::Explanation& found) {
  if (!found.balance) return nullptr;
  const quota::ExplainedLimit& one = *found.balance;
  const auto usd = [](std::int64_t nanos) { return json::value(base::Money::from_nanos(nanos).to_usd()); };
  const bool asked = found.worst_case.has_value();
  const std::string_view verdict =
      one.verdict == quota::LimitVerdict::reached ? "insufficient_balance" : verdict_of(one);
  json::object out{{"account", std::get<base::AccountId>(one.limit.subject).to_string()},
                   {"account_name", one.limit.name},
                   {"amount", usd(one.numbers.amount)},
                   {"available", usd(one.numbers.available)},
                   {"reserved", usd(one.numbers.reserved)},
                   {"unresolved", usd(one.numbers.unresolved)},
                   {"spent", usd(one.numbers.spent)}};
  out["verdict"] = asked ? json::value(verdict) : json::value(nullptr);
  out["required"] = asked ? usd(one.required) : json::value(nullptr);
  out["required_if_clamped"] =
      found.clamped_worst_case ? usd(found.clamped_worst_case->charge.nanos()) : json::value(nullptr);
  out["output_cap"] = or_null(one.output_cap);
  return out;
}

}  // namespace

json::value amounts_json(const std::optional<quota::Amounts>& amounts) {
  if (!amounts) return nullptr;
  json::object named;
  for (const auto& [unit, weight] : amounts->weights) named[unit] = weight;
  return json::object{
      {"usd", amounts->usd.to_usd()},          {"tokens", amounts->input_tokens + amounts->output_tokens},
      {"input_tokens", amounts->input_tokens}, {"output_tokens", amounts->output_tokens},
      {"requests", amounts->requests},         {"units", std::move(named)}};
}

json::object call_json(const quota::Explanation& found, const catalog::Key& key) {
  json::object out{{"verdict", verdict_of(found)},
                   {"status", found.status},
                   {"message", found.error ? json::value(found.error->message) : json::value(nullptr)},
                   {"field", or_null(found.error ? std::string_view(found.error->field) : std::string_view())}};
  out["decided_by"] = found.decided_by ? json::value(found.decided_by->to_string()) : json::value(nullptr);
  out["resets_at"] = found.resets_at ? json::value(base::to_rfc3339(*found.resets_at)) : json::value(nullptr);
  out["key"] = key.id.to_string();
  out["account"] = key.account.is_nil() ? json::value(nullptr) : json::value(key.account.to_string());
  out["route"] = found.route;
  out["upstream"] = found.upstream;
  out["model"] = or_null(found.model);
  out["price_version"] = or_null(found.price_version);
  const bool priced = found.worst_case.has_value();
  out["choices"] = priced ? json::value(found.choices) : json::value(nullptr);
  out["output_cap"] = priced ? json::value(found.output_cap) : json::value(nullptr);
  out["worst_case"] = amounts_json(found.worst_case);
  out["clamped_to"] = or_null(found.clamped_to);
  out["clamped_worst_case"] = amounts_json(found.clamped_worst_case);
  return out;
}

namespace {

// For how long the call is to be held; nullopt: it is not.
base::Result<std::optional<std::int64_t>> read_hold(base::JsonFields& fields) {
  TRY(const auto hold, fields.boolean("hold"));
  TRY(const auto seconds, fields.integer("ttl_seconds"));
  if (!hold.value_or(false)) {
    if (seconds) return base::invalid("'ttl_seconds' is for a quote that is held; set 'hold' to true", "ttl_seconds");
    return std::nullopt;
  }
  if (!seconds)
    return base::invalid(fmt::format("'ttl_seconds' is missing: say for how long the quote is held, {} to {} seconds",
                                     quota::quote_seconds_min, quota::quote_seconds_max),
                         "ttl_seconds");
  if (*seconds < quota::quote_seconds_min || *seconds > quota::quote_seconds_max)
    return base::invalid(fmt::format("'ttl_seconds' is {}; it is {} to {}", *seconds, quota::quote_seconds_min,
                                     quota::quote_seconds_max),
                         "ttl_seconds");
  return *seconds * 1'000;
}

}  // namespace

base::Result<ImaginedCall> read_imagined_call(const Call& call, const catalog::Snapshot& snapshot, MayHold may_hold) {
  TRY(const base::Json body, read_body(call.request));
  TRY(auto fields, base::JsonFields::of(body));
  ImaginedCall out;
  TRY(const auto key, fields.required_string("key"));
  TRY(auto route, fields.string("route"));
  TRY(auto model, fields.string("model"));
  TRY(out.call.max_tokens, fields.integer("max_tokens"));
  TRY(out.call.input_tokens, fields.integer("input_tokens"));
  TRY(out.call.body, fields.string("body"));
  TRY(auto path, fields.string("path"));
  const base::Json* const messages = fields.any("messages");
  TRY(const auto tags, fields.string("tags"));
  if (may_hold == MayHold::yes) {
    TRY(out.hold_ms, read_hold(fields));
  }
  TRY_STATUS(fields.finish());
  TRY(out.call.tags, catalog::parse_tags(tags.value_or(""), "tags"));
  TRY(const catalog::Key* found, find_key(snapshot, key, "key", call.caller));
  out.key = snapshot.find_key(found->id);
  out.call.route = std::move(route).value_or("");
  out.call.path = std::move(path).value_or("");
  out.call.model = std::move(model).value_or("");
  constexpr std::int64_t most_tokens = 1'000'000'000;  // as meter/request_reading.h takes them
  if (out.call.max_tokens && (*out.call.max_tokens < 1 || *out.call.max_tokens > most_tokens))
    return base::invalid(fmt::format("'max_tokens' is {}; it is 1 to {}", *out.call.max_tokens, most_tokens),
                         "max_tokens");
  if (out.call.input_tokens && (*out.call.input_tokens < 0 || *out.call.input_tokens > most_tokens))
    return base::invalid(fmt::format("'input_tokens' is {}; it is 0 to {}", *out.call.input_tokens, most_tokens),
                         "input_tokens");
  const int inputs = (out.call.input_tokens ? 1 : 0) + (out.call.body ? 1 : 0) + (messages != nullptr ? 1 : 0);
  if (inputs > 1)
    return base::invalid("'body', 'messages' and 'input_tokens' each say how large the input is; give one of them",
                         "body");
  if (!out.call.body && out.call.model.empty())
    return base::invalid("'model' is missing; give it, or a whole 'body' that names one", "model");
  if (messages != nullptr) {
    boost::system::error_code bad;
    const json::value document = json::parse(call.request.body, bad);
    if (bad || !document.is_object())  // read_body has read it already: a number too large, or too deep
      return base::invalid("'messages' cannot be read: send the request as text in 'body'", "messages");
    out.call.body =
        json::serialize(json::object{{"model", out.call.model}, {"messages", document.as_object().at("messages")}});
    out.call.model.clear();
  }
  return out;
}

base::Result<Response> explain_call(Services& services, Call& call) {
  const auto snapshot = services.catalog.current();
  TRY(const ImaginedCall asked, read_imagined_call(call, *snapshot));
  TRY(const quota::Explanation found, services.explainer.explain(*asked.key, asked.call));
  json::object out = call_json(found, *asked.key->key);
  json::array limits;
  for (const quota::ExplainedLimit& one : found.limits) limits.push_back(limit_json(one, found, *snapshot));
  out["limits"] = std::move(limits);
  out["balance"] = balance_json(found);
  return json_reply(200, out);
}

}  // namespace admin
