// data/prices.json as it stands, put into the binary by the assembler: METERGATE_PRICES_JSON is its path, and
// cmake/embed.cmake makes a change of it rebuild this file.
#include "base/assert.h"
#include "meter/price_book.h"

// clang-format off
asm(R"(
  .section .rodata
  .global metergate_prices_json
  .global metergate_prices_json_end
metergate_prices_json:
  .incbin ")" METERGATE_PRICES_JSON R"("
metergate_prices_json_end:
  .byte 0
  .previous
)");
// clang-format on

extern "C" {
extern const char metergate_prices_json[];
extern const char metergate_prices_json_end[];
}

namespace meter {

const PriceBook& PriceBook::built_in() {
  static const PriceBook book = [] {
    auto parsed = parse({metergate_prices_json, metergate_prices_json_end});
    ASSERT(parsed.has_value());  // the file is ours and a test reads it
    return std::move(*parsed);
  }();
  return book;
}

}  // namespace meter
