#include <fmt/format.h>

#include "admin/handlers.h"
#include "admin/reply.h"
#include "base/rfc3339.h"

namespace admin {
namespace {

namespace json = boost::json;

// An amount of a limit as a person reads it; of a limit that was removed, as it lies.
json::string amount_of(const catalog::Limit* limit, std::int64_t amount) {
  return json::string(limit == nullptr ? fmt::to_string(amount) : catalog::amount_text(limit->unit, amount));
}

json::value unit_of(const catalog::Limit* limit) {
  return limit == nullptr ? json::value(nullptr) : json::value(json::string(catalog::to_string(limit->unit)));
}

json::object to_json(const quota::Discrepancy& found, const catalog::Snapshot& snapshot) {
  const catalog::Limit* const limit = found.counter ? snapshot.find_limit(found.counter->limit) : nullptr;
  json::object out{{"what", found.what}};
  if (found.counter) {
    out["limit"] = found.counter->limit.to_string();
    out["window"] = window_label(found.counter->label);
    out["unit"] = unit_of(limit);
  }
  if (found.kept == found.derived) return out;  // of the file, not of a number
  if (found.account) out["account"] = found.account->to_string();
  const bool money = !found.counter;
  const auto text = [&](std::int64_t amount) {
    return money ? json::string(base::Money::from_nanos(amount).to_usd()) : amount_of(limit, amount);
  };
  const bool counted = found.what == "incarnation of a lease";
  out["kept"] = counted ? json::string(fmt::to_string(found.kept)) : text(found.kept);
  out["derived"] = counted ? json::string(fmt::to_string(found.derived)) : text(found.derived);
  return out;
}

json::object to_json(const quota::KeptLease& lease, const catalog::Snapshot& snapshot) {
  const catalog::Limit* const limit = snapshot.find_limit(lease.counter.limit);
  return {{"incarnation", lease.incarnation},
          {"limit", lease.counter.limit.to_string()},
          {"window", window_label(lease.counter.label)},
          {"unit", unit_of(limit)},
          {"granted", amount_of(limit, lease.granted)},
          {"returned", amount_of(limit, lease.returned)},
          {"consumed", amount_of(limit, lease.consumed)},
          {"remainder", amount_of(limit, lease.remainder())}};
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
  const auto& limits = snapshot->contents().limits;
  // First the numbers: to ask for them writes what was settled to the store.
  TRY(const auto numbers, services.inspector.numbers(limits));
  TRY(const auto found, quota::examine(services.books, *snapshot, services.clock.wall_now()));

  json::array wrong, shown, leases, unreadable;
  for (const quota::Discrepancy& one : found.wrong) wrong.push_back(to_json(one, *snapshot));
  for (std::size_t i = 0; i < limits.size(); ++i) {
    const quota::FiveNumbers& five = numbers[i];
    if (!adds_up(five))
      wrong.push_back(
          to_json(quota::Discrepancy{.what = "five numbers",
                                     .counter = quota::CounterKey{limits[i].id, five.window.label},
                                     .kept = five.amount,
                                     .derived = five.available + five.reserved + five.unresolved + five.spent},
                  *snapshot));
    shown.push_back(admin::to_json(limits[i], five));
  }
  for (const quota::KeptLease& lease : found.open_leases) leases.push_back(to_json(lease, *snapshot));
  for (const std::string& what : found.unreadable) unreadable.push_back(json::string(what));
  const char* const verdict = !wrong.empty() ? "wrong" : unreadable.empty() ? "ok" : "unknown";
  return json_reply(200, {{"verdict", verdict},
                          {"records", found.records},
                          {"counters", found.counters.size()},
                          {"transfers", found.transfers},
                          {"booked", found.booked.to_usd()},
                          {"unresolved", found.open_items},
                          {"wrong", std::move(wrong)},
                          {"unreadable", std::move(unreadable)},
                          {"open_leases", std::move(leases)},
                          {"limits", std::move(shown)}});
}

}  // namespace admin
