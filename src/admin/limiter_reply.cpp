#include "admin/limiter_reply.h"

#include <fmt/format.h>

#include <algorithm>

#include "admin/reply.h"

namespace admin {
namespace {

namespace json = boost::json;

__extension__ using Wide = __int128;

LimiterParts parts_of(const catalog::Snapshot& snapshot, const catalog::Limiter& limiter) {
  return {&limiter, snapshot.find_account(limiter.id), snapshot.find_limit(limiter.limit)};
}

std::string percent_text(std::int64_t spent, std::int64_t amount) {
  if (amount <= 0) return "100.00";
  const auto hundredths = static_cast<std::int64_t>(static_cast<Wide>(spent) * 10'000 / amount);
  return fmt::format("{}.{:02}", hundredths / 100, hundredths % 100);
}

std::unexpected<base::Error> no_limiter(base::ErrorType type, std::string message) {
  return base::fail(type, std::move(message), "id", base::Source::client);
}

}  // namespace

std::vector<LimiterParts> limiters_for(const catalog::Snapshot& snapshot, const Caller& caller) {
  std::vector<LimiterParts> found;
  for (const catalog::Limiter& limiter : snapshot.limiters())
    if (!limiter.removed && sees(caller, snapshot, limiter.id)) found.push_back(parts_of(snapshot, limiter));
  return found;
}

base::Result<LimiterParts> find_limiter(const catalog::Snapshot& snapshot, std::string_view reference,
                                        const Caller& caller) {
  const catalog::Limiter* limiter = snapshot.find_limiter(reference);
  if (const auto id = base::AccountId::parse(reference)) limiter = snapshot.find_limiter(*id);
  if (limiter != nullptr && !limiter->removed && sees(caller, snapshot, limiter->id))
    return parts_of(snapshot, *limiter);
  std::optional<LimiterParts> named;
  for (const LimiterParts& one : limiters_for(snapshot, caller)) {
    if (one.account->name != reference) continue;
    if (named)
      return no_limiter(
          base::ErrorType::conflict,
          fmt::format("several limiters have the name '{}'; give an id or a code", reference.substr(0, 64)));
    named = one;
  }
  if (named) return *named;
  return no_limiter(base::ErrorType::not_found, fmt::format("there is no limiter '{}'", reference.substr(0, 64)));
}

json::object to_json(const LimiterParts& parts, const quota::FiveNumbers& numbers, const Options& options) {
  const catalog::Limiter& limiter = *parts.limiter;
  const json::object limit = to_json(*parts.limit, numbers);
  json::array models;
  for (const std::string& model : limiter.models) models.emplace_back(model);
  json::object deployments;
  for (const auto& [deployment, model] : limiter.deployments) deployments[deployment] = model;
  json::object out{{"id", limiter.id.to_string()},
                   {"name", parts.account->name},
                   {"code", limiter.code},
                   {"endpoint", fmt::format("{}/v1/{}", options.limiters.proxy_url, limiter.code)},
                   {"active", parts.account->status == catalog::AccountStatus::active},
                   {"base_url", limiter.base_url},
                   {"provider", limiter.provider},
                   {"models", std::move(models)},
                   {"deployments", std::move(deployments)},
                   {"parent", parts.account->parent ? json::value(parts.account->parent->to_string()) : nullptr},
                   {"key", limiter.key.to_string()},
                   {"limit", parts.limit->id.to_string()},
                   {"created", time_text(limiter.created)},
                   {"budget", limit.at("amount")}};
  for (const std::string_view name : {"window", "time_zone", "status", "available", "reserved", "unresolved", "spent",
                                      "window_start", "window_end", "resets_at"})
    out[name] = limit.at(name);
  return out;
}

base::Result<LimiterStats> limiter_stats(Services& services, const LimiterParts& parts) {
  // First the numbers: to ask for them writes what was settled to the store.
  TRY(const auto all, services.inspector.numbers({*parts.limit}));
  const quota::FiveNumbers& numbers = all.front();
  events::UsageFilter filter{.account = parts.limiter->id, .key = {}, .model = {}, .from = {}, .to = {}, .before = {}};
  filter.from = numbers.window.start;
  if (numbers.window.end < base::far_future) filter.to = numbers.window.end;
  TRY(const auto sums, services.usage.sums(filter, events::UsageGroup::total));
  return LimiterStats{.spend = base::Money::from_nanos(numbers.spent),
                      .remaining = base::Money::from_nanos(numbers.available),
                      .budget = base::Money::from_nanos(numbers.amount),
                      .percentage = percent_text(numbers.spent, numbers.amount),
                      .requests = sums.empty() ? 0 : sums.front().requests,
                      .period = numbers.window};
}

json::value period_start(const LimiterStats& stats) {
  return stats.period.start.ms > 0 ? json::value(time_text(stats.period.start)) : json::value(nullptr);
}

json::value period_end(const LimiterStats& stats) {
  return stats.period.end < base::far_future ? json::value(time_text(stats.period.end)) : json::value(nullptr);
}

}  // namespace admin
