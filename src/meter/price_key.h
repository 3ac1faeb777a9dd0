#pragma once
// The names of prices in a price book, as small numbers: what a price is for, above which size of the input, and how
// the call is served. They are text only where a book is read and where a bill is shown.

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace meter {

// What LiteLLM's table calls them.
enum class PriceName : std::uint8_t {
  input_cost_per_token,
  output_cost_per_token,
  cache_read_input_token_cost,
  cache_creation_input_token_cost,
  cache_creation_input_token_cost_above_1hr,
  cache_read_input_audio_token_cost,
  input_cost_per_token_cache_hit,
  output_cost_per_reasoning_token,
  input_cost_per_audio_token,
  output_cost_per_audio_token,
  input_cost_per_image_token,
  output_cost_per_image_token,
  output_cost_per_video_token,
  input_cost_per_request,
  input_cost_per_character,
  input_cost_per_second,
  output_cost_per_second,
  input_cost_per_audio_per_second,
  input_cost_per_video_per_second,
  output_cost_per_video_per_second,
  input_cost_per_image,
  output_cost_per_image,
  input_cost_per_pixel,
  output_cost_per_pixel,
  input_cost_per_query,
  ocr_cost_per_page,
  annotation_cost_per_page,
  ocr_cost_per_credit,
  citation_cost_per_token,
  file_search_cost_per_1k_calls,
  code_interpreter_cost_per_session,
  // Members of search_context_cost_per_query.
  search_context_size_low,
  search_context_size_medium,
  search_context_size_high,
  // No field of a book: a search that its row does not price (bill.cpp).
  web_search_without_a_price,
};

// What a name ends with: how the call was served, or in which resolution a video was made.
enum class PriceFor : std::uint8_t { ordinary, flex, priority, batches, p480, p720, p1080, p2160 };

class PriceKey {
 public:
  // `above_thousands`: the price is for inputs of more than so many thousand tokens; 0: for all. At most above_max.
  constexpr PriceKey(PriceName name,  // NOLINT(google-explicit-constructor): a bare name is the ordinary price
                     std::uint32_t above_thousands = 0, PriceFor served = PriceFor::ordinary)
      : bits_(static_cast<std::uint32_t>(name) << name_shift | above_thousands << above_shift |
              static_cast<std::uint32_t>(served)) {}
  // A field of a row, such as "input_cost_per_token_above_200k_tokens_priority". nullopt: nothing is billed by it.
  static std::optional<PriceKey> parse(std::string_view field);

  static constexpr std::uint32_t above_max = (1U << 20) - 1;

  constexpr PriceName name() const { return static_cast<PriceName>(bits_ >> name_shift); }
  constexpr std::uint32_t above_thousands() const { return bits_ >> above_shift & above_max; }
  constexpr PriceFor served() const { return static_cast<PriceFor>(bits_ & 0xF); }
  // The field; of the price for a search, "search_context_cost_per_query.search_context_size_low".
  std::string text() const;

  // By name, then by size.
  constexpr auto operator<=>(const PriceKey&) const = default;

 private:
  static constexpr unsigned above_shift = 4;
  static constexpr unsigned name_shift = 24;
  std::uint32_t bits_;
};

// "1080p" gives p1080; ordinary for one that no price is known for.
PriceFor resolution_from(std::string_view name) noexcept;

}  // namespace meter
