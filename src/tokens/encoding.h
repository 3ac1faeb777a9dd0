#pragma once
// tokens: the exact tokens of a text in the encodings that are public, o200k_base and cl100k_base. Pure: text in, ids
// or their count out. It owns the rank tables, the rules by which text is cut into pieces and the merge of a piece's
// bytes; which model has which encoding, and what a message costs beside its text, is not known here.
//
// Always true: the bytes of the ids, one after another, are the text, whatever its bytes are; a special token's name is
// ordinary text; time and memory grow with the text, not with its square, whatever it repeats.
//
// The ranks are OpenAI's, published with tiktoken under the MIT licence (tools/rank_data).

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "tokens/rank_table.h"

namespace tokens {

enum class Encoding : std::uint8_t { o200k_base, cl100k_base };
inline constexpr std::array encodings{Encoding::o200k_base, Encoding::cl100k_base};

std::string_view to_string(Encoding encoding) noexcept;
std::optional<Encoding> encoding_named(std::string_view name) noexcept;

// Built into the binary. The first call for an encoding touches a page; the others are read as they are needed.
const RankTable& ranks_of(Encoding encoding);

}  // namespace tokens
