// The rank tables, put into the binary by the assembler as read-only data: no page of them is in memory before the
// first text is counted. METERGATE_RANKS_… are the paths of what cmake/ranks.cmake makes.
#include "base/assert.h"
#include "tokens/encoding.h"

// clang-format off
asm(R"(
  .section .rodata
  .balign 64
  .global metergate_ranks_o200k
metergate_ranks_o200k:
  .incbin ")" METERGATE_RANKS_O200K R"("
  .balign 64
  .global metergate_ranks_cl100k
metergate_ranks_cl100k:
  .incbin ")" METERGATE_RANKS_CL100K R"("
  .byte 0
  .previous
)");
// clang-format on

extern "C" {
extern const std::uint32_t metergate_ranks_o200k[];
extern const std::uint32_t metergate_ranks_cl100k[];
}

namespace tokens {

const RankTable& ranks_of(Encoding encoding) {
  static const RankTable o200k(metergate_ranks_o200k);
  static const RankTable cl100k(metergate_ranks_cl100k);
  switch (encoding) {
    case Encoding::o200k_base: return o200k;
    case Encoding::cl100k_base: return cl100k;
  }
  ASSERT(false);
}

}  // namespace tokens
