#include <fmt/format.h>

#include "admin/handlers.h"
#include "admin/reply.h"
#include "base/rfc3339.h"

namespace admin {
namespace {

namespace json = boost::json;

// What a counter counts; nullopt: it is of a limit that was removed.
using Unit = std::optional<catalog::Unit>;

// An amount as a person reads it; without a unit, as it lies.
json::string amount_of(Unit unit, std::int64_t amount) {
  return json::string(unit ? catalog::amount_text(*unit, amount) : fmt::to_string(amount));
}

// Tells how things are called.
struct Names {
  const catalog::Snapshot& snapshot;
  const std::set<base::LimitId>& grants;

  // Says whose counter it is.
  Unit put(json::object& out, const quota::CounterKey& counter) const {
    const bool grant = grants.contains(counter.limit);
    const catalog::Limit* const limit = snapshot.find_limit(counter.limit);
    const Unit unit = grant ? Unit(catalog::LimitUnit::usd) : limit == nullptr ? Unit() : Unit(limit->unit);
    out[grant ? "grant" : "limit"] = counter.limit.to_string();
    out["window"] = grant ? json::value(nullptr) : json::value(window_label(counter.label));
    out["unit"] = unit ? json::value(json::string(catalog::to_string(*unit))) : json::value(nullptr);
    return unit;
  }
};

json::object to_json(const quota::Discrepancy& found, const Names& names) {
  json::object out{{"what", found.what}};
  Unit unit;
  if (found.counter) unit = names.put(out, *found.counter);
  if (found.kept == found.derived) return out;  // of the file, not of a number
  if (found.account) out["account"] = found.account->to_string();
  const bool money = !found.counter;
  const auto text = [&](std::int64_t amount) {
    return money ? json::string(base::Money::from_nanos(amount).to_usd()) : amount_of(unit, amount);
  };
  const bool counted = found.what == "incarnation of a lease";
  out["kept"] = counted ? json::string(fmt::to_string(found.kept)) : text(found.kept);
  out["derived"] = counted ? json::string(fmt::to_string(found.derived)) : text(found.derived);
  return out;
}

json::object to_json(const quota::KeptLease& lease, const Names& names) {
  json::object out{{"incarnation", lease.incarnation}};
  const Unit unit = names.put(out, lease.counter);
  out["granted"] = amount_of(unit, lease.granted);
  out["returned"] = amount_of(unit, lease.returned);
  out["consumed"] = amount_of(unit, lease.consumed);
  out["remainder"] = amount_of(unit, lease.remainder());
  return out;
}

// amount = available + reserved + unresolved + spent, unless an overrun or a lowered amount left less than nothing.
bool adds_up(const quota::FiveNumbers& five) {
  std::int64_t used = 0, sum = 0;
  if (__builtin_add_overflow(five.reserved, five.unresolved, &used) ||
      __builtin_add_overflow(used, five.spent, &used) || __builtin_add_overflow(used, five.available, &sum))
    return false;
  if (five.available < 0 || five.reserved < 0 || five.unresolved < 0 || five.spent < 0) return false;
  return sum == five.amount || (five.available == 0 && used >= five.amount);
}

}  // namespace

base::Result<Response> examine_books(Services& services, Call& call) {
  TRY_STATUS(call.query.finish());
  const auto snapshot = services.catalog.current();
  const std::vector<catalog::Limit> limits(snapshot->limits().begin(), snapshot->limits().end());
  // First the numbers: to ask for them writes what was settled to the store.
  TRY(const auto numbers, services.inspector.numbers(limits));
  TRY(const auto found, quota::examine(services.books, *snapshot, services.clock.wall_now()));

  const Names names{*snapshot, found.grants};
  json::array wrong, shown, leases, unreadable;
  for (const quota::Discrepancy& one : found.wrong) wrong.push_back(to_json(one, names));
  for (std::size_t i = 0; i < limits.size(); ++i) {
    const quota::FiveNumbers& five = numbers[i];
    if (!adds_up(five))
      wrong.push_back(
          to_json(quota::Discrepancy{.what = "five numbers",
                                     .counter = quota::CounterKey{limits[i].id, five.window.label},
                                     .kept = five.amount,
                                     .derived = five.available + five.reserved + five.unresolved + five.spent},
                  names));
    shown.push_back(admin::to_json(limits[i], five));
  }
  for (const quota::KeptLease& lease : found.open_leases) leases.push_back(to_json(lease, names));
  for (const std::string& what : found.unreadable) unreadable.push_back(json::string(what));
  const char* const verdict = !wrong.empty() ? "wrong" : unreadable.empty() ? "ok" : "unknown";
  return json_reply(200, {{"verdict", verdict},
                          {"records", found.records},
                          {"counters", found.counters.size()},
                          {"grants", found.grants.size()},
                          {"transfers", found.transfers},
                          {"booked", found.booked.to_usd()},
                          {"unresolved", found.open_items},
                          {"wrong", std::move(wrong)},
                          {"unreadable", std::move(unreadable)},
                          {"open_leases", std::move(leases)},
                          {"limits", std::move(shown)}});
}

}  // namespace admin
