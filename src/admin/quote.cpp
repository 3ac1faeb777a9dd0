#include <fmt/format.h>

#include "admin/handlers.h"
#include "admin/imagined_call.h"
#include "admin/reply.h"
#include "base/rfc3339.h"

namespace admin {
namespace {

namespace json = boost::json;

// How far back, how many calls, and how many of them are enough to say anything.
constexpr std::int64_t days = 30;
constexpr int calls_looked_at = 1'000;
constexpr std::int64_t calls_needed = 10;

// What calls did cost of what they could have cost at most.
struct Experience {
  std::string_view of;  // "key": this key's calls of the model; "model": everybody's
  std::int64_t calls = 0;
  base::WallTime since;  // the first of them
  base::Money cost;
  base::Money worst_case;
};

// Only what is known to the last token tells anything: a call that failed, or whose usage is a lower bound, does not.
bool tells(const events::UsageRecord& record) {
  return record.outcome == events::Outcome::served && !record.upstream.empty() && record.usage &&
         record.usage->certainty == meter::Certainty::exact && record.estimate > base::Money::zero();
}

base::Result<Experience> look_back(events::UsageLog& log, std::string_view of, const std::string& model,
                                   std::optional<base::KeyId> key, base::WallTime now) {
  events::UsageFilter filter;
  filter.model = model;
  filter.key = key;
  filter.from = base::WallTime{now.ms - days * 86'400'000};
  filter.limit = calls_looked_at;
  TRY(const auto records, log.records(filter));
  Experience out{.of = of, .since = now, .cost = {}, .worst_case = {}};
  for (const events::UsageRecord& record : records) {  // newest first
    if (!tells(record)) continue;
    ++out.calls;
    out.since = record.started;
    out.cost += record.cost;
    out.worst_case += record.estimate;
  }
  return out;
}

// worst * part / whole, rounded up; whole > 0.
base::Money share_of(base::Money worst, base::Money part, base::Money whole) {
  const auto product = static_cast<unsigned __int128>(worst.nanos()) * static_cast<unsigned __int128>(part.nanos());
  const auto divisor = static_cast<unsigned __int128>(whole.nanos());
  const auto share = (product + divisor - 1) / divisor;
  return share > INT64_MAX ? base::Money::max() : base::Money::from_nanos(static_cast<std::int64_t>(share));
}

json::object expected_json(const Experience& experience, base::Money worst) {
  const base::Money expected = share_of(worst, experience.cost, experience.worst_case);
  return {{"usd", expected.to_usd()},
          {"derived_from", json::object{{"calls_of", experience.of},
                                        {"calls", experience.calls},
                                        {"since", base::to_rfc3339(experience.since)},
                                        {"cost", experience.cost.to_usd()},
                                        {"worst_case", experience.worst_case.to_usd()}}},
          {"unknown_because", nullptr}};
}

json::object unknown_json(std::string why) {
  return {{"usd", nullptr}, {"derived_from", nullptr}, {"unknown_because", std::move(why)}};
}

base::Result<json::object> expect(Services& services, const quota::Explanation& found, base::KeyId key) {
  const auto& worst = found.clamped_worst_case ? found.clamped_worst_case : found.worst_case;
  if (!worst) return unknown_json("the call has no price");
  const base::WallTime now = services.clock.wall_now();
  TRY(const Experience own, look_back(services.usage, "key", found.model, key, now));
  if (own.calls >= calls_needed) return expected_json(own, worst->usd);
  TRY(const Experience all, look_back(services.usage, "model", found.model, std::nullopt, now));
  if (all.calls >= calls_needed) return expected_json(all, worst->usd);
  return unknown_json(fmt::format("there are {} calls of '{}' in the last {} days whose cost is known; {} are needed",
                                  all.calls, found.model.substr(0, 100), days, calls_needed));
}

json::object held_json(const quota::Quote& quote, const quota::Explanation& found) {
  json::array limits;
  base::Money of_balance;
  for (const quota::QuotePart& part : quote.parts) {
    if (part.of_balance) of_balance += base::Money::from_nanos(part.amount);
    for (const quota::ExplainedLimit& one : found.limits)
      if (one.limit.id == part.counter.limit)
        limits.push_back(json::object{{"limit", one.limit.id.to_string()},
                                      {"name", one.limit.name},
                                      {"unit", catalog::to_string(one.limit.unit)},
                                      {"window", window_label(part.counter.label)},
                                      {"amount", catalog::amount_text(one.limit.unit, part.amount)}});
  }
  return {{"id", quote.id.to_string()},
          {"created", base::to_rfc3339(quote.created)},
          {"expires", base::to_rfc3339(quote.expires)},
          {"limits", std::move(limits)},
          {"balance", found.balance ? json::value(of_balance.to_usd()) : json::value(nullptr)}};
}

}  // namespace

base::Result<Response> quote_call(Services& services, Call& call) {
  const auto snapshot = services.catalog.current();
  TRY(const ImaginedCall asked, read_imagined_call(call, *snapshot, MayHold::yes));
  quota::HeldCall held;
  if (asked.hold_ms) {
    TRY(held, services.explainer.hold(*asked.key, asked.call, *asked.hold_ms));
  } else {
    TRY(held.explanation, services.explainer.explain(*asked.key, asked.call));
  }
  const quota::Explanation& found = held.explanation;
  if (asked.hold_ms && !held.quote) return problem(base::Error(*found.error).in("nothing is held"), found.status);
  json::object out = call_json(found, *asked.key->key);
  TRY(out["expected"], expect(services, found, asked.key->key->id));
  out["held"] = held.quote ? json::value(held_json(*held.quote, found)) : json::value(nullptr);
  return json_reply(held.quote ? 201 : 200, out);
}

}  // namespace admin
