#include "meter/exchange_bill.h"

#include <algorithm>
#include <utility>

#include "meter/bill.h"
#include "meter/book_provider.h"
#include "meter/model_name.h"
#include "meter/worst_cost.h"

namespace meter {
namespace {

using base::Money;

Money sum_of(Money a, Money b) { return a > Money::max() - b ? Money::max() : a + b; }

std::int64_t count_of(const std::optional<std::int64_t>& count) { return count.value_or(0); }

// A provider that names one of input and output and is silent about the other leaves it open; but where no text comes
// back, there is no output.
bool lacks_tokens(const BilledCall& call, const Usage& usage) {
  const bool no_text = call.request != nullptr && call.request->output_cap == 0;
  return usage.input_tokens ? !usage.output_tokens && !no_text : usage.output_tokens.has_value();
}

// Whether the prices of the row leave open which of them hold.
bool leaves_open(const BilledCall& call, const PricedModel& row, const Usage& usage, const Service& service) {
  const auto has = [&row](PriceKey key) { return row.prices.contains(key); };
  // A tier that the row does not price, or that nobody knows.
  if (service.tier == ServiceTier::priority && !has({PriceName::input_cost_per_token, 0, PriceFor::priority}))
    return true;
  // How much was audio, which costs many times what text does.
  const bool may_be_audio = call.request != nullptr && call.request->audio && call.request->audio_seconds == 0;
  return may_be_audio && ((has(PriceName::input_cost_per_audio_token) && !usage.audio_input_tokens) ||
                          (has(PriceName::output_cost_per_audio_token) && !usage.audio_output_tokens));
}

// Some models of OpenAI search for every answer, and their replies do not count it.
void add_searches(const BilledCall& call, const Reply& reply, Usage& usage) {
  const std::string_view asked = call.request == nullptr ? std::string_view() : call.request->model;
  if (call.provider == "openai" && always_searches(reply.model.empty() ? asked : reply.model) &&
      !usage.web_search_calls)
    usage.web_search_calls = 1;
}

// What the provider's documents call free: no row has a price for it.
bool is_free(const BilledCall& call) {
  if (call.request == nullptr || call.request->billing == Billing::metered) return false;
  if (call.request->billing == Billing::free) return true;
  return call.asked != nullptr && !call.asked->has_a_price() &&
         call.asked->prices.contains(PriceName::input_cost_per_token);
}

// Tokens alone, by what is known of them.
Usage tokens_of(const Usage& usage) {
  return {.input_tokens = std::max<std::int64_t>(count_of(usage.input_tokens), 0),
          .output_tokens = std::max<std::int64_t>(count_of(usage.output_tokens), 0),
          .cached_input_tokens = usage.cached_input_tokens,
          .reasoning_tokens = usage.reasoning_tokens,
          .cache_write_tokens = usage.cache_write_tokens};
}

struct RowBill {
  std::optional<Bill> bill;  // nullopt: something has no price
  bool certain = false;
};

RowBill bill_by(const BilledCall& call, const PricedModel* row, const Usage& usage, const Service& service) {
  if (row == nullptr) return {};
  Quantities used{.usage = usage};
  used.usage.provider_cost.reset();
  auto bill = meter::bill(*row, used, service);
  if (!bill) return {};
  return {std::move(*bill), !leaves_open(call, *row, usage, service)};
}

Service service_of(const BilledCall& call, const Reply& reply) {
  return service_of(reply, call.request == nullptr ? Service() : service_of(*call.request));
}

const PricedModel* row_named(const BilledCall& call, const std::string& model, const Service& service) {
  return model.empty() ? nullptr : row_of(call.book, call.at, book_provider(call.provider), model, service);
}

// Of the model that the reply names, if it has a price, else of the one that was asked for.
RowBill bill_own_model(const BilledCall& call, const Reply& reply, const Usage& used, const Service& service) {
  RowBill own = bill_by(call, row_named(call, reply.model, service), used, service);
  if (!own.bill) own = bill_by(call, call.asked, used, service);
  return own;
}

std::optional<Money> cost_of(const RowBill& by_row) {
  return by_row.bill ? std::optional(by_row.bill->cost) : std::nullopt;
}

}  // namespace

Service service_of(const Reply& reply, Service asked) {
  if (reply.service_tier) asked.tier = service_tier_from(*reply.service_tier);
  const std::string_view traffic = reply.traffic_type ? std::string_view(*reply.traffic_type) : std::string_view();
  if (traffic.ends_with("flex") || traffic.ends_with("FLEX")) asked.tier = ServiceTier::flex;
  if (traffic.ends_with("priority") || traffic.ends_with("PRIORITY")) asked.tier = ServiceTier::priority;
  if (reply.inference_geo) asked.inference_geo = *reply.inference_geo == "us" ? "us" : "";
  if (reply.speed) asked.speed = *reply.speed == "fast" ? "fast" : "";
  return asked;
}

std::optional<Bill> bill_lines(const BilledCall& call, const Reply& reply, const Usage& usage) {
  Usage used = usage;
  add_searches(call, reply, used);
  return bill_own_model(call, reply, used, service_of(call, reply)).bill;
}

ExchangeBill bill_exchange(const BilledCall& call, const Reply& reply, const Usage& usage) {
  if (usage.provider_cost && call.stated == StatedCost::trusted)
    return {.cost = *usage.provider_cost, .priced = true, .certain = true};
  if (is_free(call)) return {.cost = Money::zero(), .priced = true, .certain = true};
  Usage used = usage;
  add_searches(call, reply, used);
  const Service service = service_of(call, reply);
  const RowBill own = bill_own_model(call, reply, used, service);
  ExchangeBill out{.cost = cost_of(own).value_or(Money::zero()),
                   .priced = own.bill && reply.names_usage && reply.unknown_field_count == 0,
                   .certain = own.certain && !lacks_tokens(call, used)};
  if (!own.bill) out.cost = cost_of(bill_by(call, call.asked, tokens_of(used), service)).value_or(Money::zero());
  for (const OtherModelUsage& other : reply.other_models) {
    const auto cost = cost_of(bill_by(call, row_named(call, other.model, service), other.usage, service));
    out.priced = out.priced && cost;
    out.cost = sum_of(out.cost, cost.value_or(Money::zero()));
  }
  out.certain = out.certain && out.priced;
  return out;
}

}  // namespace meter
