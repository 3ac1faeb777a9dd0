// The steps of exchange.cpp in their order, without an exchange: each that would refuse ends the explanation, but what
// is known of the limits is told in any case.
#include "gateway/explain.h"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/assert.h"
#include "catalog/tags.h"
#include "gateway/allowed.h"
#include "gateway/deployment.h"
#include "gateway/estimate.h"
#include "gateway/reply.h"
#include "meter/request_edit.h"
#include "meter/request_reader.h"
#include "quota/counting.h"

namespace gateway {
namespace {

using quota::CallVerdict;
using quota::LimitVerdict;

// Where a call goes if all is well.
const catalog::Target& first_target(const catalog::Route& route) {
  return *std::ranges::min_element(route.targets, {}, &catalog::Target::order);
}

void refuse(quota::Explanation& out, const Failure& failure) {
  out.verdict = CallVerdict::refused;
  out.error = failure.error;
  out.status = failure.status();
}

// Where a provider's conversations are held.
std::string chat_path(std::string_view provider, std::string_view model) {
  if (provider == "anthropic") return "/v1/messages";
  if (provider == "gemini" || provider == "vertex") return fmt::format("/v1beta/models/{}:generateContent", model);
  if (provider == "bedrock") return fmt::format("/model/{}/converse", model);
  if (provider == "cohere") return "/v2/chat";
  if (provider == "azure_openai") return fmt::format("/openai/deployments/{}/chat/completions", model);
  return "/chat/completions";
}

base::Result<meter::Endpoint> endpoint_of(const quota::ImaginedCall& call, const catalog::Upstream& upstream) {
  const std::string path = call.path.empty() ? chat_path(upstream.provider, call.model) : call.path;
  const std::string whole = fmt::format("{}{}", upstream.base_path, catalog::behind_base_path(upstream, path));
  meter::Endpoint endpoint = meter::endpoint_at(upstream.provider, "POST", whole);
  if (!meter::can_read_request(endpoint))
    return base::invalid(
        fmt::format("'path' is '{}', which no call of '{}' is served at", call.path.substr(0, 200), upstream.provider),
        "path");
  endpoint.model = model_behind(upstream, endpoint.model);
  return endpoint;
}

// What of the question decides the cost, as if its bytes had come over the network.
base::Result<meter::Request> request_of(const catalog::Key& key, const quota::ImaginedCall& call,
                                        const Settings& settings, const catalog::Route& route,
                                        meter::InputBound bound) {
  const catalog::Upstream& upstream = *settings.find_upstream(first_target(route).upstream);
  TRY(const meter::Endpoint endpoint, endpoint_of(call, upstream));
  const bool names_model = endpoint.model.empty();
  std::string body =
      call.body.value_or(names_model ? fmt::format(R"({{"model":{},"messages":[]}})", json_text(call.model)) : "{}");
  TRY(meter::Request request, meter::read_copied_request(endpoint, body));
  if (call.body && !call.model.empty() && names_model) body = meter::with_member(body, "model", json_text(call.model));
  // As Exchange::rename_for_target.
  const std::string& asked = names_model && !call.model.empty() ? call.model : request.model;
  TRY_STATUS(check_model(nullptr, key, model_behind(upstream, asked)));
  if (const std::string_view model = first_target(route).model_for(asked); model != asked) {
    if (!names_model) return base::fail(cannot_rename(asked, model, address_names_model));
    body = meter::with_member(body, "model", json_text(model));
  }
  if (call.max_tokens) {
    const std::string& path = request.output_cap_path.empty() ? upstream.output_cap_field : request.output_cap_path;
    body = meter::with_member(body, path, std::to_string(*call.max_tokens));
  }
  if (std::ssize(body) > route.max_body_bytes)
    return base::fail(base::ErrorType::payload_too_large,
                      fmt::format("the body has more than {} bytes", route.max_body_bytes), {}, base::Source::client);
  if (body.size() > counted_bytes_max) bound = meter::InputBound::bytes;
  TRY(request, meter::read_copied_request(endpoint, body, bound));
  if (names_model) request.model = model_behind(upstream, request.model);
  if (call.input_tokens) request.input_bound = *call.input_tokens;
  return request;
}

quota::Standing standing_of(const quota::FiveNumbers& numbers) {
  return {.amount = numbers.amount,
          .spent = numbers.spent,
          .spent_certainly = numbers.spent,
          .unresolved = numbers.unresolved,
          .available = numbers.available,
          .window = numbers.window,
          .resets_at = numbers.resets_at};
}

// A key's balance, with what its usable grants have all together.
struct Payer {
  const catalog::Balance* balance = nullptr;  // nullptr: it is not prepaid
  quota::BalanceStanding standing = {};

  void judge(const quota::Amounts& worst, quota::Refusal& refusal) const {
    if (balance != nullptr) quota::judge(quota::want_from(*balance, worst.charge), standing, refusal);
  }
};

quota::Refusal nothing_refused() { return {.type = base::ErrorType::limit_busy, .shortages = {}, .reason = {}}; }

// As the keeper would, if nobody else came in between.
quota::Refusal judge_all(const std::vector<quota::ExplainedLimit>& limits, const quota::Amounts& worst,
                         const Payer& payer) {
  quota::Refusal refusal = nothing_refused();
  for (const quota::ExplainedLimit& one : limits)
    if (one.verdict != LimitVerdict::does_not_apply)
      quota::judge(one.limit, worst.in(one.limit.unit), standing_of(one.numbers), refusal);
  payer.judge(worst, refusal);
  return refusal;
}

// What a limit or a balance says by itself that refuses so.
void say(quota::ExplainedLimit& one, const quota::Refusal& refusal, std::optional<std::int64_t> cap) {
  if (refusal.shortages.empty()) return;
  one.verdict = refusal.type == base::ErrorType::limit_busy ? LimitVerdict::busy : LimitVerdict::reached;
  one.output_cap = cap;
  if (cap) one.verdict = LimitVerdict::clamps;
}

// What each limit says, and the balance.
void judge_each(quota::Explanation& out, const meter::Request& request, const meter::PricedModel& price,
                std::int64_t least_cap, const Payer& payer) {
  const auto cap = [&](const quota::Refusal& refusal) {
    return affordable_cap(request, price, out.output_cap, refusal, least_cap);
  };
  for (quota::ExplainedLimit& one : out.limits) {
    if (one.verdict == LimitVerdict::does_not_apply) continue;
    one.required = out.worst_case->in(one.limit.unit);
    if (one.limit.mode == catalog::LimitMode::shadow) {
      one.verdict = LimitVerdict::counts;
      continue;
    }
    quota::Refusal refusal = nothing_refused();
    quota::judge(one.limit, one.required, standing_of(one.numbers), refusal);
    say(one, refusal, cap(refusal));
  }
  if (!out.balance) return;
  out.balance->required = quota::want_of(out.worst_case->charge);
  quota::Refusal refusal = nothing_refused();
  payer.judge(*out.worst_case, refusal);
  say(*out.balance, refusal, cap(refusal));
}

// As Exchange::reserve: a shorter answer now is better than waiting for others.
void decide(quota::Explanation& out, const meter::Request& request, const meter::PricedModel& price,
            std::int64_t least_cap, const catalog::Route& route, base::WallTime now, const Payer& payer) {
  quota::Refusal refusal = judge_all(out.limits, *out.worst_case, payer);
  out.verdict = CallVerdict::admitted;
  if (refusal.shortages.empty()) return;
  if (const auto cap = affordable_cap(request, price, out.output_cap, refusal, least_cap)) {
    const auto tightest = std::ranges::find(out.limits, cap, &quota::ExplainedLimit::output_cap);
    if (tightest != out.limits.end()) out.decided_by = tightest->limit.id;
    out.clamped_to = cap;
    auto clamped = worst_case(request, price, *cap, route, payer.balance);
    ASSERT(clamped.has_value());  // as it was with the cap before
    out.clamped_worst_case = std::move(*clamped);
    refusal = judge_all(out.limits, *out.clamped_worst_case, payer);
    out.verdict = CallVerdict::clamped;
    if (refusal.shortages.empty()) return;
  }
  refuse(out, failure_of(refusal, now));
  const quota::Shortage& shortage = refusal.shortages.front();
  out.decided_by = shortage.markup ? std::nullopt : std::optional(shortage.limit.id);
  out.resets_at = shortage.resets_at;
}

// All usable grants together.
base::Result<Payer> payer_of(const catalog::KeyEntry& key, quota::Inspector& inspector, base::WallTime now,
                             quota::Explanation& out) {
  if (!key.balance) return Payer{};
  TRY(const auto numbers, inspector.numbers(quota::usable_counters(*key.balance, now)));
  Payer payer{.balance = key.payer()};
  const quota::FiveNumbers all = quota::sum_of(numbers);
  payer.standing = {.amount = all.amount, .left = all.amount - all.spent - all.unresolved, .available = all.available};
  out.balance = quota::ExplainedLimit{
      .limit = quota::shown_limit(quota::want_from(*key.balance, base::Money::zero()), all.amount), .numbers = all};
  return payer;
}

}  // namespace

base::Result<const catalog::Route*> Explainer::find_route(const std::string& name) const {
  const auto& routes = parts_.settings.routes;
  std::vector<std::string_view> names;
  for (const catalog::Route& route : routes) {
    if (route.name == name || (name.empty() && routes.size() == 1)) return &route;
    names.push_back(route.name);
  }
  if (routes.empty())
    return base::invalid("the configuration has no route: name the file that the gateway serves by", "route");
  if (name.empty())
    return base::invalid(
        fmt::format("say which route the call takes; the configuration has: {}", fmt::join(names, ", ")), "route");
  return base::invalid(
      fmt::format("there is no route '{}'; the configuration has: {}", name.substr(0, 64), fmt::join(names, ", ")),
      "route");
}

base::Result<quota::Explanation> Explainer::explain(const catalog::KeyEntry& key, const quota::ImaginedCall& call) {
  // As Exchange::reserve: the bytes first, and the tokens where these are too many.
  TRY(auto out, explain_by(key, call, meter::InputBound::bytes));
  if (out.verdict == CallVerdict::admitted) return out;
  return explain_by(key, call, meter::InputBound::counted);
}

base::Result<quota::Explanation> Explainer::explain_by(const catalog::KeyEntry& key, const quota::ImaginedCall& call,
                                                       meter::InputBound bound) {
  TRY(const catalog::Route* const route, find_route(call.route));
  if (!route->calls.empty())
    return base::invalid(fmt::format("the calls of the route '{}' have no model: each costs what its rule in the "
                                     "configuration says, see `metergate check`",
                                     route->name),
                         "route");
  const Settings& settings = parts_.settings;
  const base::WallTime now = parts_.clock.wall_now();
  quota::Explanation out{.route = route->name, .upstream = first_target(*route).upstream, .model = call.model};
  std::vector<catalog::Limit> limits;
  for (const catalog::Limit* limit : key.limits) limits.push_back(*limit);
  TRY(const auto numbers, parts_.inspector.numbers(limits));
  for (std::size_t i = 0; i < limits.size(); ++i) out.limits.push_back({.limit = limits[i], .numbers = numbers[i]});
  TRY(const Payer payer, payer_of(key, parts_.inspector, now, out));

  auto allowed = check_key(key, now);
  if (allowed) allowed = check_route(*key.key, route->name);
  const auto request = request_of(*key.key, call, settings, *route, bound);
  const auto tags = catalog::join_tags(key.key->tags, call.tags, "tags");
  const catalog::Upstream& upstream = *settings.find_upstream(out.upstream);
  const auto book = book_of(settings, key);
  const auto price = !request ? std::unexpected(request.error())
                     : !book  ? std::unexpected(book.error())
                              : price_of(settings, **book, upstream, *request, now);
  const auto worst = price ? worst_case(*request, **price, output_cap_of(*request, **price), *route, key.payer())
                           : std::unexpected(price.error());
  if (request) {
    out.model = request->model;
    out.input_tokens = request->input_bound;
    out.choices = request->choices;
    for (quota::ExplainedLimit& one : out.limits)
      if (!applies(one.limit, request->model, *route, tags.value_or(key.key->tags)))
        one.verdict = LimitVerdict::does_not_apply;
  }
  if (worst) {
    out.price_version = (*book)->version();
    out.output_cap = output_cap_of(*request, **price);
    out.worst_case = *worst;
    out.input_tokens = worst->input_tokens;
    judge_each(out, *request, **price, settings.clamp_min_output_tokens, payer);
  }

  const std::string trouble = parts_.trouble ? parts_.trouble() : std::string();
  if (!allowed) {
    refuse(out, allowed.error());
  } else if (!tags) {
    refuse(out, tags.error());
  } else if (!worst) {
    refuse(out, worst.error());
  } else if (!trouble.empty()) {
    refuse(out, base::Error{base::ErrorType::unavailable, base::Source::store, trouble, {}});
  } else {
    decide(out, *request, **price, settings.clamp_min_output_tokens, *route, now, payer);
  }
  return out;
}

base::Result<quota::HeldCall> Explainer::hold(const catalog::KeyEntry& key, const quota::ImaginedCall& call,
                                              std::int64_t ttl_ms) {
  if (!parts_.decide)
    return base::fail(base::ErrorType::unavailable, "no gateway runs here; a quote is held only by one that does");
  quota::HeldCall out;
  TRY(out.explanation, explain(key, call));
  quota::Explanation& said = out.explanation;
  if (said.verdict == CallVerdict::refused) return out;
  const quota::Amounts& amounts = said.clamped_worst_case ? *said.clamped_worst_case : *said.worst_case;
  const base::WallTime now = parts_.clock.wall_now();
  // It does not wait for calls in flight: whoever asks has time to ask again.
  quota::Waiter waiter{.wants = {},
                       .stamp = now,
                       .deadline = {},
                       .record = nullptr,
                       .decided = {},
                       .holds = quota::Waiter::Hold{base::QuoteId::create(now, parts_.random), key.key->id, ttl_ms}};
  for (const quota::ExplainedLimit& one : said.limits)
    if (one.verdict != LimitVerdict::does_not_apply) waiter.wants.push_back({one.limit, amounts.in(one.limit.unit)});
  if (key.balance) waiter.balance = quota::want_from(*key.balance, amounts.charge);
  auto decision = parts_.decide(std::move(waiter));
  if (auto* const quote = std::get_if<quota::Quote>(&decision)) {
    out.quote = std::move(*quote);
    return out;
  }
  refuse(said, failure_of(std::get<quota::Refusal>(decision), now));  // others were faster
  return out;
}

}  // namespace gateway
