#include "meter/rerate.h"

#include <algorithm>
#include <string>

#include "meter/book_provider.h"
#include "meter/exchange_bill.h"
#include "meter/worst_cost.h"

namespace meter {
namespace {

using base::Money;

// How a gateway's calls can be served that have different prices.
template <class Use>
void for_each_service(Request request, const Use& use) {
  for (const ServiceTier tier : {ServiceTier::standard, ServiceTier::flex, ServiceTier::priority})
    for (const std::string_view speed : {"", "fast"})
      for (const std::string_view place : {"", "us"}) {
        request.tier = tier;
        request.speed = speed;
        request.inference_geo = place;
        use(request);
      }
}

BilledCall billed_by(const PriceBook& book, const RecordedCall& call, const Request& request) {
  return {.book = book,
          .at = call.started,
          .provider = call.provider,
          .asked = row_of(book, call.started, book_provider(call.provider), call.model, service_of(request)),
          .request = &request};
}

// As the gateway settles; nullopt: part of it has no price.
std::optional<Money> cost_by(const PriceBook& book, const RecordedCall& call, const Request& request,
                             const Reply& reply) {
  const ExchangeBill bill = bill_exchange(billed_by(book, call, request), reply, call.usage);
  return bill.priced ? std::optional(bill.cost) : std::nullopt;
}

Reply reply_of(const RecordedCall& call) {
  Reply reply;
  reply.model = call.served_model;
  reply.names_usage = true;
  return reply;
}

// "hd/1024-x-1024/dall-e-3"
bool has_prices_by_size(const PriceBook& book, std::string_view model) {
  return !model.empty() && std::ranges::any_of(book.models(), [model](const PricedModel& row) {
    return row.name.contains("-x-") && row.name.ends_with(model) && row.name.size() > model.size() &&
           row.name[row.name.size() - model.size() - 1] == '/';
  });
}

bool depends_on_size(const RecordedCall& call, const PriceBook& book) {
  return call.usage.images.value_or(0) > 0 &&
         (has_prices_by_size(book, call.model) || has_prices_by_size(book, call.served_model));
}

}  // namespace

Rerated rerate(const RecordedCall& call, const PriceBook& book, const PriceBook* booked_by) {
  if (call.usage.provider_cost && *call.usage.provider_cost == call.booked)
    return {.least = call.booked, .most = call.booked};
  if (depends_on_size(call, book) || (booked_by != nullptr && depends_on_size(call, *booked_by)))
    return {.gap = RerateGap::image_size};
  const Reply reply = reply_of(call);
  Request request;
  request.model = call.model;

  bool explained = false;
  bool unpriced = false;
  std::optional<Rerated> found;
  for_each_service(std::move(request), [&](const Request& served) {
    if (booked_by != nullptr && cost_by(*booked_by, call, served, reply) != call.booked) return;
    explained = true;
    const auto cost = cost_by(book, call, served, reply);
    unpriced = unpriced || !cost;
    if (!cost) return;
    if (!found) found = Rerated{.least = *cost, .most = *cost};
    found->least = std::min(found->least, *cost);
    found->most = std::max(found->most, *cost);
  });
  if (!explained) return {.gap = RerateGap::not_its_prices};
  if (unpriced || !found) return {.gap = RerateGap::no_price};
  if (found->least != found->most) found->gap = RerateGap::service_tier;
  return *found;
}

Itemized itemize(const RecordedCall& call, const PriceBook& booked_by) {
  if (depends_on_size(call, booked_by)) return {.gap = RerateGap::image_size};
  const Reply reply = reply_of(call);
  Request request;
  request.model = call.model;
  Itemized found{.gap = RerateGap::not_its_prices};
  for_each_service(std::move(request), [&](const Request& served) {
    const auto bill = bill_lines(billed_by(booked_by, call, served), reply, call.usage);
    if (!bill || bill->cost != call.booked || found.gap == RerateGap::service_tier) return;
    if (found.gap == RerateGap::none && *bill != found.bill) {
      found = {.gap = RerateGap::service_tier};
      return;
    }
    found = {.gap = RerateGap::none, .bill = *bill};
  });
  return found;
}

}  // namespace meter
