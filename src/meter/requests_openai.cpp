// OpenAI's chat/completions, completions, embeddings and moderations, and those of all that follow them (OpenAI API
// reference; the others' extensions by the provider's own pages).
#include <fmt/format.h>

#include <array>

#include "meter/image_head.h"
#include "meter/model_name.h"
#include "meter/request_reading.h"

namespace meter {
namespace {

namespace dom = simdjson::dom;
using base::invalid;
using base::Status;

// A prompt may be a list of prompts, and each is answered.
constexpr std::int64_t most_answers = 1'000'000;

Status read_include_usage(dom::element value, RequestReading& reading) {
  if (value.is_null()) return {};
  const auto include = get_if<bool>(value);
  if (!include) return wrong_type("stream_options.include_usage", "true or false");
  reading.out.include_usage = *include;
  return {};
}
constexpr std::array stream_option_fields{RequestField{"include_usage", read_include_usage}};

Status read_stream_options(dom::element value, RequestReading& reading) {
  return read_object(value, stream_option_fields, "stream_options", reading);
}

Status read_max_tokens(dom::element value, RequestReading& reading) {
  return read_output_cap("max_tokens", value, reading);
}
Status read_max_completion_tokens(dom::element value, RequestReading& reading) {
  return read_output_cap("max_completion_tokens", value, reading);
}

Status read_choices(dom::element value, RequestReading& reading) {
  TRY(const auto choices, read_count("n", value, 1, 128));
  reading.out.choices = std::max(reading.out.choices, choices.value_or(1));
  return {};
}
// All of the candidates are billed, not only those that come back.
Status read_best_of(dom::element value, RequestReading& reading) {
  TRY(const auto candidates, read_count("best_of", value, 1, 128));
  reading.out.choices = std::max(reading.out.choices, candidates.value_or(1));
  return {};
}

Status read_modalities(dom::element value, RequestReading& reading) {
  if (value.is_null()) return {};
  const auto modalities = get_if<dom::array>(value);
  if (!modalities) return wrong_type("modalities", "a list of strings");
  for (const dom::element item : *modalities) {
    const auto modality = get_if<std::string_view>(item);
    if (modality != "text" && modality != "audio")
      return invalid("'modalities' may hold text and audio: nothing else has a price here", "modalities");
    if (modality == "audio") reading.out.audio = true;
  }
  return {};
}

// Functions and custom tools run at the client. A hosted tool (a search, a browser) runs at the provider for a fee.
Status read_tool(const dom::object& tool, RequestReading& /*reading*/) {
  bool known = false;
  for (const auto& field : tool) {
    if (field.key == "function") known = true;  // Mistral's clients leave the type of a function out
    if (!same_but_for_case(field.key, "type")) continue;
    const auto type = get_if<std::string_view>(field.value);
    if (type != "function" && type != "custom")
      return invalid("'tools' may hold tools of type function and custom: what others cost cannot be bounded", "tools");
    known = true;
  }
  if (!known) return invalid("each of 'tools' needs a type", "tools");
  return {};
}

Status read_tools(dom::element value, RequestReading& reading) {
  TRY_STATUS(read_objects(value, read_tool, "tools", "a list of tools", reading));
  return take_tools(value, reading);
}

ImageInput image_of(dom::element value) {
  ImageInput image;
  auto url = get_if<std::string_view>(value);
  if (const auto object = get_if<dom::object>(value)) {
    std::int64_t urls = 0;
    for (const auto& field : *object) {
      if (same_but_for_case(field.key, "url")) {
        url = get_if<std::string_view>(field.value);
        ++urls;
      } else if (field.key == "detail") {
        image.low_detail = get_if<std::string_view>(field.value) == "low";
      } else if (same_but_for_case(field.key, "detail")) {
        return {};
      }
    }
    if (urls != 1) return {};
  }
  if (url) image.size = size_in_data_url(*url);
  return image;
}

// Every member counts, not the first or the last of a name: the provider may read either.
Status read_part(const dom::object& part, RequestReading& reading) {
  bool typed = false;
  std::int64_t members = 0;
  bool image = false;
  ImageInput seen;
  for (const auto& field : part) {
    if (same_but_for_case(field.key, "type")) {
      const auto type = get_if<std::string_view>(field.value);
      if (type == "image_url") {
        image = true;
      } else if (type == "input_audio") {
        reading.out.audio = true;
      } else if (type != "text" && type != "refusal") {
        return invalid(fmt::format("a content part of type {:?} cannot be bounded; text, image_url, input_audio and "
                                   "refusal can",
                                   type.value_or("")),
                       "messages");
      }
      typed = true;
    } else if (field.value.is_null()) {
      continue;
    } else if (same_but_for_case(field.key, "image_url")) {
      image = true;
      seen = ++members == 1 ? image_of(field.value) : ImageInput{};
    } else if (same_but_for_case(field.key, "input_audio")) {
      reading.out.audio = true;
    } else if (same_but_for_case(field.key, "file")) {
      return invalid("a file in a message cannot be bounded: its pages cost more tokens than it has bytes", "messages");
    }
  }
  if (!typed) return invalid("each part of a message's content needs a type", "messages");
  if (image) take_image(reading, seen);
  return {};
}

Status read_content(dom::element value, RequestReading& reading) {
  if (value.is_string()) return {};
  return read_objects(value, read_part, "messages", "messages whose content is a string or a list of parts", reading);
}

Status read_message(const dom::object& message, RequestReading& reading) {
  for (const auto& field : message) {
    if (same_but_for_case(field.key, "content")) {
      TRY_STATUS(read_content(field.value, reading));
    } else if (same_but_for_case(field.key, "audio") && !field.value.is_null()) {
      return invalid("an earlier audio answer, named by its id, cannot be bounded", "messages");
    } else if (field.key == "name") {
      ++reading.input.more_tokens;  // a name has a token of its own before it, unless it is the role's
    }
  }
  return {};
}

Status read_messages(dom::element value, RequestReading& reading) {
  TRY_STATUS(read_messages_with(value, read_message, reading));
  // Audio is bounded by its bytes alone: one token per 100 ms, which any encoding spends more bytes on.
  if (reading.out.audio) reading.input.unbounded_by_count = true;
  return {};
}

// Before an answer with thinking, some models are told to think.
Status read_reasoning(dom::element value, RequestReading& reading) {
  if (!value.is_null()) reading.input.thinking = true;
  return {};
}

// Mistral puts a prompt of its own before the messages.
Status read_prompt_mode(dom::element value, RequestReading& reading) {
  if (!value.is_null() && get_if<bool>(value) != false) reading.input.unbounded_by_count = true;
  return {};
}

Status read_search_options(dom::element value, RequestReading& reading) {
  // Perplexity searches once for each answer, asked or not, and its price is by the size of what is found.
  if (value.is_null() || reading.provider == "perplexity") return {};
  return invalid("'web_search_options' is refused: a search fee cannot be bounded", "web_search_options");
}

Status read_enable_search(dom::element value, RequestReading&) {
  if (value.is_null() || get_if<bool>(value) == false) return {};
  return invalid("'enable_search' is refused: a search fee cannot be bounded", "enable_search");
}

// The fields that decide the cost, OpenAI's first.
constexpr std::array chat_fields{
    RequestField{"model", read_model},
    RequestField{"messages", read_messages},
    RequestField{"stream", read_stream},
    RequestField{"stream_options", read_stream_options},
    RequestField{"max_completion_tokens", read_max_completion_tokens},
    RequestField{"max_tokens", read_max_tokens},
    RequestField{"n", read_choices},
    RequestField{"service_tier", read_service_tier},
    RequestField{"modalities", read_modalities},
    RequestField{"tools", read_tools},
    RequestField{"functions", take_tools},
    RequestField{"response_format", take_schema},
    RequestField{"user", read_user},
    RequestField{"reasoning", read_reasoning},
    RequestField{"reasoning_effort", read_reasoning},
    RequestField{"thinking", read_reasoning},
    RequestField{"prompt_mode", read_prompt_mode},
    RequestField{"safe_prompt", read_prompt_mode},
    RequestField{"web_search_options", read_search_options},
    refused_field("prediction", "what of it is not used is billed as output, on top of the output cap"),
    // xAI, Azure, Alibaba, Together
    refused_field("search_parameters", "a search fee cannot be bounded"),
    refused_field("data_sources", "what is found in them is input that cannot be bounded"),
    RequestField{"enable_search", read_enable_search},
    refused_field("safety_model", "the model that is priced must be the only one"),
    // OpenRouter
    refused_field("models", "the model that answers must be the one that is priced"),
    refused_field("preset", "what it sets is not in the request"),
    refused_field("plugins", "a plugin's fee cannot be bounded"),
};

Status check_model(RequestReading& reading) {
  const std::string_view model = reading.out.model;
  if (model.ends_with(":thinking")) reading.input.thinking = true;
  if (reading.provider == "openrouter" && model.ends_with(":online"))
    return invalid("a model ':online' searches for a fee that cannot be bounded", "model");
  if (reading.provider == "perplexity") {
    if (model.find("deep-research") != std::string_view::npos)
      return invalid("how often a model of deep research searches cannot be bounded", "model");
    reading.out.web_searches = reading.out.choices;
  }
  if (always_searches(model)) reading.out.web_searches = reading.out.choices;
  return {};
}

// A prompt: text, a list of texts, ids of tokens, or a list of lists of them. How many there are, and their text.
base::Result<std::int64_t> read_prompts(std::string_view field, dom::element value, RequestReading& reading) {
  reading.input.counts_only_texts = true;
  if (value.is_string()) {
    collect_text(value, reading.input);
    return 1;
  }
  const auto list = get_if<dom::array>(value);
  if (!list) return wrong_type(field, "a string, or a list of strings or of ids of tokens");
  std::int64_t prompts = 0;
  std::int64_t ids = 0;
  for (const dom::element item : *list) {
    if (item.is_string()) {
      collect_text(item, reading.input);
      ++prompts;
    } else if (const auto inner = get_if<dom::array>(item)) {
      reading.input.more_tokens += static_cast<std::int64_t>(inner->size());
      for (const dom::element id : *inner)
        if (!id.is_int64()) return wrong_type(field, "a string, or a list of strings or of ids of tokens");
      ++prompts;
    } else if (item.is_int64()) {
      ++ids;
    } else {
      return wrong_type(field, "a string, or a list of strings or of ids of tokens");
    }
  }
  reading.input.more_tokens += ids;
  return prompts + (ids > 0 ? 1 : 0);
}

Status read_prompt(dom::element value, RequestReading& reading) {
  TRY(const std::int64_t prompts, read_prompts("prompt", value, reading));
  reading.input.messages = std::max<std::int64_t>(prompts, 1);
  return {};
}
Status read_suffix(dom::element value, RequestReading& reading) {
  if (value.is_string()) collect_text(value, reading.input);
  reading.out.input_bound += input_margin_tokens;
  return {};
}

constexpr std::array completion_fields{
    RequestField{"model", read_model},
    RequestField{"prompt", read_prompt},
    RequestField{"suffix", read_suffix},
    RequestField{"stream", read_stream},
    RequestField{"stream_options", read_stream_options},
    RequestField{"max_tokens", read_max_tokens},
    RequestField{"n", read_choices},
    RequestField{"best_of", read_best_of},
    RequestField{"service_tier", read_service_tier},
    RequestField{"user", read_user},
    refused_field("safety_model", "the model that is priced must be the only one"),
    refused_field("models", "the model that answers must be the one that is priced"),
    refused_field("preset", "what it sets is not in the request"),
    refused_field("plugins", "a plugin's fee cannot be bounded"),
};

Status read_completion_body(const dom::object& root, RequestReading& reading) {
  TRY_STATUS(read_members(root, completion_fields, "", reading));
  if (reading.input.messages == 0) return invalid("'prompt' is missing", "prompt");
  if (reading.input.messages > most_answers / reading.out.choices)
    return invalid("more prompts than are answered at once", "prompt");
  reading.out.choices *= reading.input.messages;  // each prompt is answered by itself
  return {};
}

Status read_inputs(dom::element value, RequestReading& reading) {
  TRY(reading.input.messages, read_prompts("input", value, reading));
  return {};
}
constexpr std::array embedding_fields{
    RequestField{"model", read_model},
    RequestField{"input", read_inputs},
    RequestField{"user", read_user},
};

// Only input is billed.
Status read_embedding_body(const dom::object& root, RequestReading& reading) {
  TRY_STATUS(read_members(root, embedding_fields, "", reading));
  if (reading.input.messages == 0) return invalid("'input' is missing", "input");
  reading.out.output_cap = 0;
  return {};
}

Status read_moderated(dom::element, RequestReading& reading) {
  reading.input.messages = 1;
  reading.input.unbounded_by_count = true;
  return {};
}
constexpr std::array moderation_fields{
    RequestField{"model", read_model},
    RequestField{"input", read_moderated},
};

// OpenAI moderates for nothing ("The moderation endpoint is free to use", OpenAI's guide to moderation), and the price
// table says so with prices of zero. Only such a row makes it free here: a provider that has none is not priced.
Status read_moderation_body(const dom::object& root, RequestReading& reading) {
  TRY_STATUS(read_members(root, moderation_fields, "", reading));
  if (reading.input.messages == 0) return invalid("'input' is missing", "input");
  if (reading.out.model.empty()) reading.out.model = "omni-moderation-latest";  // the dialect's default
  reading.out.output_cap = 0;
  reading.out.billing = Billing::zero_price_counts;
  return {};
}

constexpr std::array readers{
    RequestReader{"chat.completions", Dialect::chat, read_chat_body},
    RequestReader{"chat", Dialect::chat, read_chat_body},
    RequestReader{"completions", Dialect::chat, read_completion_body, "max_tokens"},
    RequestReader{"embeddings", Dialect::embeddings, read_embedding_body},
    RequestReader{"moderations", Dialect::none, read_moderation_body},
};

}  // namespace

Status read_chat_body(const dom::object& root, RequestReading& reading) {
  TRY_STATUS(read_members(root, chat_fields, "", reading));
  TRY_STATUS(check_model(reading));
  bool messages = false;
  for (const auto& member : root) messages = messages || member.key == "messages";
  if (!messages) return invalid("'messages' is missing", "messages");
  return {};
}

std::span<const RequestReader> openai_requests() { return readers; }

}  // namespace meter
