// Limiters where clients of gpt-usage-limiter look for them (S3-50 to S3-56): the same limiters under other names, and
// amounts as JSON numbers, whose digits are those of our decimals.
#include <fmt/format.h>
#include <boost/json/serialize.hpp>

#include <algorithm>

#include "admin/handlers.h"
#include "admin/limiter_reply.h"
#include "admin/reply.h"

namespace admin {
namespace {

// A member that is written here and not by a library, which would take the number through a double.
class NumbersObject {
 public:
  NumbersObject& text(std::string_view name, std::string_view value) {
    return raw(name, boost::json::serialize(boost::json::string(value)));
  }
  NumbersObject& raw(std::string_view name, std::string_view value) {
    text_ += fmt::format("{}\"{}\":{}", text_.empty() ? "" : ",", name, value);
    return *this;
  }
  template <class Number>
  NumbersObject& number(std::string_view name, Number value) {
    return raw(name, fmt::format("{}", value));
  }
  std::string to_string() const { return fmt::format("{{{}}}", text_); }

 private:
  std::string text_;
};

// "2025-10-10T00:00:00Z" in quotes, as they write it; null.
std::string to_the_second(const boost::json::value& time) {
  if (!time.is_string()) return "null";
  constexpr std::size_t seconds_end = sizeof "2025-10-10T00:00:00" - 1;
  return fmt::format("\"{}Z\"", std::string_view(time.get_string()).substr(0, seconds_end));
}

Response reply_of(int status, const std::string& body) { return {status, "application/json", body + "\n", {}}; }

std::string joined(const std::vector<std::string>& objects) {
  std::string text;
  for (const std::string& one : objects) text += fmt::format("{}{}", text.empty() ? "" : ",", one);
  return fmt::format("[{}]", text);
}

std::string entry_of(const LimiterParts& parts, const Options& options) {
  return NumbersObject()
      .text("id", parts.limiter->id.to_string())
      .text("name", parts.account->name)
      .text("limiter_code", parts.limiter->code)
      .text("proxy_url", fmt::format("{}/v1/{}", options.limiters.proxy_url, parts.limiter->code))
      .raw("budget_limit", base::Money::from_nanos(parts.limit->amount).to_usd())
      .text("period_type", base::to_string(parts.limit->window))
      .text("base_url", parts.limiter->base_url)
      .raw("is_active", parts.account->status == catalog::AccountStatus::active ? "true" : "false")
      .text("created_at", time_text(parts.limiter->created))
      .to_string();
}

// What their bodies say, as ours does.
base::Result<Request> renamed(const Call& call, std::span<const std::pair<std::string_view, std::string_view>> names) {
  TRY(const base::Json body, read_body(call.request));
  TRY(auto fields, base::JsonFields::of(body));
  boost::json::object ours;
  for (const auto& [theirs, our] : names) {
    if (theirs == "is_active") {
      TRY(const auto flag, fields.boolean(theirs));
      if (flag) ours[our] = *flag;
      continue;
    }
    const bool amount = theirs == "budget_limit";
    TRY(const auto text, amount ? fields.decimal(theirs) : fields.string(theirs));
    if (text) ours[our] = *text;
  }
  TRY_STATUS(fields.finish());
  Request request = call.request;
  request.body = boost::json::serialize(ours);
  return request;
}

base::Result<Response> as_theirs(Services& services, const Call& call, const base::Result<Response>& ours) {
  TRY_STATUS(ours);
  TRY(const base::Json made, base::Json::parse(ours->body));
  const auto snapshot = services.catalog.current();
  TRY(const LimiterParts parts, find_limiter(*snapshot, made.find("id")->text(), call.caller));
  return reply_of(ours->status, entry_of(parts, services.options));
}

constexpr std::pair<std::string_view, std::string_view> create_names[] = {
    {"name", "name"}, {"budget_limit", "budget"}, {"period_type", "window"}, {"base_url", "base_url"}};
constexpr std::pair<std::string_view, std::string_view> edit_names[] = {
    {"name", "name"}, {"budget_limit", "budget"}, {"is_active", "active"}};

}  // namespace

base::Result<Response> create_limiter_alias(Services& services, Call& call) {
  TRY(const Request request, renamed(call, create_names));
  Call ours{request, call.id, Query(Query::none), call.caller};
  return as_theirs(services, call, create_limiter(services, ours));
}

base::Result<Response> list_limiters_alias(Services& services, Call& call) {
  TRY_STATUS(call.query.finish());
  const auto snapshot = services.catalog.current();
  std::vector<LimiterParts> all = limiters_for(*snapshot, call.caller);
  std::ranges::sort(all, {}, [](const LimiterParts& one) { return one.limiter->id; });
  std::vector<std::string> entries;
  for (const LimiterParts& one : all) entries.push_back(entry_of(one, services.options));
  return reply_of(200, joined(entries));
}

base::Result<Response> show_limiter_alias(Services& services, Call& call) {
  TRY_STATUS(call.query.finish());
  const auto snapshot = services.catalog.current();
  TRY(const LimiterParts parts, find_limiter(*snapshot, call.id, call.caller));
  return reply_of(200, entry_of(parts, services.options));
}

base::Result<Response> edit_limiter_alias(Services& services, Call& call) {
  TRY(const Request request, renamed(call, edit_names));
  Call ours{request, call.id, Query(Query::none), call.caller};
  return as_theirs(services, call, edit_limiter(services, ours));
}

base::Result<Response> show_limiter_stats_alias(Services& services, Call& call) {
  TRY_STATUS(call.query.finish());
  const auto snapshot = services.catalog.current();
  TRY(const LimiterParts parts, find_limiter(*snapshot, call.id, call.caller));
  TRY(const LimiterStats stats, limiter_stats(services, parts));
  return reply_of(200, NumbersObject()
                           .text("limiter_id", parts.limiter->id.to_string())
                           .text("limiter_name", parts.account->name)
                           .raw("current_spend", stats.spend.to_usd())
                           .raw("budget_limit", stats.budget.to_usd())
                           .raw("remaining_budget", stats.remaining.to_usd())
                           .raw("usage_percentage", stats.percentage)
                           .number("total_requests", stats.requests)
                           .raw("period_start", to_the_second(period_start(stats)))
                           .raw("period_end", to_the_second(period_end(stats)))
                           .to_string());
}

// Each account that has spent is one of their users.
base::Result<Response> sum_stats_alias(Services& services, Call& call) {
  TRY_STATUS(call.query.finish());
  const auto snapshot = services.catalog.current();
  TRY_STATUS(services.inspector.numbers({}));  // what was settled goes to the store first
  TRY(const auto sums, services.usage.sums({}, events::UsageGroup::account));
  std::vector<std::string> users;
  std::int64_t requests = 0;
  std::int64_t tokens = 0;
  base::Money cost;
  for (const events::UsageSum& sum : sums) {
    const auto id = base::AccountId::parse(sum.group);
    const catalog::Account* const account = id ? snapshot->find_account(*id) : nullptr;
    if (account == nullptr || !sees(call.caller, *snapshot, account->id)) continue;
    requests += sum.requests;
    tokens += sum.input_tokens + sum.output_tokens;
    cost += sum.cost;
    users.push_back(NumbersObject()
                        .text("user_id", sum.group)
                        .text("name", account->name)
                        .number("total_requests", sum.requests)
                        .number("total_tokens", sum.input_tokens + sum.output_tokens)
                        .raw("total_cost", sum.cost.to_usd())
                        .to_string());
  }
  return reply_of(200, NumbersObject()
                           .number("total_requests", requests)
                           .number("total_tokens", tokens)
                           .raw("total_cost", cost.to_usd())
                           .number("active_users", users.size())
                           .raw("users", joined(users))
                           .to_string());
}

}  // namespace admin
