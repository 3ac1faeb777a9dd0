#pragma once
// The monthly fee of an account (catalog/account.h): which orders of it are due. Pure, as order.h: a store asks, posts
// what decide() says, and notes how far it is.

#include <optional>
#include <vector>

#include "base/window.h"
#include "catalog/account.h"
#include "ledger/order.h"

namespace ledger {

// The fee of one billing period.
struct DueFee {
  base::WindowLabel period;  // the local date on which it begins
  Order order;               // its id follows from the account and the period, so that it is never posted twice
};

// One for each billing period that began after the fee was set, by `now`, and after the period `through`, which is the
// last that was posted; the oldest first. A period that nobody was there to post is among them.
std::vector<DueFee> due_fees(const catalog::Account& account, std::optional<base::WindowLabel> through,
                             base::WallTime now);

}  // namespace ledger
