// OpenAI's responses (API reference, "Create a model response"), and those of all that follow it.
#include <fmt/format.h>

#include <array>

#include "meter/image_head.h"
#include "meter/request_reading.h"

namespace meter {
namespace {

namespace dom = simdjson::dom;
using base::invalid;
using base::Status;

// What a turn is allowed to call at the provider, at most.
constexpr std::int64_t most_tool_calls = 1000;

ImageInput image_of(const dom::object& part) {
  ImageInput image;
  std::int64_t urls = 0;
  for (const auto& field : part) {
    if (same_but_for_case(field.key, "image_url")) {
      if (const auto url = get_if<std::string_view>(field.value)) image.size = size_in_data_url(*url);
      ++urls;
    } else if (same_but_for_case(field.key, "detail")) {
      image.low_detail = get_if<std::string_view>(field.value) == "low";
    }
  }
  return urls == 1 ? image : ImageInput{};
}

Status read_part(const dom::object& part, RequestReading& reading) {
  bool typed = false;
  for (const auto& field : part) {
    if (same_but_for_case(field.key, "file_id") && !field.value.is_null()) reading.unsized = true;
    if (!same_but_for_case(field.key, "type")) continue;
    typed = true;
    const auto type = get_if<std::string_view>(field.value).value_or("");
    if (type == "input_image") {
      take_image(reading, image_of(part));
    } else if (type == "input_file") {
      reading.unsized = true;
      reading.out.image_input = true;  // of its pages
    } else if (type == "input_audio") {
      reading.out.audio = true;
      reading.input.unbounded_by_count = true;
    } else if (type != "input_text" && type != "output_text" && type != "refusal" && type != "text" &&
               type != "summary_text" && type != "reasoning_text") {
      return invalid(fmt::format("a content part of type {:?} cannot be bounded", type), "input");
    }
  }
  if (!typed) return invalid("each part of an item's content needs a type", "input");
  return {};
}

// content of a message, output of a call: a string or a list of parts.
Status read_parts(dom::element value, RequestReading& reading) {
  return read_content_parts(value, read_part, "input", "items whose content is a string or a list of parts", reading);
}

// Items of these types are text that is all in the request.
constexpr std::array whole_items{std::string_view("message"),
                                 std::string_view("function_call"),
                                 std::string_view("custom_tool_call"),
                                 std::string_view("custom_tool_call_output"),
                                 std::string_view("local_shell_call"),
                                 std::string_view("local_shell_call_output"),
                                 std::string_view("shell_call"),
                                 std::string_view("shell_call_output"),
                                 std::string_view("apply_patch_call"),
                                 std::string_view("apply_patch_call_output"),
                                 std::string_view("tool_search_output"),
                                 std::string_view("function_call_output")};
// These name what the provider has kept, or hold it encrypted.
constexpr std::array kept_items{std::string_view("item_reference"),
                                std::string_view("reasoning"),
                                std::string_view("compaction"),
                                std::string_view("web_search_call"),
                                std::string_view("file_search_call"),
                                std::string_view("code_interpreter_call"),
                                std::string_view("mcp_call"),
                                std::string_view("mcp_list_tools"),
                                std::string_view("tool_search_call"),
                                std::string_view("image_generation_call"),
                                std::string_view("mcp_approval_request"),
                                std::string_view("mcp_approval_response")};

bool holds(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

Status read_item(dom::element value, RequestReading& reading) {
  const auto item = get_if<dom::object>(value);
  if (!item) return wrong_type("input", "a string or a list of items");
  for (const auto& field : *item) {
    if (same_but_for_case(field.key, "type")) {
      const auto type = get_if<std::string_view>(field.value).value_or("");
      if (holds(kept_items, type)) {
        reading.unsized = true;
      } else if (!holds(whole_items, type)) {
        return invalid(fmt::format("an item of type {:?} cannot be bounded", type), "input");
      }
      if (type.ends_with("_call") || type.ends_with("_output")) ++reading.input.calls;
    } else if (same_but_for_case(field.key, "content") || same_but_for_case(field.key, "output")) {
      TRY_STATUS(read_parts(field.value, reading));
    } else if (same_but_for_case(field.key, "encrypted_content") && !field.value.is_null()) {
      reading.unsized = true;
    }
  }
  ++reading.input.messages;
  collect_text(value, reading.input);
  return {};
}

Status read_input(dom::element value, RequestReading& reading) {
  if (value.is_string()) {
    ++reading.input.messages;
    reading.input.texts.push_back("user");
    collect_text(value, reading.input);
    return {};
  }
  const auto items = get_if<dom::array>(value);
  if (!items) return wrong_type("input", "a string or a list of items");
  for (const dom::element item : *items) TRY_STATUS(read_item(item, reading));
  return {};
}

Status read_instructions(dom::element value, RequestReading& reading) {
  if (value.is_null()) return {};
  if (!value.is_string()) return wrong_type("instructions", "a string");
  ++reading.input.messages;
  reading.input.texts.push_back("system");
  collect_text(value, reading.input);
  return {};
}

// A search runs at the provider for a fee, and the model then reads its whole context again; max_tool_calls says how
// often at most.
Status read_tool(const dom::object& tool, RequestReading& reading) {
  bool known = false;
  for (const auto& field : tool) {
    if (!same_but_for_case(field.key, "type")) continue;
    const auto type = get_if<std::string_view>(field.value).value_or("");
    if (type == "web_search" || type.starts_with("web_search_preview")) {
      reading.out.web_searches = 1;
    } else if (type != "function" && type != "custom") {
      return invalid(fmt::format("'tools' may hold tools of type function, custom and web_search: what {:?} costs "
                                 "cannot be bounded",
                                 type),
                     "tools");
    }
    known = true;
  }
  if (!known) return invalid("each of 'tools' needs a type", "tools");
  return {};
}
Status read_tools(dom::element value, RequestReading& reading) {
  TRY_STATUS(read_objects(value, read_tool, "tools", "a list of tools", reading));
  return take_tools(value, reading);
}
Status read_max_output_tokens(dom::element value, RequestReading& reading) {
  return read_output_cap("max_output_tokens", value, reading);
}
Status read_max_tool_calls(dom::element value, RequestReading& reading) {
  TRY(const auto calls, read_count("max_tool_calls", value, 1, most_tool_calls));
  reading.rounds = calls.value_or(0);
  return {};
}
// What the provider has of earlier turns is read again, and is no more than the context holds.
Status read_earlier(dom::element value, RequestReading& reading) {
  if (!value.is_null()) reading.unsized = true;
  return {};
}
Status read_background(dom::element value, RequestReading& reading) {
  if (value.is_null()) return {};
  const auto background = get_if<bool>(value);
  if (!background) return wrong_type("background", "true or false");
  reading.out.background = *background;
  return {};
}

constexpr std::array fields{
    RequestField{"model", read_model},
    RequestField{"input", read_input},
    RequestField{"instructions", read_instructions},
    RequestField{"stream", read_stream},
    RequestField{"max_output_tokens", read_max_output_tokens},
    RequestField{"max_tool_calls", read_max_tool_calls},
    RequestField{"tools", read_tools},
    RequestField{"text", take_schema},
    RequestField{"service_tier", read_service_tier},
    RequestField{"user", read_user},
    RequestField{"previous_response_id", read_earlier},
    RequestField{"conversation", read_earlier},
    RequestField{"background", read_background},
    refused_field("prompt", "what the template holds is not in the request"),
    refused_field("context_management", "how often the context is made anew cannot be bounded"),
    // xAI, OpenRouter
    refused_field("search_parameters", "a search fee cannot be bounded"),
    refused_field("models", "the model that answers must be the one that is priced"),
    refused_field("preset", "what it sets is not in the request"),
    refused_field("plugins", "a plugin's fee cannot be bounded"),
};

Status read_body(const dom::object& root, RequestReading& reading) {
  TRY_STATUS(read_members(root, fields, "", reading));
  if (reading.out.web_searches > 0 && reading.rounds == 0)
    return invalid("'tools' with a web search need 'max_tool_calls': how often it searches cannot be bounded", "tools");
  if (reading.out.web_searches == 0) reading.rounds = 0;  // nothing runs at the provider
  reading.out.web_searches = reading.rounds;
  if (reading.input.messages == 0 && !reading.unsized) return invalid("'input' is missing", "input");
  return {};
}

// What the model is told to do with the conversation: 93 tokens measured.
Status read_compaction(const dom::object& root, RequestReading& reading) {
  TRY_STATUS(read_body(root, reading));
  reading.input.more_tokens += 128;
  return {};
}

Status read_counted(const dom::object& root, RequestReading& reading) {
  TRY_STATUS(read_body(root, reading));
  reading.out.billing = Billing::free;
  return {};
}

constexpr std::array readers{
    RequestReader{"responses", Dialect::responses, read_body, "max_output_tokens"},
    RequestReader{"responses.compact", Dialect::responses, read_compaction},
    RequestReader{"responses.input_tokens", Dialect::token_count, read_counted},
};

}  // namespace

std::span<const RequestReader> responses_requests() { return readers; }

}  // namespace meter
