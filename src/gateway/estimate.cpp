#include "gateway/estimate.h"

#include <algorithm>

#include <fmt/format.h>

namespace gateway {
namespace {

using base::ErrorType;

std::unexpected<base::Error> unauthorized(std::string message) {
  return base::fail(ErrorType::unauthorized, std::move(message), {}, base::Source::client);
}
std::unexpected<base::Error> unpriced(std::string message, std::string field) {
  return base::fail(ErrorType::unknown_price, std::move(message), std::move(field), base::Source::client);
}

meter::Audio audio_of(const meter::Request& request) {
  return request.audio ? meter::Audio::possible : meter::Audio::none;
}

// How much output, of all choices together, what is left of one limit can pay for. nullopt: a shorter answer is not
// wanted, or would not help.
std::optional<std::int64_t> affordable_output(const meter::Request& request, const meter::ModelPrice& price,
                                              const quota::Shortage& shortage) {
  if (shortage.limit.clamp == catalog::Clamp::off) return std::nullopt;
  switch (shortage.limit.unit) {
    case catalog::LimitUnit::usd: {
      const auto available = base::Money::from_nanos(shortage.available);
      const auto cost = base::without_share(available, shortage.markup.value_or(base::BasisPoints{}));
      return price.affordable_output(cost, request.input_bound, request.tier, audio_of(request));
    }
    case catalog::LimitUnit::tokens: return shortage.available - request.input_bound;
    case catalog::LimitUnit::output_tokens: return shortage.available;
    case catalog::LimitUnit::input_tokens:
    case catalog::LimitUnit::requests:
    case catalog::LimitUnit::named: return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

base::Status check_key(const catalog::KeyEntry& entry, base::WallTime now) {
  if (entry.key->role == catalog::KeyRole::admin)
    return unauthorized("an admin key works on the control plane only; create a data key for calls");
  if (!entry.usable) return unauthorized("the key or its account was revoked or suspended");
  if (entry.key->expires && *entry.key->expires <= now) return unauthorized("the key has expired");
  return {};
}

base::Result<const meter::ModelPrice*> price_of(const Settings& settings, const meter::Request& request) {
  const meter::ModelPrice* const price = settings.find_price(request.model);
  if (price == nullptr)
    return unpriced(fmt::format("the model '{}' has no price here, so its cost cannot be bounded; add it to the price "
                                "file or set prices.unknown_model",
                                request.model.substr(0, 100)),
                    "model");
  if (!price->prices_tier(request.tier))
    return unpriced(fmt::format("the model '{}' has no price for this service tier", request.model), "service_tier");
  if (request.audio && !price->prices_audio())
    return unpriced(fmt::format("the model '{}' has no price for audio", request.model), "modalities");
  return price;
}

bool applies(const catalog::Limit& limit, std::string_view model, const catalog::Route& route, std::string_view tags) {
  if (!limit.filter.matches(model, route.name, tags)) return false;
  return limit.unit != catalog::LimitUnit::named || catalog::weight_of(route.weights, limit.unit.name(), model) > 0;
}

namespace {

void add_weights(quota::Amounts& amounts, const catalog::Route& route, std::string_view model) {
  for (const catalog::UnitWeight& one : route.weights) {
    if (std::ranges::find(amounts.weights, one.unit, &quota::Amounts::Weight::unit) != amounts.weights.end()) continue;
    const std::int64_t weight = catalog::weight_of(route.weights, one.unit, model);
    if (weight > 0) amounts.weights.push_back({one.unit, weight});
  }
}

}  // namespace

quota::Amounts call_amounts(base::Money most, const catalog::CallRule& call, const catalog::Route& route,
                            const catalog::Balance* balance) {
  quota::Amounts amounts{.usd = most, .requests = 1, .charge = quota::charge_of(most, balance)};
  add_weights(amounts, route, call.name);
  return amounts;
}

quota::Amounts worst_case(const meter::Request& request, const meter::ModelPrice& price, std::int64_t output_cap,
                          const catalog::Route& route, const catalog::Balance* balance) {
  const std::int64_t output = output_cap * request.choices;
  const base::Money usd = price.worst_cost(request.input_bound, output, request.tier, audio_of(request));
  quota::Amounts amounts{.usd = usd,
                         .input_tokens = request.input_bound,
                         .output_tokens = output,
                         .requests = 1,
                         .charge = quota::charge_of(usd, balance)};
  add_weights(amounts, route, request.model);
  return amounts;
}

std::optional<std::int64_t> affordable_cap(const meter::Request& request, const meter::ModelPrice& price,
                                           const quota::Shortage& shortage) {
  const auto output = affordable_output(request, price, shortage);
  return output ? std::optional(*output / request.choices) : std::nullopt;
}

std::optional<std::int64_t> affordable_cap(const meter::Request& request, const meter::ModelPrice& price,
                                           std::int64_t output_cap, const quota::Refusal& refusal, std::int64_t least) {
  std::int64_t cap = output_cap;
  for (const quota::Shortage& shortage : refusal.shortages) {
    const auto affordable = affordable_cap(request, price, shortage);
    if (!affordable) return std::nullopt;
    cap = std::min(cap, *affordable);
  }
  const bool worth_it = !refusal.shortages.empty() && cap >= least && cap < output_cap;
  return worth_it ? std::optional(cap) : std::nullopt;
}

}  // namespace gateway
