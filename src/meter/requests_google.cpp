// Gemini's generateContent and embeddings, on Vertex too (Google AI and Vertex AI API references). Google reads members
// by protocol buffers' rules: camelCase and snake_case are the same member.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "meter/image_head.h"
#include "meter/request_reading.h"

namespace meter {
namespace {

namespace dom = simdjson::dom;
using base::invalid;
using base::Status;

Status read_parts(dom::element value, RequestReading& reading);

Status read_list(dom::element value, std::string_view name, RequestReading& reading,
                 Status (*read)(dom::element, RequestReading&)) {
  if (value.is_null()) return {};
  // One object may stand for a list of one.
  if (value.is_object()) return read(value, reading);
  const auto list = get_if<dom::array>(value);
  if (!list) return wrong_type(name, "a list");
  for (const dom::element item : *list) TRY_STATUS(read(item, reading));
  return {};
}

// Bytes in the request. An image has a price by its size and audio less tokens than bytes; a film or a document is read
// by frames and pages, whose number its bytes do not say.
Status read_inline_data(dom::element value, RequestReading& reading) {
  const auto object = get_if<dom::object>(value);
  if (!object) return value.is_null() ? Status{} : wrong_type("inlineData", "an object");
  std::string_view type;
  std::optional<ImageSize> size;
  int members = 0;
  for (const auto& field : *object) {
    ++members;
    if (field.key == "mimeType" || field.key == "mime_type") {
      type = get_if<std::string_view>(field.value).value_or("");
    } else if (field.key == "data") {
      if (const auto data = get_if<std::string_view>(field.value)) size = size_in_base64(*data);
    }
  }
  if (members == 2 && type.starts_with("image/") && size) {
    take_image(reading, {.size = size});
  } else if (members == 2 && type.starts_with("audio/")) {
    reading.out.audio = true;
    reading.input.unbounded_by_count = true;
  } else if (members == 2 && type.starts_with("text/")) {
    reading.input.unbounded_by_count = true;
  } else {
    reading.unsized = true;
    reading.out.image_input = true;
    reading.out.audio = true;  // of a film
  }
  return {};
}
Status read_file_data(dom::element value, RequestReading& reading) {
  if (value.is_null()) return {};
  reading.unsized = true;
  reading.out.image_input = true;
  reading.out.audio = true;
  return {};
}

// What a function answered may hold files of its own.
Status read_function_response(dom::element value, RequestReading& reading);

Status read_nothing(dom::element, RequestReading&) { return {}; }

constexpr std::array part_fields{
    RequestField{"text", read_nothing},
    RequestField{"inlineData", read_inline_data},
    RequestField{"fileData", read_file_data},
    RequestField{"functionCall", read_nothing},
    RequestField{"functionResponse", read_function_response},
};
constexpr std::array response_fields{RequestField{"parts", read_parts}};

Status read_function_response(dom::element value, RequestReading& reading) {
  return read_object(value, response_fields, "functionResponse", reading, Spelling::proto);
}

Status read_part(dom::element value, RequestReading& reading) {
  return read_object(value, part_fields, "parts", reading, Spelling::proto);
}
Status read_parts(dom::element value, RequestReading& reading) { return read_list(value, "parts", reading, read_part); }

constexpr std::array content_fields{RequestField{"parts", read_parts}};

Status read_content(dom::element value, RequestReading& reading) {
  TRY_STATUS(read_object(value, content_fields, "contents", reading, Spelling::proto));
  ++reading.input.messages;
  collect_text(value, reading.input);
  return {};
}
Status read_contents(dom::element value, RequestReading& reading) {
  if (value.is_string()) {
    ++reading.input.messages;
    collect_text(value, reading.input);
    return {};
  }
  return read_list(value, "contents", reading, read_content);
}

// Functions run at the client. A search, a fetch or an execution runs at Google, as often as the model likes.
Status read_tool(dom::element value, RequestReading& reading) {
  const auto tool = get_if<dom::object>(value);
  if (!tool) return wrong_type("tools", "a list of tools");
  for (const auto& member : *tool) {
    if (member.value.is_null()) continue;
    if (member.key != "functionDeclarations" && member.key != "function_declarations")
      return invalid(
          fmt::format("'tools' may hold functionDeclarations: what '{}' costs cannot be bounded", member.key), "tools");
    TRY_STATUS(take_tools(member.value, reading));
  }
  return {};
}
Status read_tools(dom::element value, RequestReading& reading) { return read_list(value, "tools", reading, read_tool); }

Status read_max_output_tokens(dom::element value, RequestReading& reading) {
  return read_output_cap("generationConfig.maxOutputTokens", value, reading);
}
Status read_candidate_count(dom::element value, RequestReading& reading) {
  TRY(const auto count, read_count("generationConfig.candidateCount", value, 1, 128));
  reading.out.choices = count.value_or(1);
  return {};
}
Status read_modality(dom::element value, RequestReading& reading) {
  const auto name = get_if<std::string_view>(value).value_or("");
  if (name == "AUDIO" || name == "audio") {
    reading.out.audio = true;
  } else if (name == "IMAGE" || name == "image") {
    reading.out.images = 1;
  } else if (name != "TEXT" && name != "text" && name != "MODALITY_UNSPECIFIED") {
    return invalid(
        "'generationConfig.responseModalities' may hold TEXT, IMAGE and AUDIO: nothing else has a price here",
        "generationConfig.responseModalities");
  }
  return {};
}
Status read_modalities(dom::element value, RequestReading& reading) {
  return read_list(value, "generationConfig.responseModalities", reading, read_modality);
}
constexpr std::array generation_fields{
    RequestField{"maxOutputTokens", read_max_output_tokens}, RequestField{"candidateCount", read_candidate_count},
    RequestField{"responseModalities", read_modalities},     RequestField{"responseSchema", take_schema},
    RequestField{"responseJsonSchema", take_schema},
};
Status read_generation_config(dom::element value, RequestReading& reading) {
  return read_object(value, generation_fields, "generationConfig", reading, Spelling::proto);
}

Status read_tier(dom::element value, RequestReading& reading) {
  if (value.is_null()) return {};
  std::string name(get_if<std::string_view>(value).value_or("?"));
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  constexpr std::string_view prefix = "service_tier_";
  if (name.starts_with(prefix)) name.erase(0, prefix.size());
  const auto tier = name == "unspecified" ? ServiceTier::standard : known_service_tier(name);
  if (!tier) return invalid(fmt::format("'serviceTier' {:?} has no price here", name), "serviceTier");
  reading.out.tier = *tier;
  return {};
}
// What a cache holds was paid for when it was made, and is read again: it fits into the context with the rest.
Status read_cached_content(dom::element value, RequestReading& reading) {
  if (!value.is_null()) reading.unsized = true;
  return {};
}
// The address names the model; a body that names another is none that Google takes.
Status read_body_model(dom::element value, RequestReading& reading) {
  if (value.is_null()) return {};
  const std::string_view name = get_if<std::string_view>(value).value_or("");
  if (name.substr(name.rfind('/') + 1) != reading.path_model)
    return invalid("'model' must be the model of the address", "model");
  return {};
}

constexpr std::array fields{
    RequestField{"model", read_body_model},
    RequestField{"contents", read_contents},
    RequestField{"systemInstruction", read_contents},
    RequestField{"generationConfig", read_generation_config},
    RequestField{"tools", read_tools},
    RequestField{"cachedContent", read_cached_content},
    RequestField{"serviceTier", read_tier},
};

// In the spelling of the client: the same member in the other one would be there twice.
std::string cap_path_in(const dom::object& root) {
  std::string_view config = "generationConfig";
  std::string_view cap = "maxOutputTokens";
  for (const auto& member : root) {
    if (member.key != "generation_config" && member.key != config) continue;
    config = member.key;
    const auto object = get_if<dom::object>(member.value);
    if (!object) continue;
    for (const auto& inner : *object)
      if (inner.key == "max_output_tokens") cap = inner.key;
  }
  return fmt::format("{}.{}", config, cap);
}

Status read_generate(const dom::object& root, RequestReading& reading) {
  TRY_STATUS(read_members(root, fields, "", reading, Spelling::proto));
  if (reading.input.messages == 0) return invalid("'contents' is missing", "contents");
  Request& out = reading.out;
  out.stream = reading.endpoint == "streamGenerateContent";
  // How large an image is in tokens is not held down by the cap: the model's own maximum is the bound.
  if (out.images > 0 || reading.path_model.find("image") != std::string_view::npos) out.output_cap.reset();
  out.images = 0;  // they are output tokens
  out.output_cap_path = cap_path_in(root);
  return {};
}

Status read_counted(const dom::object&, RequestReading& reading) {
  reading.out.billing = Billing::free;  // Google's documentation, "Count tokens"
  return {};
}

constexpr std::array embed_fields{
    RequestField{"model", read_body_model},
    RequestField{"content", read_content},
    RequestField{"title",
                 [](dom::element value, RequestReading& reading) -> Status {
                   collect_text(value, reading.input);
                   return {};
                 }},
};
Status read_embed_item(dom::element value, RequestReading& reading) {
  return read_object(value, embed_fields, "requests", reading, Spelling::proto);
}
Status read_embed_items(dom::element value, RequestReading& reading) {
  return read_list(value, "requests", reading, read_embed_item);
}
constexpr std::array batch_fields{RequestField{"requests", read_embed_items}};

Status finish_embeddings(RequestReading& reading) {
  if (reading.input.messages == 0) return invalid("'content' is missing", "content");
  reading.out.output_cap = 0;
  return {};
}
Status read_embed(const dom::object& root, RequestReading& reading) {
  TRY_STATUS(read_members(root, embed_fields, "", reading, Spelling::proto));
  return finish_embeddings(reading);
}
Status read_batch_embed(const dom::object& root, RequestReading& reading) {
  TRY_STATUS(read_members(root, batch_fields, "", reading, Spelling::proto));
  return finish_embeddings(reading);
}

Status read_instance(dom::element value, RequestReading& reading) {
  ++reading.input.messages;
  collect_text(value, reading.input);
  return {};
}
Status read_instances(dom::element value, RequestReading& reading) {
  return read_list(value, "instances", reading, read_instance);
}
constexpr std::array predict_fields{RequestField{"instances", read_instances}};

// Vertex predicts with models of any kind; what an embedding costs is in its text.
Status read_predict(const dom::object& root, RequestReading& reading) {
  if (reading.path_model.find("embedding") == std::string_view::npos)
    return invalid("only embeddings can be bounded here", "model");
  TRY_STATUS(read_members(root, predict_fields, "", reading));
  return finish_embeddings(reading);
}

constexpr std::array readers{
    RequestReader{"generateContent", Dialect::gemini, read_generate},
    RequestReader{"streamGenerateContent", Dialect::gemini, read_generate},
    RequestReader{"countTokens", Dialect::token_count, read_counted},
    RequestReader{"embedContent", Dialect::embeddings, read_embed},
    RequestReader{"batchEmbedContents", Dialect::embeddings, read_batch_embed},
    RequestReader{"predict", Dialect::embeddings, read_predict},
};

}  // namespace

std::span<const RequestReader> google_requests() { return readers; }

}  // namespace meter
