#include "gateway/estimate.h"

#include <algorithm>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "meter/worst_cost.h"

namespace gateway {
namespace {

using base::ErrorType;

std::unexpected<base::Error> unpriced(std::string message, std::string field) {
  return base::fail(ErrorType::unknown_price, std::move(message), std::move(field), base::Source::client);
}

// How much output, of all choices together, what is left of one limit can pay for. nullopt: a shorter answer is not
// wanted, or would not help.
std::optional<std::int64_t> affordable_output(const meter::Request& request, const meter::PricedModel& price,
                                              const quota::Shortage& shortage) {
  if (shortage.limit.clamp == catalog::Clamp::off) return std::nullopt;
  // No member of a request caps an image, or what words a sound becomes.
  if (request.images > 0 || request.audio_seconds > 0) return std::nullopt;
  const std::int64_t passes = meter::output_of_all_passes(request, 1);
  switch (shortage.limit.unit) {
    case catalog::LimitUnit::usd: {
      const auto available = base::Money::from_nanos(shortage.available);
      const auto cost = base::without_share(available, shortage.markup.value_or(base::BasisPoints{}));
      const auto output = meter::affordable_output(price, request, cost);
      return output ? std::optional(*output) : std::nullopt;
    }
    case catalog::LimitUnit::tokens: {
      const auto input = meter::most_input(price, request);
      return input ? std::optional((shortage.available - *input) / passes) : std::nullopt;
    }
    case catalog::LimitUnit::output_tokens: return shortage.available / passes;
    case catalog::LimitUnit::input_tokens:
    case catalog::LimitUnit::requests:
    case catalog::LimitUnit::named: return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

std::string json_text(std::string_view model) { return boost::json::serialize(boost::json::string(model)); }

base::Error cannot_rename(std::string_view asked, std::string_view instead, std::string_view why) {
  return {ErrorType::invalid_request, base::Source::client,
          fmt::format("the route asks for '{}' in place of '{}' and cannot here: {}; call '{}' itself", instead, asked,
                      why, instead),
          "model"};
}

base::Result<const meter::PriceBook*> book_of(const Settings& settings, const catalog::KeyEntry& entry) {
  const meter::PriceBook* const book = settings.find_book(entry.book);
  if (book != nullptr) return book;
  return base::fail(
      base::ErrorType::unavailable,
      fmt::format("the account is priced by the book '{}', which the configuration does not have: declare "
                  "it under 'prices.books', or choose another one ('metergate accounts edit --book')",
                  entry.book.text()),
      {}, base::Source::gateway);
}

base::Result<const meter::PricedModel*> price_of(const Settings& settings, const meter::PriceBook& book,
                                                 const catalog::Upstream& upstream, const meter::Request& request,
                                                 base::WallTime start) {
  const meter::PricedModel* const price = settings.find_price(book, upstream, request, start);
  if (price == nullptr)
    return unpriced(fmt::format("the model '{}' has no price here, so its cost cannot be bounded; add it to the price "
                                "file or set prices.unknown_model",
                                request.model.substr(0, 100)),
                    "model");
  TRY_STATUS(meter::most_output(*price, request));
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

base::Status BatchSum::add(const quota::Amounts& line) {
  std::int64_t nanos = 0;
  if (__builtin_add_overflow(usd.nanos(), line.usd.nanos(), &nanos) ||
      __builtin_add_overflow(input_tokens, line.input_tokens, &input_tokens) ||
      __builtin_add_overflow(output_tokens, line.output_tokens, &output_tokens))
    return base::invalid("may cost more, with those before it, than can be held");
  usd = base::Money::from_nanos(nanos);
  ++lines;
  return {};
}

quota::Amounts batch_amounts(const BatchSum& sum, std::string_view model, const catalog::Route& route,
                             const catalog::Balance* balance) {
  quota::Amounts amounts{.usd = sum.usd,
                         .input_tokens = sum.input_tokens,
                         .output_tokens = sum.output_tokens,
                         .requests = sum.lines,
                         .charge = quota::charge_of(sum.usd, balance)};
  add_weights(amounts, route, model);
  for (quota::Amounts::Weight& one : amounts.weights) one.weight *= sum.lines;
  return amounts;
}

base::Result<quota::Amounts> worst_case(const meter::Request& request, const meter::PricedModel& price,
                                        std::int64_t output_cap, const catalog::Route& route,
                                        const catalog::Balance* balance) {
  const std::int64_t output = output_cap * request.choices;
  TRY(const base::Money usd, meter::worst_cost(price, request, output));
  TRY(const std::int64_t input, meter::most_input(price, request));
  quota::Amounts amounts{.usd = usd,
                         .input_tokens = input,
                         .output_tokens = meter::output_of_all_passes(request, output),
                         .requests = 1,
                         .charge = quota::charge_of(usd, balance)};
  add_weights(amounts, route, request.model);
  return amounts;
}

bool input_matters(const quota::Refusal& refusal) {
  return std::ranges::any_of(refusal.shortages, [](const quota::Shortage& shortage) {
    const catalog::Unit& unit = shortage.limit.unit;
    return unit == catalog::LimitUnit::usd || unit == catalog::LimitUnit::tokens ||
           unit == catalog::LimitUnit::input_tokens;
  });
}

std::optional<std::int64_t> affordable_cap(const meter::Request& request, const meter::PricedModel& price,
                                           const quota::Shortage& shortage) {
  const auto output = affordable_output(request, price, shortage);
  return output ? std::optional(*output / request.choices) : std::nullopt;
}

std::optional<std::int64_t> affordable_cap(const meter::Request& request, const meter::PricedModel& price,
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
