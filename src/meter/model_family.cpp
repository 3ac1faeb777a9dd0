#include "meter/model_family.h"

#include <algorithm>
#include <array>
#include <string>

namespace meter {
namespace {

using tokens::Encoding;

constexpr ModelFamily gpt_4{.encoding = Encoding::cl100k_base, .exact = true};
constexpr ModelFamily gpt_4o{.exact = true, .images = ImageRule::tiles, .image_tokens = 85, .tile_tokens = 170};
constexpr ModelFamily gpt_4o_mini{.exact = true, .images = ImageRule::tiles, .image_tokens = 2833, .tile_tokens = 5667};
constexpr ModelFamily gpt_41_mini{.exact = true, .frame = 4, .images = ImageRule::patches, .tile_tokens = 1620};
constexpr ModelFamily gpt_41_nano{.exact = true, .images = ImageRule::patches, .tile_tokens = 2460};
// One token above the rule in one of 18 requests, else one below it.
constexpr ModelFamily o_series{
    .exact = true, .frame = 4, .images = ImageRule::tiles, .image_tokens = 75, .tile_tokens = 150};
constexpr ModelFamily o1_mini{.exact = true, .frame = 3 + 8};
constexpr ModelFamily o4_mini{.exact = true, .frame = 4, .images = ImageRule::patches, .tile_tokens = 1720};
// +74 to +85 before tools in chat/completions.
constexpr ModelFamily gpt_5{
    .exact = true, .frame = 4, .tools = 90, .images = ImageRule::tiles, .image_tokens = 70, .tile_tokens = 140};
constexpr ModelFamily gpt_5_mini{
    .exact = true, .frame = 4, .tools = 90, .images = ImageRule::patches, .tile_tokens = 1620};
constexpr ModelFamily gpt_5_nano{
    .exact = true, .frame = 4, .tools = 90, .images = ImageRule::patches, .tile_tokens = 2460};
constexpr ModelFamily newer_gpt_5{.exact = true, .frame = 4, .tools = 90};
constexpr ModelFamily gpt_oss{
    .percent = 110, .per_message = 6, .frame = 80, .per_call = 16, .tools = 110, .tools_percent = 150};
constexpr ModelFamily openai_embedding{.encoding = Encoding::cl100k_base, .exact = true};

// 3 to 4.6: 1.01 to 1.5 times, and 2.0 for a rare word over and over; 29 to 35 more where it thinks; 497 to 559 before
// tools.
constexpr ModelFamily claude{.percent = 215,
                             .per_message = 3,
                             .frame = 5,
                             .per_call = 36,
                             .tools = 620,
                             .tools_percent = 200,
                             .schema = 160,
                             .schema_percent = 130,
                             .thinking = 44,
                             .images = ImageRule::claude};
// From 4.7 on another tokenizer: 1.42 to 1.83 times.
constexpr ModelFamily new_claude{.percent = 260,
                                 .per_message = 3,
                                 .frame = 8,
                                 .per_call = 50,
                                 .tools = 1200,
                                 .tools_percent = 400,
                                 .schema = 320,
                                 .schema_percent = 260,
                                 .thinking = 60,
                                 .images = ImageRule::new_claude};
constexpr ModelFamily gemini{.percent = 125,
                             .per_message = 1,
                             .frame = 2,
                             .per_call = 8,
                             .tools = 24,
                             .tools_percent = 135,
                             .schema = 8,
                             .schema_percent = 20,
                             .images = ImageRule::gemini};
constexpr ModelFamily nova{.percent = 145,
                           .per_message = 2,
                           .frame = 2,
                           .per_call = 20,
                           .tools = 420,
                           .tools_percent = 150,
                           .schema_percent = 200,
                           .images = ImageRule::nova};
constexpr ModelFamily nova_2{.percent = 145,
                             .per_message = 2,
                             .frame = 2,
                             .per_call = 20,
                             .tools = 960,
                             .tools_percent = 150,
                             .schema_percent = 200,
                             .images = ImageRule::nova};
constexpr ModelFamily titan{.percent = 140, .per_message = 4, .frame = 24};
constexpr ModelFamily mistral{
    .percent = 150, .per_message = 3, .frame = 6, .per_call = 20, .tools = 24, .tools_percent = 140};
constexpr ModelFamily llama{.percent = 150,
                            .per_message = 6,
                            .frame = 46,
                            .per_call = 20,
                            .tools = 1200,
                            .tools_percent = 200,
                            .schema_percent = 200};
constexpr ModelFamily qwen{.percent = 150,
                           .per_message = 4,
                           .frame = 14,
                           .per_call = 20,
                           .tools = 320,
                           .tools_percent = 200,
                           .schema_percent = 200};
constexpr ModelFamily deepseek{.percent = 130,
                               .per_message = 3,
                               .frame = 4,
                               .responses_frame = 96,
                               .per_call = 24,
                               .tools = 850,
                               .tools_percent = 250,
                               .schema_percent = 200};
constexpr ModelFamily glm{.percent = 140,
                          .per_message = 4,
                          .frame = 10,
                          .per_call = 20,
                          .tools = 260,
                          .tools_percent = 200,
                          .schema_percent = 200};
constexpr ModelFamily kimi{.percent = 130,
                           .per_message = 8,
                           .frame = 20,
                           .per_call = 20,
                           .tools = 100,
                           .tools_percent = 200,
                           .schema_percent = 200};
constexpr ModelFamily palmyra{.percent = 150,
                              .per_message = 6,
                              .frame = 40,
                              .per_call = 20,
                              .tools = 200,
                              .tools_percent = 200,
                              .schema_percent = 200};
// Cohere bills the text, not the template around it (metering.md 1.3, trap 10).
constexpr ModelFamily command{.percent = 150,
                              .per_message = 3,
                              .frame = 4,
                              .per_call = 20,
                              .tools = 8,
                              .tools_percent = 100,
                              .schema_percent = 150};
constexpr ModelFamily embedding{.percent = 160, .per_message = 4, .frame = 4};

struct Named {
  std::string_view part;  // of a name in small letters
  const ModelFamily* family;
};
// The first whose part stands in the name, at its beginning or behind what is no letter and no digit.
constexpr std::array families{
    Named{"gpt-oss", &gpt_oss},
    Named{"text-embedding-3", &openai_embedding},
    Named{"text-embedding-ada", &openai_embedding},
    Named{"gemini-embedding", &gemini},
    Named{"embed", &embedding},
    Named{"voyage", &embedding},
    Named{"gpt-4o-mini", &gpt_4o_mini},
    Named{"gpt-4o", &gpt_4o},
    Named{"gpt-4.1-mini", &gpt_41_mini},
    Named{"gpt-4.1-nano", &gpt_41_nano},
    Named{"gpt-4.1", &gpt_4o},
    Named{"gpt-4.5", &gpt_4o},
    Named{"gpt-5-mini", &gpt_5_mini},
    Named{"gpt-5-nano", &gpt_5_nano},
    Named{"gpt-5.", &newer_gpt_5},
    Named{"gpt-5", &gpt_5},
    Named{"gpt-4-turbo", &gpt_4},
    Named{"gpt-4", &gpt_4},
    Named{"gpt-3.5-turbo", &gpt_4},
    Named{"o1-mini", &o1_mini},
    Named{"o4-mini", &o4_mini},
    Named{"o1", &o_series},
    Named{"o3", &o_series},
    Named{"claude-2", &claude},
    Named{"claude-v2", &claude},
    Named{"claude-instant", &claude},
    Named{"claude-3", &claude},
    Named{"claude-opus-4-7", &new_claude},
    Named{"claude-opus-4-8", &new_claude},
    Named{"claude-opus-4-9", &new_claude},
    Named{"claude-haiku-4", &claude},
    Named{"claude-sonnet-4", &claude},
    Named{"claude-opus-4", &claude},
    Named{"claude", &new_claude},
    Named{"gemini", &gemini},
    Named{"nova-2", &nova_2},
    Named{"nova-micro", &nova},
    Named{"nova-lite", &nova},
    Named{"nova-pro", &nova},
    Named{"nova-premier", &nova},
    Named{"titan", &titan},
    Named{"deepseek-r1-distill-llama", &llama},
    Named{"deepseek", &deepseek},
    Named{"mistral", &mistral},
    Named{"mixtral", &mistral},
    Named{"ministral", &mistral},
    Named{"magistral", &mistral},
    Named{"codestral", &mistral},
    Named{"devstral", &mistral},
    Named{"pixtral", &mistral},
    Named{"llama", &llama},
    Named{"qwen", &qwen},
    Named{"glm-", &glm},
    Named{"kimi", &kimi},
    Named{"palmyra", &palmyra},
    Named{"command", &command},
};

}  // namespace

const ModelFamily* family_of(std::string_view model) noexcept {
  std::string name(model);
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  const auto is_inside = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  for (const Named& named : families) {
    const auto at = name.find(named.part);
    if (at != std::string::npos && (at == 0 || !is_inside(name[at - 1]))) return named.family;
  }
  return nullptr;
}

}  // namespace meter
