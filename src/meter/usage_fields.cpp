#include "meter/usage_fields.h"

#include <algorithm>
#include <array>

#include "meter/json_count.h"

namespace meter {
namespace {

namespace dom = simdjson::dom;
using F = Figures;
using enum Take;

constexpr std::array chat_fields{
    UsageField{"prompt_tokens", count, &F::input},
    UsageField{"completion_tokens", count, &F::output},
    UsageField{"total_tokens", count, &F::total},
    UsageField{"prompt_tokens_details.cached_tokens", count, &F::cached},
    UsageField{"cached_tokens", count, &F::cached_beside},            // Moonshot, Together, Hugging Face
    UsageField{"num_cached_tokens", count, &F::cached_beside},        // Mistral
    UsageField{"prompt_cache_hit_tokens", count, &F::cached_beside},  // DeepSeek
    UsageField{"prompt_cache_miss_tokens", nothing},
    UsageField{"prompt_tokens_details.cache_write_tokens", count, &F::write},
    UsageField{"prompt_tokens_details.audio_tokens", count, &F::audio_in},
    UsageField{"prompt_tokens_details.image_tokens", count, &F::image_in},
    UsageField{"prompt_tokens_details.video_tokens", nothing},  // at the price of text
    UsageField{"prompt_tokens_details.text_tokens", nothing},
    UsageField{"completion_tokens_details.reasoning_tokens", count, &F::reasoning},
    UsageField{"reasoning_tokens", count, &F::reasoning},  // Perplexity
    UsageField{"completion_tokens_details.audio_tokens", count, &F::audio_out},
    UsageField{"completion_tokens_details.image_tokens", count, &F::image_out},
    UsageField{"completion_tokens_details.text_tokens", nothing},
    UsageField{"completion_tokens_details.accepted_prediction_tokens", nothing},  // part of the output
    UsageField{"completion_tokens_details.rejected_prediction_tokens", nothing},
    UsageField{"citation_tokens", count, &F::citations},  // Perplexity
    UsageField{"num_search_queries", count, &F::web_searches},
    UsageField{"cost", nothing},  // read from its text (reply_cost.h)
    UsageField{"cost_in_usd_ticks", nothing},
    UsageField{"cost_details", nothing},             // OpenRouter: what the cost is made of
    UsageField{"server_tool_use_details", nothing},  // OpenRouter: in its cost
    UsageField{"num_sources_used", nothing},         // xAI: in its cost
    UsageField{"queue_time", nothing},               // Groq
    UsageField{"prompt_time", nothing},
    UsageField{"completion_time", nothing},
    UsageField{"total_time", nothing},
};

constexpr std::array responses_fields{
    UsageField{"input_tokens", count, &F::input},
    UsageField{"output_tokens", count, &F::output},
    UsageField{"total_tokens", count, &F::total},
    UsageField{"input_tokens_details.cached_tokens", count, &F::cached},
    UsageField{"input_tokens_details.cache_write_tokens", count, &F::write},
    UsageField{"input_tokens_details.audio_tokens", count, &F::audio_in},
    UsageField{"input_tokens_details.image_tokens", count, &F::image_in},
    UsageField{"input_tokens_details.text_tokens", nothing},
    UsageField{"input_token_details.audio_tokens", count, &F::audio_in},  // transcriptions
    UsageField{"input_token_details.text_tokens", nothing},
    UsageField{"output_tokens_details.reasoning_tokens", count, &F::reasoning},
    UsageField{"output_tokens_details.audio_tokens", count, &F::audio_out},
    UsageField{"output_tokens_details.image_tokens", count, &F::image_out},
    UsageField{"output_tokens_details.text_tokens", nothing},
    UsageField{"seconds", seconds, &F::seconds},
    UsageField{"cost", nothing},
    UsageField{"cost_in_usd_ticks", nothing},
    UsageField{"cost_details", nothing},
    UsageField{"num_sources_used", nothing},
    UsageField{"num_server_side_tools_used", nothing},  // xAI: its items of the output are counted
};

constexpr std::array anthropic_fields{
    UsageField{"input_tokens", count, &F::input},
    UsageField{"output_tokens", count, &F::output},
    UsageField{"cache_read_input_tokens", count, &F::cached},
    UsageField{"cache_creation_input_tokens", count, &F::write},
    UsageField{"cache_creation.ephemeral_5m_input_tokens", count, &F::write_5m},
    UsageField{"cache_creation.ephemeral_1h_input_tokens", count, &F::write_1h},
    UsageField{"output_tokens_details.thinking_tokens", count, &F::reasoning},
    UsageField{"server_tool_use.web_search_requests", count, &F::web_searches},
    UsageField{"server_tool_use.web_fetch_requests", nothing},  // free but for its tokens
    UsageField{"server_tool_use.tool_search_requests", nothing},
    UsageField{"iterations", nothing},  // read one by one (dialects/anthropic)
};

constexpr std::array gemini_fields{
    UsageField{"promptTokenCount", count, &F::input},
    UsageField{"candidatesTokenCount", count, &F::output},
    UsageField{"thoughtsTokenCount", count, &F::reasoning},
    UsageField{"toolUsePromptTokenCount", count, &F::tool_use},
    UsageField{"cachedContentTokenCount", count, &F::cached},
    UsageField{"totalTokenCount", count, &F::total},
    UsageField{"promptTokensDetails", modalities, &F::audio_in, &F::image_in},
    UsageField{"promptTokenDetails", modalities, &F::audio_in, &F::image_in},
    UsageField{"candidatesTokensDetails", modalities, &F::audio_out, &F::image_out},
    UsageField{"cacheTokensDetails", modalities, &F::cached_audio},
    UsageField{"toolUsePromptTokensDetails", modalities},
    UsageField{"trafficType", nothing},
};

constexpr std::array interactions_fields{
    UsageField{"total_input_tokens", count, &F::input},
    UsageField{"total_output_tokens", count, &F::output},
    UsageField{"total_thought_tokens", count, &F::reasoning},
    UsageField{"total_tool_use_tokens", count, &F::tool_use},
    UsageField{"total_cached_tokens", count, &F::cached},
    UsageField{"total_tokens", count, &F::total},
    UsageField{"input_tokens_by_modality", modalities, &F::audio_in},  // images are at the price of text
    UsageField{"output_tokens_by_modality", modalities, &F::audio_out, &F::image_out},
    UsageField{"cached_tokens_by_modality", modalities, &F::cached_audio},
    UsageField{"tool_use_tokens_by_modality", modalities},
};

constexpr std::array converse_fields{
    UsageField{"inputTokens", count, &F::input},
    UsageField{"outputTokens", count, &F::output},
    UsageField{"totalTokens", count, &F::total},
    UsageField{"cacheReadInputTokens", count, &F::cached},
    UsageField{"cacheReadInputTokenCount", count, &F::cached_beside},  // the same under its older name
    UsageField{"cacheWriteInputTokens", count, &F::write},
    UsageField{"cacheWriteInputTokenCount", nothing},  // where it stands alone: dialects/bedrock
    UsageField{"cacheDetails", nothing},               // read one by one there
    UsageField{"inputTokenCount", count, &F::input},   // invocation metrics
    UsageField{"outputTokenCount", count, &F::output},
    UsageField{"invocationLatency", nothing},
    UsageField{"firstByteLatency", nothing},
};

constexpr std::array cohere_fields{
    UsageField{"billed_units.input_tokens", count, &F::billed_input},
    UsageField{"billed_units.output_tokens", count, &F::billed_output},
    UsageField{"billed_units.image_tokens", count, &F::image_in},
    UsageField{"billed_units.search_units", count, &F::search_units},
    UsageField{"tokens.input_tokens", count, &F::input},
    UsageField{"tokens.output_tokens", count, &F::output},
    // Counts against the tokens, not against what is billed, and has no price (metering.md 1.3, trap 10).
    UsageField{"cached_tokens", nothing},
    UsageField{"api_version", nothing},
};

// The modality of a count: Gemini's names, and the numbers that Vertex writes for them when asked to.
bool is_modality(const dom::element& value, std::string_view name, std::int64_t number) {
  if (const auto text = get_if<std::string_view>(value))
    return std::ranges::equal(*text, name, [](char a, char b) { return (a | 0x20) == b; });
  const auto code = get_if<std::int64_t>(value);
  return code && *code == number;
}

void add_modalities(const dom::element& list, const UsageField& field, Figures& figures) {
  const auto items = get_if<dom::array>(list);
  if (!items) return;
  for (const dom::element item : *items) {
    dom::element modality;
    dom::element value;
    if (item["modality"].get(modality) != simdjson::SUCCESS) continue;
    if (item["tokenCount"].get(value) != simdjson::SUCCESS && item["tokens"].get(value) != simdjson::SUCCESS) continue;
    const auto tokens = read_count(value);
    if (!tokens) continue;
    const auto add = [&](F::Count F::* sum) {
      if (sum != nullptr) figures.*sum = (figures.*sum).value_or(0) + *tokens;
    };
    if (is_modality(modality, "audio", 4)) add(field.count);
    if (is_modality(modality, "image", 2)) add(field.image);
  }
}

// A member's way down from the usage object; it becomes a text only where somebody wants to read it.
struct Path {
  const Path* up = nullptr;
  std::string_view name;

  std::string text() const {
    if (up == nullptr || up->name.empty()) return std::string(name);
    const std::string_view between = name == every_item ? "" : ".";
    return up->text().append(between).append(name);
  }
  static constexpr std::string_view every_item = "[]";
};

class Walk {
 public:
  explicit Walk(UnknownFields& unknown) : unknown_(unknown) {}

  // `known`: what the table says of the object's members; nullptr: nothing.
  void object(const UsageTable::Node* known, const dom::object& object, const Path& path, int depth) {
    for (const auto& [name, member] : object)
      value(known == nullptr ? nullptr : known->find(name), member, {&path, name}, depth);
  }
  const Figures& figures() const { return figures_; }

 private:
  static constexpr int deepest = 8;

  void value(const UsageTable::Node* known, const dom::element& value, const Path& path, int depth) {
    if (known != nullptr && known->field != nullptr) return take(*known->field, value, path);
    if (const auto number = get_if<double>(value)) {  // not money: only whether there is any
      if (*number > 0) unknown_.note(path.text());
    } else if (depth >= deepest) {
      unknown_.note(path.text());
    } else if (const auto inner = get_if<dom::object>(value)) {
      object(known, *inner, path, depth + 1);
    } else if (const auto items = get_if<dom::array>(value)) {
      for (const dom::element item : *items) this->value(nullptr, item, {&path, Path::every_item}, depth + 1);
    }
  }
  void take(const UsageField& field, const dom::element& value, const Path& path) {
    switch (field.take) {
      case nothing: return;
      case modalities: return add_modalities(value, field, figures_);
      case count:
      case seconds: {
        const auto number = field.take == count ? read_count(value) : read_begun(value);
        if (!number && !value.is_null()) unknown_.note(path.text());  // a count that cannot be one
        figures_.*field.count = number;
        return;
      }
    }
  }

  UnknownFields& unknown_;
  Figures figures_;
};

}  // namespace

UsageTable::UsageTable(std::span<const UsageField> fields) {
  for (const UsageField& field : fields) {
    Node* node = &root_;
    for (std::string_view path = field.path; !path.empty();) {
      const std::size_t end = std::min(path.find('.'), path.size());
      const std::string_view name = path.substr(0, end);
      path.remove_prefix(std::min(end + 1, path.size()));
      const auto found = std::ranges::find(node->inside, name, &Node::name);
      node = found != node->inside.end() ? &*found : &node->inside.emplace_back(Node{.name = name, .inside = {}});
    }
    node->field = &field;
  }
}

const UsageTable::Node* UsageTable::Node::find(std::string_view wanted) const {
  const auto found = std::ranges::find(inside, wanted, &Node::name);
  return found == inside.end() ? nullptr : &*found;
}

const UsageTable& chat_usage() {
  static const UsageTable table(chat_fields);
  return table;
}
const UsageTable& responses_usage() {
  static const UsageTable table(responses_fields);
  return table;
}
const UsageTable& anthropic_usage() {
  static const UsageTable table(anthropic_fields);
  return table;
}
const UsageTable& gemini_usage() {
  static const UsageTable table(gemini_fields);
  return table;
}
const UsageTable& interactions_usage() {
  static const UsageTable table(interactions_fields);
  return table;
}
const UsageTable& converse_usage() {
  static const UsageTable table(converse_fields);
  return table;
}
const UsageTable& cohere_usage() {
  static const UsageTable table(cohere_fields);
  return table;
}

void UnknownFields::note(std::string_view path) {
  constexpr std::size_t name_bytes_max = 100;
  ++count;
  const std::string name(path.substr(0, name_bytes_max));
  if (names.size() < names_max && std::ranges::find(names, name) == names.end()) names.push_back(name);
}

void Figures::overlay(const Figures& later) {
  static constexpr std::array counts{&Figures::input,
                                     &Figures::output,
                                     &Figures::total,
                                     &Figures::cached,
                                     &Figures::cached_beside,
                                     &Figures::write,
                                     &Figures::write_5m,
                                     &Figures::write_1h,
                                     &Figures::reasoning,
                                     &Figures::tool_use,
                                     &Figures::audio_in,
                                     &Figures::audio_out,
                                     &Figures::image_in,
                                     &Figures::image_out,
                                     &Figures::cached_audio,
                                     &Figures::seconds,
                                     &Figures::characters,
                                     &Figures::pages,
                                     &Figures::search_units,
                                     &Figures::citations,
                                     &Figures::web_searches,
                                     &Figures::file_searches,
                                     &Figures::code_interpreters,
                                     &Figures::images,
                                     &Figures::billed_input,
                                     &Figures::billed_output};
  static_assert(sizeof(Figures) == counts.size() * sizeof(Count), "a figure that is not overlaid is lost");
  for (const auto count : counts)
    if (later.*count) this->*count = later.*count;
}

Figures read_figures(const UsageTable& table, const dom::object& usage, UnknownFields& unknown) {
  Walk walk(unknown);
  walk.object(&table.root(), usage, {}, 0);
  return walk.figures();
}

}  // namespace meter
