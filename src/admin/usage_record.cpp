// One request's whole story: its usage record, what the catalog knows of the names in it, and its cost line by line.
#include <fmt/format.h>

#include "admin/handlers.h"
#include "admin/price_lists.h"
#include "admin/reply.h"
#include "meter/rerate.h"

namespace admin {
namespace {

namespace json = boost::json;
using events::Outcome;
using events::UsageRecord;

// How a cost came about. Only `itemized` has lines; the others say in words why they have none.
json::object no_lines(std::string_view status, std::string detail) {
  return {{"status", status}, {"detail", std::move(detail)}, {"book", nullptr},
          {"model", nullptr}, {"lines", json::array()},      {"factors", json::array()}};
}

json::value exact_or_null(const meter::BillLine& line, const meter::Factors& factors) {
  const auto amount = line.exact_usd(factors);
  return amount ? json::value(json::string(*amount)) : json::value(nullptr);
}

json::object lines_of(const meter::Bill& bill, std::string_view version) {
  json::array lines;
  for (const meter::BillLine& line : bill.lines)
    lines.push_back(json::object{{"what", line.what},
                                 {"quantity", line.quantity},
                                 {"parts", line.parts},
                                 {"price_key", line.price_key()},
                                 {"price", line.price.to_usd()},
                                 {"halved", line.halves == 1},
                                 {"multiplied", line.multiplied && !bill.factors.empty()},
                                 {"amount", exact_or_null(line, bill.factors)}});
  json::array factors;
  for (const meter::Factor factor : bill.factors) factors.push_back(json::string(factor_text(factor)));
  return {{"status", "itemized"}, {"detail", nullptr},         {"book", version},
          {"model", bill.model},  {"lines", std::move(lines)}, {"factors", std::move(factors)}};
}

std::string why_not(meter::RerateGap gap) {
  switch (gap) {
    case meter::RerateGap::none: break;
    case meter::RerateGap::no_price: return "the book does not price the model, or something that was used";
    case meter::RerateGap::service_tier:
      return "several ways to serve the call come to this cost, and the record does not keep which it was";
    case meter::RerateGap::image_size: return "images cost by their size, which records do not keep";
    case meter::RerateGap::not_its_prices:
      return "what was booked is not what the book makes of the usage alone: part of it is another model's, counted "
             "by the gateway, or served in a way that records do not keep";
  }
  return {};
}

// The lines of what was booked, by the very book that booked it; else why there are none. Nothing is told by another
// version's prices: that would be a guess.
json::object price_lines(Services& services, const UsageRecord& record) {
  if (record.outcome == Outcome::refused) return no_lines("no_cost", "nothing was sent");
  if (record.outcome == Outcome::opened || record.outcome == Outcome::unaccounted ||
      record.outcome == Outcome::corrected)
    return no_lines("not_itemized", "it is no call of its own");
  if (record.usage && record.usage->provider_cost && *record.usage->provider_cost == record.cost)
    return no_lines("stated", "the provider stated the cost");
  if (record.cost.is_zero()) return no_lines("no_cost", "nothing was booked");
  if (record.price_version.empty()) return no_lines("by_route", "its route sets its price, and no book");
  if (!record.usage) return no_lines("not_itemized", "its usage is not known");
  const meter::PriceBook* const book = find_version(services.options.price_lists, record.price_version);
  if (book == nullptr)
    return no_lines("version_gone", fmt::format("the configuration does not have the price book of version {} any more",
                                                record.price_version));
  const catalog::Upstream* const upstream = services.upstreams.find(record.upstream);
  if (upstream == nullptr)
    return no_lines("not_itemized", "its upstream is not configured any more, so its provider is not known");
  const meter::Itemized found = meter::itemize({.started = record.started,
                                                .provider = upstream->provider,
                                                .model = record.model,
                                                .served_model = record.served_model,
                                                .usage = *record.usage,
                                                .booked = record.cost},
                                               *book);
  if (found.gap != meter::RerateGap::none) return no_lines("not_itemized", why_not(found.gap));
  return lines_of(found.bill, book->version());
}

json::value named(const catalog::Account* account) {
  if (account == nullptr) return nullptr;
  return json::object{
      {"id", account->id.to_string()}, {"name", account->name}, {"external_id", text_or_null(account->external_id)}};
}

json::value named(const catalog::Key* key) {
  if (key == nullptr) return nullptr;
  return json::object{{"id", key->id.to_string()}, {"name", key->name}, {"hint", key->hint}};
}

// What the limits of the holds are called today; a limit that was removed is not there, a grant has no name.
json::object names_of_limits(const UsageRecord& record, const catalog::Snapshot& snapshot) {
  json::object names;
  const auto add = [&](base::LimitId id) {
    if (const catalog::Limit* const limit = snapshot.find_limit(id)) names[id.to_string()] = limit->name;
  };
  for (const events::Hold& hold : record.holds) add(hold.limit);
  if (record.refused_by) add(record.refused_by->limit);
  return names;
}

base::Result<json::object> settlement_of(Services& services, const UsageRecord& record,
                                         const catalog::Snapshot& snapshot) {
  json::object out{{"state", "settled"}, {"unresolved", nullptr}};
  const bool held = std::ranges::any_of(record.holds, [](const events::Hold& hold) { return hold.unresolved > 0; });
  if (record.outcome == Outcome::refused) out["state"] = "refused";
  if (!held) return out;
  TRY(const auto item, services.unresolved.item(record.id));
  out["state"] = item.correction ? "corrected" : "unresolved";
  out["unresolved"] = to_json(item, services.unresolved.settles_at(item), snapshot);
  return out;
}

}  // namespace

base::Result<Response> show_usage_record(Services& services, Call& call) {
  TRY_STATUS(call.query.finish());
  const auto id = base::ExchangeId::parse(call.id);
  if (!id) return base::invalid(id.error().message, "id");
  const auto snapshot = services.catalog.current();
  TRY(const auto record, services.usage.record(*id));
  if (!record || !sees(call.caller, *snapshot, record->account))
    return base::fail(
        base::ErrorType::not_found,
        fmt::format("there is no usage record {}: a call has one some milliseconds after its reply", call.id), "id",
        base::Source::client);
  TRY(auto settlement, settlement_of(services, *record, *snapshot));
  const auto key = snapshot->find_key(record->key);
  return json_reply(200, {{"record", to_json(*record, *snapshot)},
                          {"account", named(snapshot->find_account(record->account))},
                          {"key", named(key ? key->key : nullptr)},
                          {"limits", names_of_limits(*record, *snapshot)},
                          {"price_lines", price_lines(services, *record)},
                          {"settlement", std::move(settlement)}});
}

}  // namespace admin
