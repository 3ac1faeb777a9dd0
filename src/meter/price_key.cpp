#include "meter/price_key.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace meter {
namespace {

using enum PriceName;

constexpr std::string_view search_field = "search_context_cost_per_query.";
constexpr std::string_view above = "_above_";
constexpr std::string_view above_end = "k_tokens";

constexpr auto names = std::to_array<std::pair<PriceName, std::string_view>>({
    {input_cost_per_token, "input_cost_per_token"},
    {output_cost_per_token, "output_cost_per_token"},
    {cache_read_input_token_cost, "cache_read_input_token_cost"},
    {cache_creation_input_token_cost, "cache_creation_input_token_cost"},
    {cache_creation_input_token_cost_above_1hr, "cache_creation_input_token_cost_above_1hr"},
    {cache_read_input_audio_token_cost, "cache_read_input_audio_token_cost"},
    {input_cost_per_token_cache_hit, "input_cost_per_token_cache_hit"},
    {output_cost_per_reasoning_token, "output_cost_per_reasoning_token"},
    {input_cost_per_audio_token, "input_cost_per_audio_token"},
    {output_cost_per_audio_token, "output_cost_per_audio_token"},
    {input_cost_per_image_token, "input_cost_per_image_token"},
    {output_cost_per_image_token, "output_cost_per_image_token"},
    {output_cost_per_video_token, "output_cost_per_video_token"},
    {input_cost_per_request, "input_cost_per_request"},
    {input_cost_per_character, "input_cost_per_character"},
    {input_cost_per_second, "input_cost_per_second"},
    {output_cost_per_second, "output_cost_per_second"},
    {input_cost_per_audio_per_second, "input_cost_per_audio_per_second"},
    {input_cost_per_video_per_second, "input_cost_per_video_per_second"},
    {output_cost_per_video_per_second, "output_cost_per_video_per_second"},
    {input_cost_per_image, "input_cost_per_image"},
    {output_cost_per_image, "output_cost_per_image"},
    {input_cost_per_pixel, "input_cost_per_pixel"},
    {output_cost_per_pixel, "output_cost_per_pixel"},
    {input_cost_per_query, "input_cost_per_query"},
    {ocr_cost_per_page, "ocr_cost_per_page"},
    {annotation_cost_per_page, "annotation_cost_per_page"},
    {ocr_cost_per_credit, "ocr_cost_per_credit"},
    {citation_cost_per_token, "citation_cost_per_token"},
    {file_search_cost_per_1k_calls, "file_search_cost_per_1k_calls"},
    {code_interpreter_cost_per_session, "code_interpreter_cost_per_session"},
    {search_context_size_low, "search_context_cost_per_query.search_context_size_low"},
    {search_context_size_medium, "search_context_cost_per_query.search_context_size_medium"},
    {search_context_size_high, "search_context_cost_per_query.search_context_size_high"},
    {web_search_without_a_price, "web search without a price of its own"},
});
constexpr bool in_order() {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (static_cast<std::size_t>(names[i].first) != i) return false;
  return names.back().first == web_search_without_a_price;
}
static_assert(in_order(), "each name stands at its own number");

constexpr auto endings = std::to_array<std::pair<PriceFor, std::string_view>>({{PriceFor::flex, "_flex"},
                                                                               {PriceFor::priority, "_priority"},
                                                                               {PriceFor::batches, "_batches"},
                                                                               {PriceFor::p480, "_480p"},
                                                                               {PriceFor::p720, "_720p"},
                                                                               {PriceFor::p1080, "_1080p"},
                                                                               {PriceFor::p2160, "_4k"}});

std::optional<PriceName> name_of(std::string_view text) {
  const auto found = std::ranges::find(names, text, [](const auto& name) { return name.second; });
  if (found == names.end() || found->first == web_search_without_a_price) return std::nullopt;
  return found->first;
}

bool is_by_the_second(PriceName name) {
  return name == output_cost_per_second || name == output_cost_per_video_per_second;
}

// Takes "_above_200k_tokens" off. 0: it does not end so, or not with a size that can be.
std::uint32_t take_above(std::string_view& text) {
  const auto at = text.rfind(above);
  if (at == std::string_view::npos || !text.ends_with(above_end)) return 0;
  std::uint32_t thousands = 0;
  const char* const begin = text.data() + at + above.size();
  const char* const end = text.data() + text.size() - above_end.size();
  if (begin >= end) return 0;
  const auto [stopped, error] = std::from_chars(begin, end, thousands);
  if (error != std::errc() || stopped != end || thousands > PriceKey::above_max) return 0;
  if (thousands > 0) text = text.substr(0, at);
  return thousands;
}

}  // namespace

std::optional<PriceKey> PriceKey::parse(std::string_view field) {
  if (const auto name = name_of(field)) return *name;
  if (field.starts_with(search_field)) return std::nullopt;
  PriceFor served = PriceFor::ordinary;
  for (const auto& [one, ending] : endings) {
    if (!field.ends_with(ending)) continue;
    served = one;
    field.remove_suffix(ending.size());
    break;
  }
  const std::uint32_t thousands = take_above(field);
  const auto name = name_of(field);
  if (!name || (served >= PriceFor::p480 && (!is_by_the_second(*name) || thousands > 0))) return std::nullopt;
  return PriceKey(*name, thousands, served);
}

std::string PriceKey::text() const {
  std::string out(names[static_cast<std::size_t>(name())].second);
  if (above_thousands() > 0) out += fmt::format("{}{}{}", above, above_thousands(), above_end);
  for (const auto& [one, ending] : endings)
    if (one == served()) out += ending;
  return out;
}

PriceFor resolution_from(std::string_view name) noexcept {
  for (const auto& [one, ending] : endings)
    if (one >= PriceFor::p480 && ending.substr(1) == name) return one;
  return PriceFor::ordinary;
}

}  // namespace meter
