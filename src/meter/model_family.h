#pragma once

#include <cstdint>
#include <string_view>

#include "tokens/encoding.h"

namespace meter {

// How images are counted (metering.md 3.4, and the makers' pages).
enum class ImageRule : std::uint8_t { unknown, tiles, patches, claude, new_claude, gemini, nova };

// How a family of models counts its input: text in an encoding that is public, times a factor, and frames around it.
// The figures of makers without a public tokenizer are measured on recorded exchanges, and lie above all of them.
struct ModelFamily {
  tokens::Encoding encoding = tokens::Encoding::o200k_base;
  bool exact = false;                // the encoding is the model's own
  std::int64_t percent = 100;        // of the text's tokens
  std::int64_t per_message = 3;      // beside the tokens of its role and its content
  std::int64_t frame = 3;            // of the whole
  std::int64_t responses_frame = 0;  // of the whole, more in responses than in chat
  std::int64_t per_call = 9;         // of a tool, and of its answer
  std::int64_t tools = 0;            // what is said before tools
  std::int64_t tools_percent = 100;  // of the tokens of their JSON
  std::int64_t schema = 10;          // what is said before a schema
  std::int64_t schema_percent = 90;
  std::int64_t thinking = 0;  // what is said where the model is told to think
  ImageRule images = ImageRule::unknown;
  // Tiles: tokens of an image and of each tile in it; patches: thousandths of a token for each patch.
  std::int64_t image_tokens = 0;
  std::int64_t tile_tokens = 0;
};

// nullptr: nothing is known of how this model counts. The name may have a provider's, a region's or a maker's before
// it.
const ModelFamily* family_of(std::string_view model) noexcept;

}  // namespace meter
