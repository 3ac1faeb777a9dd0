#pragma once

#include <boost/json/object.hpp>

#include "meter/price_book.h"

namespace gateway {

// A row as a price book has it (meter/price_book.h), without its successors: what reads it as a book's row has the same
// prices.
boost::json::object price_row_json(const meter::PricedModel& row);

}  // namespace gateway
