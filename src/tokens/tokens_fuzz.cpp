// Whatever the bytes are: ids concatenate to the input, a count is how many they are, and work grows with the input.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "tokens/tokenizer.h"

namespace {

void check(tokens::Tokenizer& tokenizer, tokens::Encoding encoding, std::string_view text) {
  const auto before = tokenizer.work();
  std::vector<tokens::TokenId> ids;
  tokenizer.encode(text, ids);
  const auto after = tokenizer.work();
  const auto bytes = static_cast<std::int64_t>(text.size());
  ASSERT(after.scanned_bytes - before.scanned_bytes <= 4 * bytes);
  ASSERT(after.merging.queued - before.merging.queued <= 3 * bytes);

  std::string joined;
  for (const tokens::TokenId id : ids) joined += tokens::ranks_of(encoding).bytes_of(id);
  ASSERT(joined == text);
  ASSERT(tokenizer.count(text) == static_cast<std::int64_t>(ids.size()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Kept from input to input, as a gateway keeps them: nothing of one text may show in the next.
  static tokens::Tokenizer o200k(tokens::Encoding::o200k_base);
  static tokens::Tokenizer cl100k(tokens::Encoding::cl100k_base);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check(o200k, tokens::Encoding::o200k_base, text);
  check(cl100k, tokens::Encoding::cl100k_base, text);
  return 0;
}
