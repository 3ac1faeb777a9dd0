// Anthropic's messages (API reference, "Create a Message"), wherever they are served.
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

constexpr std::int64_t most_uses = 1000;
// What Anthropic tells the model of its own client tools, beyond their names: memory 1,571 measured; computer use and
// the text editor are documented at 735 and 700 besides their instructions.
constexpr std::int64_t built_in_tool_tokens = 2500;

constexpr std::int64_t document_tokens = 48;  // of its frame; 25 measured

bool holds(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// Text that is all in the request.
constexpr std::array text_blocks{std::string_view("text"),          std::string_view("tool_use"),
                                 std::string_view("tool_result"),   std::string_view("thinking"),
                                 std::string_view("search_result"), std::string_view("server_tool_use"),
                                 std::string_view("mcp_tool_use"),  std::string_view("tool_reference")};
// Text that is encrypted or kept by Anthropic.
constexpr std::array kept_blocks{std::string_view("redacted_thinking"),
                                 std::string_view("web_search_tool_result"),
                                 std::string_view("web_fetch_tool_result"),
                                 std::string_view("code_execution_tool_result"),
                                 std::string_view("bash_code_execution_tool_result"),
                                 std::string_view("text_editor_code_execution_tool_result"),
                                 std::string_view("tool_search_tool_result"),
                                 std::string_view("mcp_tool_result"),
                                 std::string_view("compaction")};

struct Source {
  std::string_view type;
  std::optional<ImageSize> size;
  int members = 0;  // named source
};

Source source_of(const dom::object& block) {
  Source source;
  for (const auto& field : block) {
    if (!same_but_for_case(field.key, "source")) continue;
    ++source.members;
    const auto object = get_if<dom::object>(field.value);
    if (!object) continue;
    for (const auto& member : *object) {
      if (same_but_for_case(member.key, "type")) {
        source.type = source.type.empty() ? get_if<std::string_view>(member.value).value_or("?") : "several";
      }
      if (!same_but_for_case(member.key, "data")) continue;
      if (const auto data = get_if<std::string_view>(member.value)) source.size = size_in_base64(*data);
    }
  }
  return source;
}

Status read_blocks(dom::element value, RequestReading& reading);

Status read_document(const dom::object& block, RequestReading& reading) {
  const Source source = source_of(block);
  if (source.members != 1 || (source.type != "text" && source.type != "content")) {
    reading.unsized = true;  // a page may cost more tokens than it has bytes
    reading.out.image_input = true;
    return {};
  }
  reading.input.more_tokens += document_tokens;
  for (const auto& field : block) {
    const auto object = field.key == "source" ? get_if<dom::object>(field.value) : std::nullopt;
    if (!object) continue;
    for (const auto& member : *object) {
      if (member.key == "content") TRY_STATUS(read_blocks(member.value, reading));
    }
  }
  return {};
}

Status read_block(const dom::object& block, RequestReading& reading) {
  bool typed = false;
  for (const auto& field : block) {
    if (same_but_for_case(field.key, "content")) TRY_STATUS(read_blocks(field.value, reading));
    if (!same_but_for_case(field.key, "type")) continue;
    typed = true;
    const auto type = get_if<std::string_view>(field.value).value_or("");
    if (type == "image") {
      const Source source = source_of(block);
      take_image(reading, {.size = source.members == 1 ? source.size : std::nullopt});
    } else if (type == "document") {
      TRY_STATUS(read_document(block, reading));
    } else if (holds(kept_blocks, type)) {
      reading.unsized = true;
    } else if (!holds(text_blocks, type)) {
      return invalid(fmt::format("a content block of type {:?} cannot be bounded", type), "messages");
    }
    if (type.starts_with("tool_")) ++reading.input.calls;
  }
  if (!typed) return invalid("each block of a message's content needs a type", "messages");
  return {};
}

Status read_blocks(dom::element value, RequestReading& reading) {
  return read_content_parts(value, read_block, "messages", "messages whose content is a string or a list of blocks",
                            reading);
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

struct Tool {
  std::string_view type;  // empty: the client's own
  std::optional<std::int64_t> max_uses;
};

base::Result<Tool> read_tool(const dom::object& object, RequestReading& reading) {
  Tool tool;
  for (const auto& field : object) {
    if (same_but_for_case(field.key, "type") && !field.value.is_null()) {
      tool.type = get_if<std::string_view>(field.value).value_or("?");
    } else if (same_but_for_case(field.key, "max_uses")) {
      TRY(const auto uses, read_count("tools.max_uses", field.value, 1, most_uses));
      tool.max_uses = std::max(tool.max_uses.value_or(0), uses.value_or(0));
      if (!uses) tool.max_uses.reset();
    } else if (field.key == "cache_control") {
      reading.input.cache_marks.push_back(field.value);
    }
  }
  return tool;
}

bool is_built_in(std::string_view type) {
  constexpr std::array families{"bash_", "text_editor_", "memory_", "computer_"};
  return std::ranges::any_of(families, [&](std::string_view family) { return type.starts_with(family); });
}

// Tools run at the client, but for searches and fetches: then the model reads its whole context again, and max_uses
// says how often at most.
Status take_tool(const dom::object& object, RequestReading& reading) {
  TRY(const Tool tool, read_tool(object, reading));
  if (tool.type.empty() || tool.type == "custom") return {};
  if (is_built_in(tool.type)) {
    reading.input.more_tokens += built_in_tool_tokens;
    reading.out.input_bound += built_in_tool_tokens;
    return {};
  }
  const bool searches = tool.type.starts_with("web_search_");
  if (!searches && !tool.type.starts_with("web_fetch_"))
    return invalid(fmt::format("'tools': what a tool of type {:?} costs cannot be bounded", tool.type), "tools");
  if (!tool.max_uses)
    return invalid(fmt::format("'tools': a tool of type {:?} needs 'max_uses', or it cannot be bounded", tool.type),
                   "tools");
  reading.rounds += *tool.max_uses;
  if (searches) reading.out.web_searches += *tool.max_uses;
  return {};
}
Status read_tools(dom::element value, RequestReading& reading) {
  TRY_STATUS(read_objects(value, take_tool, "tools", "a list of tools", reading));
  return take_tools(value, reading);
}

Status read_max_tokens(dom::element value, RequestReading& reading) {
  return read_output_cap("max_tokens", value, reading);
}
Status read_max_tokens_to_sample(dom::element value, RequestReading& reading) {
  return read_output_cap("max_tokens_to_sample", value, reading);
}

// The thinking of an answer is inside max_tokens.
Status read_thinking(dom::element value, RequestReading& reading) {
  const auto object = get_if<dom::object>(value);
  if (!object && !value.is_null()) return wrong_type("thinking", "an object");
  reading.input.thinking = object.has_value();
  return {};
}

Status read_user_id(dom::element value, RequestReading& reading) {
  if (const auto user = get_if<std::string_view>(value)) reading.out.user = *user;
  return {};
}
constexpr std::array metadata_fields{RequestField{"user_id", read_user_id}};
Status read_metadata(dom::element value, RequestReading& reading) {
  return read_object(value, metadata_fields, "metadata", reading);
}

// "auto" and "standard_only" cost what the price table says; a committed tier is paid for apart.
Status read_tier(dom::element value, RequestReading&) {
  if (value.is_null()) return {};
  const auto tier = get_if<std::string_view>(value);
  if (tier == "auto" || tier == "standard_only") return {};
  return invalid("'service_tier' must be auto or standard_only: nothing else has a price here", "service_tier");
}

Status read_cache_control(dom::element value, RequestReading& reading) {
  reading.input.cache_marks.push_back(value);
  return {};
}
Status read_speed(dom::element value, RequestReading& reading) {
  if (value.is_null()) return {};
  const auto speed = get_if<std::string_view>(value);
  if (speed != "standard" && speed != "fast")
    return invalid("'speed' must be standard or fast: nothing else has a price here", "speed");
  if (speed == "fast") reading.out.speed = "fast";
  return {};
}
Status read_inference_geo(dom::element value, RequestReading& reading) {
  if (value.is_null()) return {};
  const auto geo = get_if<std::string_view>(value);
  if (!geo) return wrong_type("inference_geo", "a string");
  reading.out.inference_geo = *geo;
  return {};
}

// A compaction has the model read its context once more, and write what is in no output count of the reply's top.
Status read_context_management(dom::element value, RequestReading&) {
  const auto object = get_if<dom::object>(value);
  if (!object) return value.is_null() ? Status{} : wrong_type("context_management", "an object");
  for (const auto& field : *object) {
    const auto edits = get_if<dom::array>(field.value);
    if (!edits) continue;
    for (const dom::element edit : *edits) {
      const auto members = get_if<dom::object>(edit);
      if (!members) return wrong_type("context_management.edits", "a list of objects");
      for (const auto& member : *members) {
        if (!same_but_for_case(member.key, "type")) continue;
        if (!get_if<std::string_view>(member.value).value_or("").starts_with("clear_"))
          return invalid("'context_management' may clear: what a compaction costs cannot be bounded",
                         "context_management");
      }
    }
  }
  return {};
}

constexpr std::array fields{
    RequestField{"model", read_model},
    RequestField{"messages", read_messages},
    RequestField{"system", read_system},
    RequestField{"max_tokens", read_max_tokens},
    RequestField{"stream", read_stream},
    RequestField{"tools", read_tools},
    RequestField{"thinking", read_thinking},
    RequestField{"metadata", read_metadata},
    RequestField{"service_tier", read_tier},
    RequestField{"cache_control", read_cache_control},
    RequestField{"speed", read_speed},
    RequestField{"inference_geo", read_inference_geo},
    RequestField{"output_config", take_schema},
    RequestField{"output_format", take_schema},
    RequestField{"context_management", read_context_management},
    refused_field("mcp_servers", "what the servers answer cannot be bounded"),
    refused_field("container", "what runs in it cannot be bounded"),
    refused_field("fallbacks", "the model that answers must be the one that is priced"),
};

Status read_prompt(dom::element value, RequestReading& reading) {
  if (!value.is_string()) return wrong_type("prompt", "a string");
  ++reading.input.messages;
  collect_text(value, reading.input);
  return {};
}
constexpr std::array legacy_fields{
    RequestField{"model", read_model},
    RequestField{"prompt", read_prompt},
    RequestField{"max_tokens_to_sample", read_max_tokens_to_sample},
    RequestField{"stream", read_stream},
};

Status read_legacy(const dom::object& root, RequestReading& reading) {
  TRY_STATUS(read_members(root, legacy_fields, "", reading));
  if (reading.input.messages == 0) return invalid("'prompt' is missing", "prompt");
  return {};
}

// Counting is free (Anthropic's documentation, "Token counting").
Status read_counted(const dom::object& root, RequestReading& reading) {
  reading.out.billing = Billing::free;
  return read_members(root, fields, "", reading);
}

constexpr std::array readers{
    RequestReader{"messages", Dialect::anthropic, read_anthropic_body},
    RequestReader{"rawPredict", Dialect::anthropic, read_anthropic_body},
    RequestReader{"streamRawPredict", Dialect::anthropic, read_anthropic_body},
    RequestReader{"messages.count_tokens", Dialect::token_count, read_counted},
    RequestReader{"complete", Dialect::none, read_legacy, "max_tokens_to_sample"},
};

}  // namespace

Status read_anthropic_body(const dom::object& root, RequestReading& reading) {
  // Bedrock's oldest models have a prompt instead.
  bool prompt = false;
  bool messages = false;
  for (const auto& member : root) {
    prompt = prompt || member.key == "prompt";
    messages = messages || same_but_for_case(member.key, "messages");
  }
  if (reading.endpoint.starts_with("invoke") && prompt && !messages) return read_legacy(root, reading);
  TRY_STATUS(read_members(root, fields, "", reading));
  if (reading.input.messages == 0) return invalid("'messages' is missing", "messages");
  if (!reading.out.output_cap) return invalid("'max_tokens' is missing", "max_tokens");
  return read_cache_marks(reading);
}

std::span<const RequestReader> anthropic_requests() { return readers; }

}  // namespace meter
