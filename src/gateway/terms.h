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
// name. Needs call.asked and call.request.
std::string write_terms(const meter::BilledCall& call);

// The bill by terms that were written. Exact as bill_exchange is; unavailable: they cannot be read.
base::Result<meter::ExchangeBill> bill_by_terms(std::string_view terms, const meter::Reply& reply,
                                                const meter::Usage& usage);

}  // namespace gateway
