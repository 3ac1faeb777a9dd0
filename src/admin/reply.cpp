#include "admin/reply.h"

#include <boost/json/serialize.hpp>

#include "base/rfc3339.h"
#include "base/utf8.h"

namespace admin {
namespace {

namespace json = boost::json;

template <class Value>
json::value value_or_null(const std::optional<Value>& value) {
  return value ? json::value(*value) : json::value(nullptr);
}
std::string_view title_of(int status) {
  switch (status) {
    case 400: return "The request is not valid";
    case 401: return "An admin key or a login is needed";
    case 403: return "You may not do that";
    case 404: return "Not found";
    case 405: return "Method not allowed";
    case 409: return "The request conflicts with what exists";
    case 412: return "It is not what you read any more";
    case 413: return "The request is too large";
    case 422: return "It is another call";
    case 429: return "Too many calls";
    case 503: return "Not available now";
    default: return "The request failed";
  }
}

json::object to_json(const meter::Usage& usage) {
  json::object out{{"certainty", usage.certainty == meter::Certainty::exact ? "exact" : "at_least"}};
  for (const auto& [name, count] : meter::usage_counts) out[name] = value_or_null(usage.*count);
  out["provider_cost"] = usage.provider_cost ? json::value(json::string(usage.provider_cost->to_usd())) : nullptr;
  return out;
}

json::array to_json(const catalog::Thresholds& thresholds) {
  json::array out;
  for (const catalog::Threshold& threshold : thresholds)
    out.push_back(json::object{{"percent", threshold.percent}, {"action", catalog::to_string(threshold.action)}});
  return out;
}

json::value to_json(const std::optional<catalog::Raise>& raise, const catalog::Limit& limit) {
  if (!raise) return nullptr;
  return json::object{{"amount", catalog::amount_text(limit.unit, raise->amount)},
                      {"until", time_text(raise->until)},
                      {"from", catalog::amount_text(limit.unit, limit.amount)}};
}

json::object to_json(const events::Hold& hold, const catalog::Snapshot& snapshot) {
  json::object out{{"limit", hold.limit.to_string()}, {"window", window_label(hold.sub_window.value_or(hold.label))}};
  const catalog::Limit* limit = snapshot.find_limit(hold.limit);
  // A grant of a balance is a counter too, under its own id.
  if (limit == nullptr && snapshot.find_grant(base::GrantId{hold.limit.uuid}) == nullptr) return out;
  const catalog::Unit unit = limit == nullptr ? catalog::Unit() : limit->unit;
  out["unit"] = catalog::to_string(unit);
  out["reserved"] = catalog::amount_text(unit, hold.reserved);
  out["spent"] = catalog::amount_text(unit, hold.spent);
  out["unresolved"] = catalog::amount_text(unit, hold.unresolved);
  return out;
}

// A limit that was removed since is written without amounts.
json::value to_json(const std::optional<events::RefusedBy>& refused, const catalog::Snapshot& snapshot) {
  if (!refused) return nullptr;
  const bool balance = refused->limit.is_nil();
  const catalog::Limit* const limit = balance ? nullptr : snapshot.find_limit(refused->limit);
  json::object out{
      {"limit", balance ? json::value(nullptr) : json::value(refused->limit.to_string())},
      {"balance", balance},
      {"window", balance ? json::value(nullptr) : window_label(refused->label)},
      {"resets_at", refused->resets_at ? json::value(time_text(*refused->resets_at)) : json::value(nullptr)},
      {"blocked_at_percent", value_or_null(refused->blocked_at_percent)}};
  if (!balance && limit == nullptr) return out;
  const catalog::Unit unit = limit == nullptr ? catalog::Unit() : limit->unit;
  out["unit"] = catalog::to_string(unit);
  out["required"] = catalog::amount_text(unit, refused->required);
  out["available"] = catalog::amount_text(unit, refused->available);
  out["amount"] = catalog::amount_text(unit, refused->amount);
  return out;
}

json::value to_json(const std::optional<catalog::MonthlyFee>& fee) {
  if (!fee) return nullptr;
  return json::object{{"amount", fee->amount.to_usd()},
                      {"day", fee->day},
                      {"time_zone", fee->zone.name()},
                      {"since", time_text(fee->since)}};
}

json::object to_json(const quota::Correction& made, const catalog::Snapshot& snapshot) {
  json::array holds;
  for (const events::Hold& hold : made.record.holds) holds.push_back(to_json(hold, snapshot));
  return {{"verdict", quota::to_string(made.verdict)}, {"at", time_text(made.record.started)},
          {"record", made.record.id.to_string()},      {"cost", made.record.cost.to_usd()},
          {"reason", text_or_null(made.reason)},       {"holds", std::move(holds)}};
}

}  // namespace

std::string factor_text(meter::Factor factor) {
  constexpr std::int64_t nanos_per_thousandth = base::Money::nanos_per_usd / meter::Factor::one;
  return base::Money::from_nanos(factor.thousandths * nanos_per_thousandth).to_usd();
}

json::value text_or_null(std::string_view text) {
  return text.empty() ? json::value(nullptr) : json::value(json::string(text));
}

json::string time_text(base::WallTime at) { return json::string(base::to_rfc3339(at)); }

json::value window_label(base::WindowLabel label) {
  if (label.ms == 0) return nullptr;
  return json::string(base::to_rfc3339(base::WallTime{label.ms}).substr(0, sizeof "2026-11-21T04:06:00" - 1));
}

Response json_reply(int status, const json::object& body) {
  return {status, "application/json", base::valid_utf8(json::serialize(body)) + "\n", {}};
}

Response list_reply(json::array data, const std::optional<std::string>& next) {
  return json_reply(200, {{"data", std::move(data)}, {"next", value_or_null(next)}});
}

Response problem(const base::Error& error, std::optional<int> status) {
  const int code = status.value_or(base::http_status(error.type));
  json::object body{
      {"type", base::to_string(error.type)}, {"title", title_of(code)}, {"status", code}, {"detail", error.message}};
  if (!error.field.empty()) body["field"] = error.field;
  Response response{code, "application/problem+json", base::valid_utf8(json::serialize(body)) + "\n", {}};
  if (code == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"metergate\"");
  return response;
}

base::Result<base::Json> read_body(const Request& request) {
  return base::Json::parse(request.body.empty() ? std::string_view("{}") : std::string_view(request.body));
}

json::object to_json(const catalog::Account& account) {
  return {{"id", account.id.to_string()},
          {"name", account.name},
          {"external_id", text_or_null(account.external_id)},
          {"parent", account.parent ? json::value(json::string(account.parent->to_string())) : json::value(nullptr)},
          {"status", catalog::to_string(account.status)},
          {"created", time_text(account.created)},
          {"credit_only", account.credit_only},
          {"markup_bps", account.markup.value},
          {"top_up_fee_bps", account.top_up_fee.value},
          {"monthly_fee", to_json(account.monthly_fee)},
          {"book", account.book.is_none() ? json::value(nullptr) : json::value(json::string(account.book.text()))}};
}

namespace {

json::array to_json(std::span<const std::string> texts) {
  json::array list;
  for (const std::string& text : texts) list.emplace_back(text);
  return list;
}

json::value to_json(const std::optional<catalog::ReplacedSecret>& replaced) {
  if (!replaced) return nullptr;
  return json::object{{"hint", replaced->hint}, {"until", time_text(replaced->until)}};
}

}  // namespace

json::object to_json(const catalog::Key& key) {
  const catalog::KeyExtras& extras = key.extras();
  return {{"id", key.id.to_string()},
          {"account", key.account.is_nil() ? json::value(nullptr) : json::value(json::string(key.account.to_string()))},
          {"name", key.name},
          {"hint", key.hint},
          {"role", catalog::to_string(key.role)},
          {"status", catalog::to_string(key.status)},
          {"created", time_text(key.created)},
          {"expires", key.expires ? json::value(time_text(*key.expires)) : json::value(nullptr)},
          {"tags", text_or_null(key.tags)},
          {"allowed_models", to_json(extras.scope.models)},
          {"allowed_routes", to_json(extras.scope.routes)},
          {"allowed_addresses", to_json(extras.scope.addresses)},
          {"replaced", to_json(extras.replaced)}};
}

json::object to_json(const identity::User& user) {
  return {{"id", user.id.to_string()},
          {"username", user.name},
          {"role", identity::to_string(user.role)},
          {"account", user.account ? json::value(json::string(user.account->to_string())) : json::value(nullptr)},
          {"login", user.password.empty() ? "oidc" : "password"},
          {"status", identity::to_string(user.status)},
          {"created", time_text(user.created)}};
}

json::object to_json(const catalog::Limit& limit) {
  const auto* account = std::get_if<base::AccountId>(&limit.subject);
  const auto subject = account != nullptr ? account->to_string() : std::get<base::KeyId>(limit.subject).to_string();
  return {{"id", limit.id.to_string()},
          {account != nullptr ? "account" : "key", subject},
          {"name", limit.name},
          {"unit", catalog::to_string(limit.unit)},
          {"window", base::to_string(limit.window)},
          {"time_zone", base::has_zone(limit.window) ? json::value(limit.window.zone.name()) : json::value(nullptr)},
          {"status", limit.refusal_status},
          {"clamp", limit.clamp == catalog::Clamp::on},
          {"model", text_or_null(limit.filter.model)},
          {"route", text_or_null(limit.filter.route)},
          {"tag", text_or_null(limit.filter.tag)},
          {"mode", catalog::to_string(limit.mode)},
          {"admission", catalog::to_string(limit.admission)},
          {"thresholds", to_json(limit.thresholds)},
          {"raise", to_json(limit.raise, limit)},
          {"from_template", limit.from_template ? json::value(limit.from_template->to_string()) : json::value(nullptr)},
          {"created", time_text(limit.created)},
          {"amount", catalog::amount_text(limit.unit, limit.amount)}};
}

json::object to_json(const catalog::Limit& limit, const quota::FiveNumbers& numbers) {
  auto out = to_json(limit);
  out["amount"] = catalog::amount_text(limit.unit, numbers.amount);
  out["available"] = catalog::amount_text(limit.unit, numbers.available);
  out["reserved"] = catalog::amount_text(limit.unit, numbers.reserved);
  out["unresolved"] = catalog::amount_text(limit.unit, numbers.unresolved);
  out["spent"] = catalog::amount_text(limit.unit, numbers.spent);
  const bool for_ever = limit.window.kind == base::WindowPolicy::Kind::total;
  const bool ends = numbers.window.end < base::far_future;
  out["window_start"] = for_ever ? json::value(nullptr) : json::value(time_text(numbers.window.start));
  out["window_end"] = ends ? json::value(time_text(numbers.window.end)) : json::value(nullptr);
  out["resets_at"] = numbers.resets_at ? json::value(time_text(*numbers.resets_at)) : json::value(nullptr);
  return out;
}

json::object to_json(const events::LimitEvent& event, const catalog::Snapshot& snapshot) {
  json::object out{{"id", std::to_string(event.number)},
                   {"type", "threshold_crossed"},
                   {"at", time_text(event.at)},
                   {"limit", event.limit.to_string()},
                   {"window", window_label(event.label)},
                   {"percent", event.threshold.percent},
                   {"action", catalog::to_string(event.threshold.action)}};
  const catalog::Limit* limit = snapshot.find_limit(event.limit);
  if (limit == nullptr) return out;
  out["name"] = limit->name;
  out["unit"] = catalog::to_string(limit->unit);
  out["amount"] = catalog::amount_text(limit->unit, event.amount);
  out["spent"] = catalog::amount_text(limit->unit, event.spent);
  return out;
}

json::object to_json(const catalog::UpstreamEntry& upstream) {
  return {{"name", upstream.upstream->name},
          {"provider", upstream.upstream->provider},
          {"base_url", catalog::base_url(*upstream.upstream)},
          {"secret_source", catalog::to_string(upstream.source)}};
}

json::object to_json(const events::UsageRecord& record, const catalog::Snapshot& snapshot) {
  json::array holds;
  for (const events::Hold& hold : record.holds) holds.push_back(to_json(hold, snapshot));
  json::array attempts;
  for (const events::Attempt& attempt : record.attempts)
    attempts.push_back(json::object{{"upstream", attempt.upstream},
                                    {"status", attempt.status > 0 ? json::value(attempt.status) : json::value(nullptr)},
                                    {"error", base::to_string(attempt.error)},
                                    {"fault", base::to_string(attempt.fault)},
                                    {"duration_us", attempt.duration_us}});
  return {{"id", record.id.to_string()},
          {"started", time_text(record.started)},
          {"duration_us", record.duration_us},
          {"first_byte_us", record.first_byte_us > 0 ? json::value(record.first_byte_us) : json::value(nullptr)},
          {"account", record.account.to_string()},
          {"key", record.key.to_string()},
          {"route", record.route},
          {"upstream", text_or_null(record.upstream)},
          {"model", record.model},
          {"served_model", text_or_null(record.served_model)},
          {"stream", record.stream},
          {"outcome", events::to_string(record.outcome)},
          {"status", record.status},
          {"error", record.error ? json::value(base::to_string(*record.error)) : json::value(nullptr)},
          {"fault", record.fault ? json::value(base::to_string(*record.fault)) : json::value(nullptr)},
          {"usage", record.usage ? json::value(to_json(*record.usage)) : json::value(nullptr)},
          {"estimate", record.estimate.to_usd()},
          {"cost", record.cost.to_usd()},
          {"price_version", text_or_null(record.price_version)},
          {"tags", text_or_null(record.tags)},
          {"attempts", std::move(attempts)},
          {"holds", std::move(holds)},
          {"refused_by", to_json(record.refused_by, snapshot)}};
}

json::object to_json(const quota::UnresolvedItem& item, std::optional<base::WallTime> settles_at,
                     const catalog::Snapshot& snapshot) {
  const events::UsageRecord& record = item.record;
  json::array holds;
  for (const events::Hold& hold : record.holds)
    if (hold.unresolved > 0) holds.push_back(to_json(hold, snapshot));
  return {{"id", record.id.to_string()},
          {"cause", quota::to_string(quota::cause_of(record))},
          {"since", time_text(item.since)},
          {"settles_at", settles_at ? json::value(time_text(*settles_at)) : json::value(nullptr)},
          {"started", time_text(record.started)},
          {"account", record.account.is_nil() ? json::value(nullptr) : json::value(record.account.to_string())},
          {"key", record.key.is_nil() ? json::value(nullptr) : json::value(record.key.to_string())},
          {"route", text_or_null(record.route)},
          {"upstream", text_or_null(record.upstream)},
          {"model", text_or_null(record.model)},
          {"estimate", record.estimate.to_usd()},
          {"cost", record.cost.to_usd()},
          {"holds", std::move(holds)},
          {"correction", item.correction ? json::value(to_json(*item.correction, snapshot)) : json::value(nullptr)}};
}

json::object to_json(const events::UsageSum& sum) {
  return {{"group", text_or_null(sum.group)},   {"requests", sum.requests},
          {"refusals", sum.refusals},           {"input_tokens", sum.input_tokens},
          {"output_tokens", sum.output_tokens}, {"unknown_usage", sum.unknown_usage},
          {"cost", sum.cost.to_usd()}};
}

}  // namespace admin
