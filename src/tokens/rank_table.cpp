#include "tokens/rank_table.h"

#include "base/assert.h"

namespace tokens {

RankTable::RankTable(const std::uint32_t* words)
    : count_(words[1]),
      longest_(words[3]),
      mask_((std::uint64_t{1} << words[2]) - 1),
      starts_(words + header_words),
      pairs_(starts_ + count_ + 1),
      slots_(pairs_ + byte_pairs),
      bytes_(reinterpret_cast<const char*>(slots_ + mask_ + 1)) {
  ASSERT(words[0] == rank_table_format);  // the file is made by the same build
}

}  // namespace tokens
