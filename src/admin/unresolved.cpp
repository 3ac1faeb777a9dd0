#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "admin/handlers.h"
#include "admin/references.h"
#include "admin/reply.h"

namespace admin {
namespace {

constexpr std::size_t reason_bytes_max = 500;
constexpr std::size_t page_max = 1000;

base::Result<base::Money> sum_of(base::Money a, base::Money b) {
  std::int64_t nanos = 0;
  if (__builtin_add_overflow(a.nanos(), b.nanos(), &nanos))
    return base::fail(base::ErrorType::internal, "the sum of what is unresolved is larger than an amount can be");
  return base::Money::from_nanos(nanos);
}

base::Result<base::ExchangeId> read_id(const Call& call) {
  const auto id = base::ExchangeId::parse(call.id);
  if (!id) return base::invalid(id.error().message, "id");
  return *id;
}

base::Result<std::string> read_reason(base::JsonFields& fields) {
  TRY(const auto reason, fields.string("reason"));
  if (reason && reason->size() > reason_bytes_max)
    return base::invalid(fmt::format("'reason' has {} bytes; at most {} are kept", reason->size(), reason_bytes_max),
                         "reason");
  return reason.value_or("");
}

base::Result<std::optional<std::int64_t>> read_tokens(base::JsonFields& fields, std::string_view name) {
  TRY(const auto tokens, fields.integer(name));
  if (tokens && *tokens < 0)
    return base::invalid(fmt::format("'{}' is {}; give a count of tokens", name, *tokens), std::string(name));
  return tokens;
}

Response reply_with(Services& services, const quota::UnresolvedItem& item, const catalog::Snapshot& snapshot) {
  return json_reply(200, to_json(item, services.unresolved.settles_at(item), snapshot));
}

}  // namespace

base::Result<Response> list_unresolved(Services& services, Call& call) {
  const auto snapshot = services.catalog.current();
  TRY(const Page page, read_page(call.query));
  TRY(const auto account, call.query.text("account"));
  TRY(const auto key, call.query.text("key"));
  TRY_STATUS(call.query.finish());
  quota::UnresolvedFilter filter{.limit = page.limit + 1};  // one more tells whether there is a next page
  if (account) {
    TRY(const catalog::Account* found, find_account(*snapshot, *account, "account", call.caller));
    filter.account = found->id;
  }
  if (key) {
    TRY(const catalog::Key* found, find_key(*snapshot, *key, "key", call.caller));
    filter.key = found->id;
  }
  if (page.cursor) {
    TRY(filter.before, base::ExchangeId::parse(*page.cursor));
  }
  TRY(auto items, services.unresolved.open_items(filter));
  const bool more = items.size() > page.limit;
  if (more) items.resize(page.limit);
  boost::json::array data;
  for (const quota::UnresolvedItem& item : items)
    data.push_back(to_json(item, services.unresolved.settles_at(item), *snapshot));
  return list_reply(std::move(data), more ? std::optional(items.back().record.id.to_string()) : std::nullopt);
}

// Page by page: what is open is little, or it is for an operator to see that it is not.
base::Result<Response> sum_unresolved(Services& services, Call& call) {
  TRY_STATUS(call.query.finish());
  struct Sum {
    std::int64_t count = 0;
    base::Money at_stake, booked;
  };
  Sum all;
  std::map<std::string_view, Sum> by_cause;
  std::optional<base::WallTime> oldest;
  quota::UnresolvedFilter filter{.limit = page_max};
  for (;;) {
    TRY(const auto items, services.unresolved.open_items(filter));
    for (const quota::UnresolvedItem& item : items) {
      const base::Money at_stake = std::max(item.record.estimate - item.record.cost, base::Money::zero());
      for (Sum* const sum : {&all, &by_cause[quota::to_string(quota::cause_of(item.record))]}) {
        ++sum->count;
        TRY(sum->at_stake, sum_of(sum->at_stake, at_stake));
        TRY(sum->booked, sum_of(sum->booked, item.record.cost));
      }
      oldest = std::min(oldest.value_or(item.since), item.since);
    }
    if (items.size() < page_max) break;
    filter.before = items.back().record.id;
  }
  const auto shown = [](const Sum& sum) {
    return boost::json::object{
        {"count", sum.count}, {"at_stake", sum.at_stake.to_usd()}, {"booked", sum.booked.to_usd()}};
  };
  boost::json::object causes;
  for (const auto& [cause, sum] : by_cause) causes[cause] = shown(sum);
  boost::json::object out = shown(all);
  out["oldest"] = oldest ? boost::json::value(time_text(*oldest)) : boost::json::value(nullptr);
  out["causes"] = std::move(causes);
  return json_reply(200, out);
}

base::Result<Response> show_unresolved(Services& services, Call& call) {
  TRY_STATUS(call.query.finish());
  TRY(const base::ExchangeId id, read_id(call));
  TRY(const auto item, services.unresolved.item(id));
  return reply_with(services, item, *services.catalog.current());
}

base::Result<Response> settle_unresolved(Services& services, Call& call) {
  TRY(const base::ExchangeId id, read_id(call));
  TRY(const base::Json body, read_body(call.request));
  TRY(auto fields, base::JsonFields::of(body));
  TRY(const auto cost, fields.decimal("cost"));
  quota::KnownCost known;
  TRY(known.input_tokens, read_tokens(fields, "input_tokens"));
  TRY(known.output_tokens, read_tokens(fields, "output_tokens"));
  TRY(auto reason, read_reason(fields));
  TRY_STATUS(fields.finish());
  if (!cost) return base::invalid("'cost' is missing: what the call cost in USD, all of it", "cost");
  const auto money = base::Money::parse_usd(*cost);
  if (!money) return base::invalid(fmt::format("'cost': {}", money.error().message), "cost");
  known.cost = *money;
  if (known.input_tokens.has_value() != known.output_tokens.has_value())
    return base::invalid("give 'input_tokens' and 'output_tokens', or neither",
                         known.input_tokens ? "output_tokens" : "input_tokens");
  const auto snapshot = services.catalog.current();
  TRY(const auto item, services.unresolved.settle(id, known, std::move(reason), *snapshot));
  return reply_with(services, item, *snapshot);
}

base::Result<Response> release_unresolved(Services& services, Call& call) {
  TRY(const base::ExchangeId id, read_id(call));
  TRY(const base::Json body, read_body(call.request));
  TRY(auto fields, base::JsonFields::of(body));
  TRY(auto reason, read_reason(fields));
  TRY_STATUS(fields.finish());
  if (reason.empty())
    return base::invalid("'reason' is missing: how it is known that the provider bills nothing more", "reason");
  const auto snapshot = services.catalog.current();
  TRY(const auto item, services.unresolved.release(id, std::move(reason), *snapshot));
  return reply_with(services, item, *snapshot);
}

}  // namespace admin
