#include "tokens/tokenizer.h"

#include "base/assert.h"
#include "tokens/splitter.h"

namespace tokens {

std::string_view to_string(Encoding encoding) noexcept {
  switch (encoding) {
    case Encoding::o200k_base: return "o200k_base";
    case Encoding::cl100k_base: return "cl100k_base";
  }
  return "";
}

std::optional<Encoding> encoding_named(std::string_view name) noexcept {
  for (const Encoding encoding : encodings)
    if (name == to_string(encoding)) return encoding;
  return std::nullopt;
}

template <class Sink>
void Tokenizer::each_token(std::string_view text, Sink sink) {
  ASSERT(text.size() <= longest_text);
  const auto next_piece = encoding_ == Encoding::o200k_base ? next_piece_o200k : next_piece_cl100k;
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); at < end;) {
    const Piece piece = next_piece(at, end);
    scanned_bytes_ += piece.seen - at;
    const auto size = static_cast<std::size_t>(piece.end - at);
    // Most pieces are one token.
    if (const TokenId whole = ranks_.find(at, size); whole != no_token)
      sink(std::span(&whole, 1));
    else
      sink(merger_.merge({at, size}));
    at = piece.end;
  }
}

std::int64_t Tokenizer::count(std::string_view text) {
  std::int64_t count = 0;
  each_token(text, [&count](std::span<const TokenId> ids) { count += static_cast<std::int64_t>(ids.size()); });
  return count;
}

void Tokenizer::encode(std::string_view text, std::vector<TokenId>& out) {
  each_token(text, [&out](std::span<const TokenId> ids) { out.insert(out.end(), ids.begin(), ids.end()); });
}

}  // namespace tokens
