#include "meter/input_count.h"

#include <algorithm>
#include <optional>

#include "meter/model_family.h"
#include "meter/request_reader.h"
#include "meter/tool_text.h"
#include "tokens/tokenizer.h"

namespace meter {
namespace {

namespace dom = simdjson::dom;

std::int64_t above(std::int64_t value, std::int64_t divisor) { return (value + divisor - 1) / divisor; }
std::int64_t percent_of(std::int64_t tokens, std::int64_t percent) { return above(tokens * percent, 100); }

// A thread's own: it keeps what it has merged. The ranks are mapped when the first is made.
tokens::Tokenizer& tokenizer_of(tokens::Encoding encoding) {
  if (encoding == tokens::Encoding::cl100k_base) {
    thread_local tokens::Tokenizer cl100k(tokens::Encoding::cl100k_base);
    return cl100k;
  }
  thread_local tokens::Tokenizer o200k(tokens::Encoding::o200k_base);
  return o200k;
}

// Scaled into a square of 2,048, then to a short side of 768, and cut into squares of 512 (metering.md 3.4).
std::int64_t tiles_of(ImageSize size) {
  constexpr std::int64_t square = 2048;
  constexpr std::int64_t short_side = 768;
  constexpr std::int64_t tile = 512;
  const std::int64_t longest = std::max(size.width, size.height);
  if (longest > square) {
    size.width = above(size.width * square, longest);
    size.height = above(size.height * square, longest);
  }
  const std::int64_t shortest = std::min(size.width, size.height);
  if (shortest > short_side) {
    size.width = above(size.width * short_side, shortest);
    size.height = above(size.height * short_side, shortest);
  }
  return above(size.width, tile) * above(size.height, tile);
}

std::int64_t patches_of(ImageSize size) {
  constexpr std::int64_t patch = 32;
  constexpr std::int64_t most = 1536;
  return std::min(above(size.width, patch) * above(size.height, patch), most);
}

// Tiles of 258 tokens: of an image with a side above 384, squares of two thirds of its short side, but 256 to 768
// (Google's documentation, "Image tokenization"). Gemini 3 counts by resolution, 2,240 at most.
std::int64_t gemini_tokens(ImageSize size) {
  constexpr std::int64_t tile_tokens = 258;
  constexpr std::int64_t most_of_gemini_3 = 2240;
  if (size.width <= 384 && size.height <= 384) return most_of_gemini_3;
  const std::int64_t side = std::clamp<std::int64_t>(std::min(size.width, size.height) * 2 / 3, 256, 768);
  return std::max(above(size.width, side) * above(size.height, side) * tile_tokens, most_of_gemini_3);
}

std::int64_t image_tokens(const ModelFamily& family, const ImageInput& image, Dialect dialect) {
  constexpr std::int64_t most_tiles = 8;
  constexpr std::int64_t most_patches = 1536;
  // The same image costs 230 more in responses than in chat.
  const std::int64_t more = dialect == Dialect::responses ? 240 : 0;
  switch (family.images) {
    case ImageRule::tiles:
      if (image.low_detail) return family.image_tokens + more;
      return family.image_tokens + more + family.tile_tokens * (image.size ? tiles_of(*image.size) : most_tiles);
    case ImageRule::patches:
      return above((image.size ? patches_of(*image.size) : most_patches) * family.tile_tokens, 1000) + 1 + more;
    case ImageRule::claude:
    case ImageRule::new_claude: {
      // A token for 750 pixels, after a reduction to 1.15 megapixels; 4,784 tokens at most from 4.7 on.
      const std::int64_t most = family.images == ImageRule::claude ? 1640 : 5000;
      return image.size ? std::min(most, image.size->width * image.size->height / 750 + 64) : most;
    }
    case ImageRule::gemini: return image.size ? gemini_tokens(*image.size) : image_bound_tokens;
    case ImageRule::nova: return image.size ? image.size->width * image.size->height / 500 + 450 : image_bound_tokens;
    case ImageRule::unknown: return image_bound_tokens;
  }
  return image_bound_tokens;
}

class Counter {
 public:
  Counter(const ModelFamily& family, Dialect dialect)
      : family_(family), dialect_(dialect), tokenizer_(tokenizer_of(family.encoding)) {}

  std::int64_t count(const InputText& input) {
    std::int64_t text = 0;
    for (const std::string_view one : input.texts) text += tokenizer_.count(one);
    text = percent_of(text, family_.percent) + input.more_tokens;
    // There is no frame around what is no message; and nothing is counted as one token.
    if (input.counts_only_texts) return std::max(text, input.messages) + (family_.exact ? 0 : 2 + 2 * input.messages);
    std::int64_t all = text + family_.frame + input.messages * family_.per_message + input.calls * family_.per_call +
                       percent_of(input.scalars, family_.exact ? 100 : family_.percent);
    if (dialect_ == Dialect::responses) all += family_.responses_frame;
    if (input.thinking) all += family_.thinking;
    for (const ImageInput& image : input.images) all += image_tokens(family_, image, dialect_);
    if (!input.tools.empty()) all += tools(input);
    for (const dom::element schema : input.schemas)
      all += schema_frame() + percent_of(json_tokens(schema), family_.schema_percent);
    return all;
  }

 private:
  // In OpenAI's language, other makers' models are shown a schema as a tool.
  std::int64_t schema_frame() const {
    return dialect_ == Dialect::chat ? std::max(family_.schema, family_.tools) : family_.schema;
  }
  std::int64_t json_tokens(dom::element value) { return tokenizer_.count(simdjson::to_string(value)); }

  // The frame of OpenAI's rendering, measured at 9 more than its text; tools of another kind and references within a
  // schema are shown in ways that are not known.
  std::int64_t tools(const InputText& input) {
    constexpr std::int64_t openai_frame = 9;
    constexpr std::int64_t openai_per_tool = 2;
    constexpr std::int64_t unknown_kind = 60;
    std::int64_t all = dialect_ == Dialect::chat || !family_.exact ? family_.tools : 0;
    std::string rendered = "namespace functions {\n\n";
    for (const dom::element tool : input.tools) {
      const std::string json = simdjson::to_string(tool);
      const bool refers = json.find("\"$ref\"") != std::string::npos;
      const bool function = json.find("\"type\":\"custom\"") == std::string::npos;
      if (family_.exact && function && !refers) {
        write_tool(tool, rendered);
        all += openai_per_tool;
      } else {
        const std::int64_t percent = refers && !family_.exact ? 2 * family_.tools_percent : family_.tools_percent;
        all += percent_of(tokenizer_.count(json), percent) + (family_.exact && !function ? unknown_kind : 0);
      }
    }
    if (!family_.exact) return all;
    rendered += "} // namespace functions";
    return all + tokenizer_.count(rendered) + openai_frame;
  }

  const ModelFamily& family_;
  Dialect dialect_;
  tokens::Tokenizer& tokenizer_;
};

}  // namespace

std::int64_t count_input(const InputText& input, std::string_view model, Dialect dialect) {
  constexpr std::size_t most_counted_bytes = 512 * 1024;
  std::size_t bytes = 0;
  for (const std::string_view text : input.texts) bytes += text.size();
  if (bytes > most_counted_bytes) return INT64_MAX;
  const ModelFamily* const family = family_of(model);
  return family == nullptr ? INT64_MAX : Counter(*family, dialect).count(input) * input.copies;
}

}  // namespace meter
