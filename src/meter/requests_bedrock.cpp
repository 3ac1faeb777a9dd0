// Amazon Bedrock: converse, which is one language for all models, and invoke, where each model speaks its own (Bedrock
// user guide, "Inference request parameters and response fields for foundation models").
#include <fmt/format.h>

#include <array>

#include "meter/image_head.h"
#include "meter/request_reading.h"

namespace meter {
namespace {

namespace dom = simdjson::dom;
using base::invalid;
using base::Status;

Status read_blocks(dom::element value, RequestReading& reading);

ImageInput image_of(dom::element value) {
  const auto image = get_if<dom::object>(value);
  int sources = 0;
  ImageInput out;
  if (!image) return out;
  for (const auto& field : *image) {
    const auto source = same_but_for_case(field.key, "source") ? get_if<dom::object>(field.value) : std::nullopt;
    if (!source) continue;
    ++sources;
    for (const auto& member : *source)
      if (member.key == "bytes")
        if (const auto bytes = get_if<std::string_view>(member.value)) out.size = size_in_base64(*bytes);
  }
  return sources == 1 ? out : ImageInput{};
}

Status read_tool_result(dom::element value, RequestReading& reading) {
  const auto result = get_if<dom::object>(value);
  if (!result) return {};
  return read_member(*result, "content", read_blocks, reading);
}

Status read_block(const dom::object& block, RequestReading& reading) {
  constexpr std::array text{std::string_view("text"),
                            std::string_view("toolUse"),
                            std::string_view("json"),
                            std::string_view("reasoningContent"),
                            std::string_view("cachePoint"),
                            std::string_view("guardContent"),
                            std::string_view("type"),
                            std::string_view("searchResult"),
                            std::string_view("citationsContent")};
  for (const auto& field : block) {
    if (field.value.is_null()) continue;
    if (same_but_for_case(field.key, "image")) {
      take_image(reading, image_of(field.value));
    } else if (same_but_for_case(field.key, "document") || same_but_for_case(field.key, "video") ||
               same_but_for_case(field.key, "audio")) {
      reading.unsized = true;
      reading.out.image_input = true;
      if (!same_but_for_case(field.key, "document")) reading.out.audio = true;
    } else if (same_but_for_case(field.key, "toolResult")) {
      TRY_STATUS(read_tool_result(field.value, reading));
    } else if (std::ranges::find(text, field.key) == text.end()) {
      return invalid(fmt::format("a content block '{}' cannot be bounded", field.key), "messages");
    }
  }
  return {};
}

Status read_blocks(dom::element value, RequestReading& reading) {
  return read_content_parts(value, read_block, "messages", "messages whose content is a list of blocks", reading);
}
Status read_message(const dom::object& message, RequestReading& reading) {
  return read_member(message, "content", read_blocks, reading);
}
Status read_messages(dom::element value, RequestReading& reading) {
  return read_messages_with(value, read_message, reading);
}
Status read_system(dom::element value, RequestReading& reading) {
  return read_system_with(value, read_blocks, reading);
}

Status read_max_tokens(dom::element value, RequestReading& reading) {
  return read_output_cap("inferenceConfig.maxTokens", value, reading);
}
Status read_max_new_tokens(dom::element value, RequestReading& reading) {
  return read_output_cap("inferenceConfig.max_new_tokens", value, reading);
}
constexpr std::array inference_fields{RequestField{"maxTokens", read_max_tokens},
                                      RequestField{"max_new_tokens", read_max_new_tokens}};
Status read_inference_config(dom::element value, RequestReading& reading) {
  return read_object(value, inference_fields, "inferenceConfig", reading);
}

Status read_tool(const dom::object& tool, RequestReading& reading) {
  for (const auto& member : tool) {
    if (member.key == "cachePoint") {
      reading.input.cache_marks.push_back(member.value);
    } else if (member.key != "toolSpec" && !member.value.is_null()) {
      return invalid(fmt::format("'toolConfig.tools' may hold toolSpec: what '{}' costs cannot be bounded", member.key),
                     "toolConfig.tools");
    }
  }
  return {};
}
Status read_tools(dom::element value, RequestReading& reading) {
  TRY_STATUS(read_objects(value, read_tool, "toolConfig.tools", "a list of tools", reading));
  return take_tools(value, reading);
}
constexpr std::array tool_config_fields{RequestField{"tools", read_tools}};
Status read_tool_config(dom::element value, RequestReading& reading) {
  return read_object(value, tool_config_fields, "toolConfig", reading);
}

// The model's own fields, which may say again, and otherwise, what is said in the language of all models.
Status read_additional(dom::element value, RequestReading& reading) {
  const auto object = get_if<dom::object>(value);
  if (!object) return value.is_null() ? Status{} : wrong_type("additionalModelRequestFields", "an object");
  constexpr std::array harmless{std::string_view("thinking"),         std::string_view("reasoning_config"),
                                std::string_view("reasoningConfig"),  std::string_view("reasoning_effort"),
                                std::string_view("anthropic_beta"),   std::string_view("top_k"),
                                std::string_view("stop_sequences"),   std::string_view("tool_choice"),
                                std::string_view("anthropic_version")};
  for (const auto& member : *object) {
    if (std::ranges::find(harmless, member.key) == harmless.end())
      return invalid(
          fmt::format("'additionalModelRequestFields.{}' is refused: it may change what is priced", member.key),
          fmt::format("additionalModelRequestFields.{}", member.key));
    if (member.key == "thinking" || member.key.starts_with("reasoning")) reading.input.thinking = true;
  }
  return {};
}

Status read_tier_type(dom::element value, RequestReading& reading) { return read_service_tier(value, reading); }
constexpr std::array tier_fields{RequestField{"type", read_tier_type}};
Status read_tier(dom::element value, RequestReading& reading) {
  return read_object(value, tier_fields, "serviceTier", reading);
}

constexpr std::array converse_fields{
    RequestField{"messages", read_messages},
    RequestField{"system", read_system},
    RequestField{"inferenceConfig", read_inference_config},
    RequestField{"toolConfig", read_tool_config},
    RequestField{"additionalModelRequestFields", read_additional},
    RequestField{"serviceTier", read_tier},
    RequestField{"outputConfig", take_schema},
    refused_field("guardrailConfig", "a guardrail is billed apart"),
    refused_field("performanceConfig", "optimized latency has no price here"),
    refused_field("promptVariables", "what the prompt holds is not in the request"),
};

Status read_converse(const dom::object& root, RequestReading& reading) {
  TRY_STATUS(read_members(root, converse_fields, "", reading));
  if (reading.input.messages == 0) return invalid("'messages' is missing", "messages");
  reading.out.stream = reading.endpoint == "converse-stream";
  return read_cache_marks(reading);
}

template <const std::string_view& path>
Status read_cap(dom::element value, RequestReading& reading) {
  return read_output_cap(path, value, reading);
}
constexpr std::string_view max_token_count = "textGenerationConfig.maxTokenCount";
constexpr std::string_view max_gen_len = "max_gen_len";
constexpr std::string_view plain_max_tokens = "max_tokens";
constexpr std::string_view camel_max_tokens = "maxTokens";

constexpr std::array titan_config{RequestField{"maxTokenCount", read_cap<max_token_count>}};
Status read_titan_config(dom::element value, RequestReading& reading) {
  return read_object(value, titan_config, "textGenerationConfig", reading);
}
constexpr std::array titan_fields{RequestField{"inputText", read_prompt},
                                  RequestField{"textGenerationConfig", read_titan_config}};
constexpr std::array llama_fields{RequestField{"prompt", read_prompt},
                                  RequestField{"max_gen_len", read_cap<max_gen_len>},
                                  refused_field("images", "their size is not looked for in this language")};
constexpr std::array mistral_fields{RequestField{"prompt", read_prompt},
                                    RequestField{"max_tokens", read_cap<plain_max_tokens>}};
constexpr std::array jurassic_fields{
    RequestField{"prompt", read_prompt}, RequestField{"maxTokens", read_cap<camel_max_tokens>},
    RequestField{"numResults", [](dom::element value, RequestReading& reading) -> Status {
                                       TRY(const auto count, read_count("numResults", value, 1, 128));
                   reading.out.choices = count.value_or(1);
                   return {};
                 }}};

Status read_generations(dom::element value, RequestReading& reading) {
  TRY(const auto count, read_count("num_generations", value, 1, 128));
  reading.out.choices = reading.input.copies = count.value_or(1);  // the prompt is billed with each
  return {};
}
constexpr std::array command_fields{RequestField{"prompt", read_prompt},
                                    RequestField{"message", read_prompt},
                                    RequestField{"chat_history", read_prompt},
                                    RequestField{"documents", read_prompt},
                                    RequestField{"preamble", read_prompt},
                                    RequestField{"max_tokens", read_cap<plain_max_tokens>},
                                    RequestField{"num_generations", read_generations},
                                    RequestField{"tools", take_tools}};
constexpr std::array embed_fields{RequestField{"texts", read_prompt}, RequestField{"inputText", read_prompt},
                                  refused_field("images", "what an image costs in an embedding has no bound here"),
                                  refused_field("inputs", "what they hold has no bound here"),
                                  refused_field("inputImage", "what an image costs in an embedding has no bound here")};

Status read_plain(const dom::object& root, std::span<const RequestField> fields, std::string_view cap_path,
                  RequestReading& reading) {
  TRY_STATUS(read_members(root, fields, "", reading));
  if (!reading.out.output_cap) reading.out.output_cap_path = cap_path;
  reading.input.counts_only_texts = cap_path != max_token_count;  // Titan has a frame of its own
  if (reading.input.messages == 0) return invalid("what the model is to read is missing");
  return {};
}
Status read_embeddings(const dom::object& root, RequestReading& reading) {
  reading.out.output_cap = 0;
  reading.input.counts_only_texts = true;
  return read_plain(root, embed_fields, "", reading);
}

// A model's own language, by the maker's name in the model's. The name of an inference profile does not say it.
Status read_invoke(const dom::object& root, RequestReading& reading) {
  const std::string_view model = reading.path_model;
  const auto is = [model](std::string_view part) { return model.find(part) != std::string_view::npos; };
  Status read = invalid(
      fmt::format("the language of the model {:?} is not known, so its cost cannot be bounded", model), "model");
  if (is("amazon.titan-embed") || is("cohere.embed")) {
    read = read_embeddings(root, reading);
  } else if (is("anthropic.claude")) {
    read = read_anthropic_body(root, reading);
  } else if (is("amazon.nova") && !is("embed") && !is("canvas") && !is("reel") && !is("sonic")) {
    read = read_converse(root, reading);
    if (!reading.out.output_cap) reading.out.output_cap_path = "inferenceConfig.maxTokens";
  } else if (is("amazon.titan-t")) {  // titan-text, titan-tg1
    read = read_plain(root, titan_fields, max_token_count, reading);
  } else if (is("meta.llama")) {
    read = read_plain(root, llama_fields, max_gen_len, reading);
  } else if (is("cohere.command")) {
    read = read_plain(root, command_fields, plain_max_tokens, reading);
  } else if (is("ai21.j2")) {
    read = read_plain(root, jurassic_fields, camel_max_tokens, reading);
  } else if (is("mistral.") || is("openai.gpt-oss") || is("qwen.") || is("ai21.jamba")) {
    bool prompt = false;
    for (const auto& member : root) prompt = prompt || member.key == "prompt";
    read = prompt ? read_plain(root, mistral_fields, plain_max_tokens, reading) : read_chat_body(root, reading);
  }
  TRY_STATUS(read);
  reading.out.stream = reading.endpoint == "invoke-with-response-stream";
  return {};
}

Status read_counted(const dom::object&, RequestReading& reading) {
  reading.out.billing = Billing::free;  // Bedrock user guide, "Monitor your token usage by counting tokens"
  return {};
}

constexpr std::array readers{
    RequestReader{"converse", Dialect::converse, read_converse, "inferenceConfig.maxTokens"},
    RequestReader{"converse-stream", Dialect::converse, read_converse, "inferenceConfig.maxTokens"},
    RequestReader{"invoke", Dialect::invoke, read_invoke},
    RequestReader{"invoke-with-response-stream", Dialect::invoke, read_invoke},
    RequestReader{"count-tokens", Dialect::token_count, read_counted},
};

}  // namespace

std::span<const RequestReader> bedrock_requests() { return readers; }

}  // namespace meter
