// Whatever the bytes are: ids concatenate to the input, a count is how many they are, and work grows with the input.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "tokens/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const tokens::Encoding encoding : tokens::encodings) {
    tokens::Tokenizer tokenizer(encoding);
    std::vector<tokens::TokenId> ids;
    tokenizer.encode(text, ids);
    const auto work = tokenizer.work();
    ASSERT(work.scanned_bytes <= 4 * static_cast<std::int64_t>(size));
    ASSERT(work.merging.queued <= 3 * static_cast<std::int64_t>(size));

    std::string bytes;
    for (const tokens::TokenId id : ids) bytes += tokens::ranks_of(encoding).bytes_of(id);
    ASSERT(bytes == text);
    ASSERT(tokenizer.count(text) == static_cast<std::int64_t>(ids.size()));
  }
  return 0;
}
