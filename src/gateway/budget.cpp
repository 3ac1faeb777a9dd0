// GET /v1/budget: a key asks about itself, and gets its limits and its balance with the five numbers. Not a call:
// nothing is reserved, nobody is asked but the store, and no usage record is made.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/rfc3339.h"
#include "gateway/exchange.h"
#include "gateway/within.h"
#include "quota/balance.h"

namespace gateway {
namespace {

namespace json = boost::json;
using Numbers = base::Result<std::vector<quota::FiveNumbers>>;

json::value text_or_null(std::string_view text) { return text.empty() ? json::value(nullptr) : json::value(text); }

template <class AmountOf>
void add_numbers(json::object& to, const quota::FiveNumbers& numbers, AmountOf amount) {
  to["amount"] = amount(numbers.amount);
  to["available"] = amount(numbers.available);
  to["reserved"] = amount(numbers.reserved);
  to["unresolved"] = amount(numbers.unresolved);
  to["spent"] = amount(numbers.spent);
}

json::object limit_json(const catalog::Limit& limit, const quota::FiveNumbers& numbers) {
  const auto amount = [&limit](std::int64_t value) { return catalog::amount_text(limit.unit, value); };
  json::object shown{
      {"id", limit.id.to_string()},
      {"name", limit.name},
      {"on", std::holds_alternative<base::KeyId>(limit.subject) ? "key" : "account"},
      {"unit", catalog::to_string(limit.unit)},
      {"window", base::to_string(limit.window)},
      {"time_zone", base::has_zone(limit.window) ? json::value(limit.window.zone.name()) : json::value(nullptr)},
      {"model", text_or_null(limit.filter.model)},
      {"route", text_or_null(limit.filter.route)},
      {"tag", text_or_null(limit.filter.tag)},
      {"from_template", limit.from_template ? json::value(limit.from_template->to_string()) : json::value(nullptr)},
      {"mode", catalog::to_string(limit.mode)},
      {"admission", catalog::to_string(limit.admission)}};
  add_numbers(shown, numbers, amount);
  shown["resets_at"] = numbers.resets_at ? json::value(base::to_rfc3339(*numbers.resets_at)) : json::value(nullptr);
  return shown;
}

// All grants of a prepaid account that are usable now, together.
json::object balance_json(const catalog::Balance& balance, std::span<const quota::FiveNumbers> of_grants) {
  json::object shown{{"account", balance.account->id.to_string()}};
  add_numbers(shown, quota::sum_of(of_grants),
              [](std::int64_t nanos) { return base::Money::from_nanos(nanos).to_usd(); });
  return shown;
}

}  // namespace

net::Task<Outcome<void>> Exchange::show_budget() {
  if (incoming_.has_body())
    co_return fail(base::Error{base::ErrorType::invalid_request, base::Source::client, "GET takes no body here", {}});
  // As it is now: limits may come into force while the store is asked.
  const std::shared_ptr<const catalog::Snapshot> now = catalog_;
  const catalog::KeyEntry caller = *caller_;
  std::vector<catalog::Limit> limits;
  for (const catalog::Limit* limit : caller.limits) limits.push_back(*limit);
  const catalog::Balance* const balance = caller.payer();
  if (balance != nullptr) std::ranges::move(quota::usable_counters(*balance, stamp_), std::back_inserter(limits));
  const std::int64_t patience_ms = worker_.settings_.store_deadline_ms;
  const auto too_late = [patience_ms]() -> Numbers { return base::fail(store_slow(patience_ms)); };
  const auto numbers = co_await within<Numbers>(
      worker_.loop_, patience_ms, too_late, [&](auto done) { worker_.keeper_.ask_numbers(limits, std::move(done)); });
  if (!*numbers) co_return fail(std::move(*numbers).error());
  json::array list;
  const std::size_t own = caller.limits.size();
  for (std::size_t i = 0; i < own; ++i) list.push_back(limit_json(limits[i], (**numbers)[i]));
  json::object shown{{"key", caller.key->id.to_string()},
                     {"name", caller.key->name},
                     {"account", caller.key->account.to_string()},
                     {"limits", std::move(list)},
                     {"balance", nullptr}};
  if (balance != nullptr) shown["balance"] = balance_json(*balance, std::span(**numbers).subspan(own));
  const std::string body = json::serialize(shown);
  net::HeadWriter writer(worker_.scratch_);
  writer.response(200, net::reason_of(200))
      .field("Content-Type", "application/json")
      .field("Cache-Control", "no-store")
      .field("X-Request-Id", {request_id_, sizeof request_id_});
  if (!incoming_.keep_alive()) writer.field("Connection", "close");
  writer.field("Content-Length", static_cast<std::int64_t>(body.size()));
  const std::string head(writer.end());
  count_reply(200);
  co_await incoming_.send(head, head_.method == "HEAD" ? std::string_view() : std::string_view(body));
  co_return Outcome<void>();
}

}  // namespace gateway
