#pragma once
// What a request can cost at most by the price book: nothing that bill() can make of its usage is more.

#include <cstdint>

#include "base/money.h"
#include "base/result.h"
#include "meter/price_book.h"
#include "meter/request.h"

namespace meter {

// How a request asks to be served, for row_of.
Service service_of(const Request& request);

// What the provider can count as input at most, in tokens: input_bound, or the model's whole context as often as it may
// be read: what does not fit into it is refused by the provider. unknown_price where the context is not known.
base::Result<std::int64_t> most_input(const PricedModel& model, const Request& request);
// The output of all choices together, in tokens: as the request caps it, else the model's maximum. unknown_price where
// that is not known, unless it is of words that speech becomes and that cost nothing. A request has this once for each
// time that the model reads its context (worst_cost does that).
base::Result<std::int64_t> most_output(const PricedModel& model, const Request& request);
// That output as often as the model may read its context.
std::int64_t output_of_all_passes(const Request& request, std::int64_t output);

// The most that a request can cost whose answers together are `output` tokens at most (0 or more): every token at the
// dearest price of a class that it may be of (written to a cache, read from one, audio, an image, reasoning), at the
// dearest of the sizes and tiers that it may be billed by, and everything that is billed beside tokens; exact, rounded
// up once. Where a call may be billed by one unit or by another, the dearer counts. Money::max() for what money does
// not hold. unknown_price: something that the request may use has no price in the row. The tier is what was asked for:
// one without prices of its own is refused for priority, and costs what standard does for flex.
base::Result<base::Money> worst_cost(const PricedModel& model, const Request& request, std::int64_t output);
// The largest output whose worst_cost is at most `money`; -1 if no answer at all is too dear.
base::Result<std::int64_t> affordable_output(const PricedModel& model, const Request& request, base::Money money);

}  // namespace meter
