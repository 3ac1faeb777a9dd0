#pragma once
// What the bill of a call needs whose usage comes later, perhaps when the gateway has started anew with other prices:
// its row of the price book as it stands when the call is admitted, and what of the request decides about prices. It is
// kept as text with the work (quota/deferred.h).

#include <string>
#include <string_view>

#include "base/result.h"
#include "meter/exchange_bill.h"

namespace gateway {

// Rows are written with the prices that hold for `call`: its own, and those of its dated snapshots, which a reply may
// name. `url`: of the lines of a batch. Needs call.asked and call.request.
std::string write_terms(const meter::BilledCall& call, std::string_view url = {});

// Terms as they were written.
struct Terms {
  std::string provider;
  std::string asked;  // the row's name
  bool trusts_stated_cost = false;
  meter::Request request;
  std::string url;
  meter::PriceBook book;

  // The bill by them, exact as bill_exchange is.
  meter::ExchangeBill bill(const meter::Reply& reply, const meter::Usage& usage) const;
  // Whether so much input in one call may cost another price than in several.
  bool prices_by_size(std::int64_t input_tokens) const;
};

// unavailable: they cannot be read.
base::Result<Terms> read_terms(std::string_view text);

}  // namespace gateway
