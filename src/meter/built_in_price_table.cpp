// data/model_prices.json as it stands, put into the binary by the assembler, as data/prices.json is
// (built_in_prices.cpp). Only `metergate prices` reads it; else no page of it is in memory.
#include "meter/price_table.h"

// clang-format off
asm(R"(
  .section .rodata
  .global metergate_model_prices_json
  .global metergate_model_prices_json_end
metergate_model_prices_json:
  .incbin ")" METERGATE_MODEL_PRICES_JSON R"("
metergate_model_prices_json_end:
  .byte 0
  .previous
)");
// clang-format on

extern "C" {
extern const char metergate_model_prices_json[];
extern const char metergate_model_prices_json_end[];
}

namespace meter {

base::Result<PriceTable> PriceTable::built_in() {
  return parse({metergate_model_prices_json, metergate_model_prices_json_end});
}

}  // namespace meter
