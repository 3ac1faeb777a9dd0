// data/prices.json as it stands, put into the binary by the assembler: METERGATE_PRICES_JSON is its path, and
// cmake/embed.cmake makes a change of it rebuild this file. The zeros behind it are what simdjson may read beyond its
// end.
#include <simdjson.h>

#include "meter/price_book_reader.h"

// clang-format off
asm(R"(
  .section .rodata
  .global metergate_prices_json
  .global metergate_prices_json_end
metergate_prices_json:
  .incbin ")" METERGATE_PRICES_JSON R"("
metergate_prices_json_end:
  .zero 64
  .previous
)");
// clang-format on

extern "C" {
extern const char metergate_prices_json[];
extern const char metergate_prices_json_end[];
}

namespace meter {

std::string_view built_in_prices() noexcept {
  static_assert(simdjson::SIMDJSON_PADDING <= 64);
  return {metergate_prices_json, metergate_prices_json_end};
}

}  // namespace meter
