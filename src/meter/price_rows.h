#pragma once

#include <simdjson.h>

#include <string>

#include "meter/price_table.h"

namespace meter {

// Reads the row of one model of a price book. The error names the model and the field.
base::Result<PricedModel> read_price_row(std::string name, simdjson::ondemand::value row);

}  // namespace meter
