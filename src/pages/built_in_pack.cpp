#include "pages/pack.h"

#ifdef METERGATE_PAGES_PACK
// clang-format off
asm(R"(
  .section .rodata
  .balign 64
  .global metergate_pages_pack
  .global metergate_pages_pack_end
metergate_pages_pack:
  .incbin ")" METERGATE_PAGES_PACK R"("
metergate_pages_pack_end:
  .byte 0
  .previous
)");
// clang-format on

extern "C" {
extern const char metergate_pages_pack[];
extern const char metergate_pages_pack_end[];
}

namespace pages {

std::optional<std::string_view> built_in_pack() {
  return std::string_view(metergate_pages_pack, metergate_pages_pack_end);
}

}  // namespace pages

#else

namespace pages {

std::optional<std::string_view> built_in_pack() { return std::nullopt; }

}  // namespace pages

#endif
