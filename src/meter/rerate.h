#pragma once
// What a call that was recorded would have cost by another book. A record keeps what was used, and not all of how the
// call was served; what it does not say is told from what was booked, or it stays open. Nothing is guessed.

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/money.h"
#include "meter/bill.h"
#include "meter/price_book.h"
#include "meter/usage.h"

namespace meter {

// A usage record, as far as it decides a cost. What it points to outlives the call.
struct RecordedCall {
  base::WallTime started;
  std::string_view provider;      // as upstreams name it
  std::string_view model;         // asked for
  std::string_view served_model;  // named by the reply; empty if it names none
  const Usage& usage;
  base::Money booked;
};

enum class RerateGap : std::uint8_t {
  none,            // least and most are the cost
  no_price,        // the book does not price the model, or something of what was used
  service_tier,    // the cost lies between least and most, by a tier, speed or place of service that is not recorded
  image_size,      // images cost by a size that is not recorded
  not_its_prices,  // what was booked is not what its own book makes of the record, at any tier
};

struct Rerated {
  RerateGap gap = RerateGap::none;
  // By the book; of no_price, image_size and not_its_prices, zero.
  base::Money least = {};
  base::Money most = {};

  bool operator==(const Rerated&) const = default;
};

// By `book`, at the prices of the call's start. `booked_by`: the book that it was booked by; nullptr: it is not at
// hand, and what was booked tells nothing. A cost that the provider stated, and that was booked, is the cost by any
// book.
Rerated rerate(const RecordedCall& call, const PriceBook& book, const PriceBook* booked_by);

// What was booked, line by line.
struct Itemized {
  // none: the lines, and their sum is what was booked. not_its_prices: no way to serve the call comes to that. Of
  // service_tier several ways do, with different lines.
  RerateGap gap = RerateGap::none;
  Bill bill = {};  // of none
};
// By the book that it was booked by. Its lines point into the book.
Itemized itemize(const RecordedCall& call, const PriceBook& booked_by);

}  // namespace meter
