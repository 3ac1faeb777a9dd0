// data/model_prices.json as it stands, put into the binary by the assembler, as data/prices.json is
// (built_in_prices.cpp). The zeros behind it are what simdjson may read beyond its end.
#include <simdjson.h>

#include "meter/price_table.h"

// clang-format off
asm(R"(
  .section .rodata
  .global metergate_model_prices_json
  .global metergate_model_prices_json_end
metergate_model_prices_json:
  .incbin ")" METERGATE_MODEL_PRICES_JSON R"("
metergate_model_prices_json_end:
  .zero 64
  .previous
)");
// clang-format on

extern "C" {
extern const char metergate_model_prices_json[];
extern const char metergate_model_prices_json_end[];
}

namespace meter {

base::Result<PriceTable> PriceTable::built_in() {
  static_assert(simdjson::SIMDJSON_PADDING <= 64);
  return read({metergate_model_prices_json, metergate_model_prices_json_end}, Text::checked);
}

}  // namespace meter
