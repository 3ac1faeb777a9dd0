#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "meter/price_book.h"

namespace meter {

struct PriceBookContents {
  std::string version;  // empty: LiteLLM's table as it is, which has none
  std::vector<PricedModel> models;
};

// `checked`: it is known to be JSON.
enum class BookText : std::uint8_t { foreign, checked };

// Reads both forms of a price book. `padded` has simdjson::SIMDJSON_PADDING readable bytes behind it. The error names
// the model and the field.
base::Result<PriceBookContents> read_price_book(std::string_view padded, BookText text);

// data/prices.json, padded.
std::string_view built_in_prices() noexcept;

}  // namespace meter
