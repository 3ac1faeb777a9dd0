#pragma once
// What an exchange cost, by its reply: which model's prices, at which service, and what of them is certain. The gateway
// settles by it, and `metergate meter` prints it.

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/money.h"
#include "meter/bill.h"
#include "meter/price_book.h"
#include "meter/reply.h"
#include "meter/request.h"

namespace meter {

// Whether a cost that the provider states is what it bills.
enum class StatedCost : std::uint8_t { ignored, trusted };

// An exchange's side of the bill that its reply does not tell. What it points to outlives the call.
struct BilledCall {
  const PriceBook& book;
  base::WallTime at;                   // when it started: the prices of that moment hold
  std::string_view provider;           // as endpoints and upstreams name it
  const PricedModel* asked = nullptr;  // the row of the model that was asked for; nullptr: it has none
  const Request* request = nullptr;    // what was asked for; nullptr: it is not known
  StatedCost stated = StatedCost::ignored;
};

struct ExchangeBill {
  base::Money cost;      // of what has a price; Money::max() for what money does not hold
  bool priced = false;   // all that was used has a price, and is understood
  bool certain = false;  // it is priced, and the reply leaves nothing open; else the cost is at least this
};

// How a call was served that asked for `asked`, as far as the reply says.
Service service_of(const Reply& reply, Service asked);

// `usage` is what the reply says, or what of it can be counted. Each model's tokens cost its own prices: those of the
// model that the reply names, if it has some, else those of the one that was asked for.
ExchangeBill bill_exchange(const BilledCall& call, const Reply& reply, const Usage& usage);

// The lines by which bill_exchange prices the tokens of the reply's own model; nullopt: something has no price. A cost
// that the provider states is left aside.
std::optional<Bill> bill_lines(const BilledCall& call, const Reply& reply, const Usage& usage);

}  // namespace meter
