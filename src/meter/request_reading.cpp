#include "meter/request_reading.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace meter {
namespace {

namespace dom = simdjson::dom;
using base::invalid;
using base::Result;
using base::Status;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Without underscores and without regard to case: "fileData" and "file_data" are one.
bool equal_as_proto(std::string_view a, std::string_view b) {
  const auto next = [](std::string_view text, std::size_t& at) {
    while (at < text.size() && text[at] == '_') ++at;
    return at == text.size() ? '\0' : lower(text[at++]);
  };
  std::size_t i = 0;
  std::size_t j = 0;
  for (;;) {
    const char x = next(a, i);
    const char y = next(b, j);
    if (x != y) return false;
    if (x == '\0') return true;
  }
}

// Whether `written` is `camel` in the other spelling that Google's parser takes: "file_data" for "fileData".
bool is_snake_of(std::string_view written, std::string_view camel) {
  std::size_t at = 0;
  for (const char c : camel) {
    const bool capital = c >= 'A' && c <= 'Z';
    if (capital && !written.substr(at).starts_with('_')) return false;
    at += capital ? 1 : 0;
    if (!written.substr(at).starts_with(lower(c))) return false;
    ++at;
  }
  return at == written.size();
}

bool means_field(std::string_view key, std::string_view name, Spelling spelling) {
  return spelling == Spelling::exact ? same_but_for_case(key, name) : equal_as_proto(key, name);
}
bool is_written_right(std::string_view key, std::string_view name, Spelling spelling) {
  return key == name || (spelling == Spelling::proto && is_snake_of(key, name));
}

// Members of a body that no model is shown, in all dialects. The text of any other that is not known counts as input.
bool is_setting(std::string_view name) {
  constexpr std::array settings{std::string_view("audio"),
                                std::string_view("embedding_types"),
                                std::string_view("encoding_format"),
                                std::string_view("include"),
                                std::string_view("input_type"),
                                std::string_view("keep_alive"),
                                std::string_view("logit_bias"),
                                std::string_view("metadata"),
                                std::string_view("output_dtype"),
                                std::string_view("prompt_cache_key"),
                                std::string_view("provider"),
                                std::string_view("requestMetadata"),
                                std::string_view("response_format"),
                                std::string_view("safetySettings"),
                                std::string_view("stop"),
                                std::string_view("stop_sequences"),
                                std::string_view("tool_choice"),
                                std::string_view("toolConfig"),
                                std::string_view("truncate"),
                                std::string_view("anthropic_version"),
                                std::string_view("anthropic_beta"),
                                std::string_view("schemaVersion"),
                                std::string_view("transforms"),
                                std::string_view("usage"),
                                std::string_view("verbosity"),
                                std::string_view("reasoning_format"),
                                std::string_view("truncation"),
                                std::string_view("safety_identifier"),
                                std::string_view("reasoning"),
                                std::string_view("prompt_cache_options")};
  return std::ranges::find(settings, name) != settings.end();
}

}  // namespace

bool equal_but_for_case(std::string_view a, std::string_view b) {
  return a == b || std::ranges::equal(a, b, {}, lower, lower);
}

Status SeenKeys::add(std::string_view key, std::string_view prefix) {
  if (std::ranges::find(keys_, key) != keys_.end())
    return invalid(fmt::format("'{}{}' is given twice; keep one", prefix, key), fmt::format("{}{}", prefix, key));
  if (keys_.size() == most_fields) return invalid(fmt::format("more than {} fields", most_fields));
  keys_.push_back(key);
  return {};
}

Status read_members(const dom::object& object, std::span<const RequestField> fields, std::string_view prefix,
                    RequestReading& reading, Spelling spelling) {
  if (reading.depth == deepest_object) return invalid(fmt::format("'{}' goes too deep", prefix), std::string(prefix));
  ++reading.depth;
  SeenKeys seen;
  boost::container::static_vector<const RequestField*, 64> known;
  for (const auto& member : object) {
    TRY_STATUS(seen.add(member.key, prefix));
    bool is_known = false;
    for (const RequestField& field : fields) {
      if (!means_field(member.key, field.name, spelling)) continue;
      if (!is_written_right(member.key, field.name, spelling))
        return invalid(fmt::format("'{}{}' must be written '{}{}'", prefix, member.key, prefix, field.name),
                       fmt::format("{}{}", prefix, member.key));
      if (spelling == Spelling::proto) {
        if (std::ranges::find(known, &field) != known.end())
          return invalid(fmt::format("'{}{}' is given twice; keep one", prefix, field.name),
                         fmt::format("{}{}", prefix, field.name));
        known.push_back(&field);
      }
      is_known = true;
      if (field.read != nullptr) {
        TRY_STATUS(field.read(member.value, reading));
      } else if (!member.value.is_null()) {  // null is absence
        return invalid(fmt::format("'{}{}' is refused: {}", prefix, member.key, field.refused_for),
                       fmt::format("{}{}", prefix, member.key));
      }
    }
    if (!is_known && prefix.empty() && !is_setting(member.key)) collect_unknown(member.value, reading.input);
  }
  --reading.depth;  // after a refusal, nothing more is read
  return {};
}

Status read_object(dom::element value, std::span<const RequestField> fields, std::string_view name,
                   RequestReading& reading, Spelling spelling) {
  if (value.is_null()) return {};
  const auto object = get_if<dom::object>(value);
  if (!object) return wrong_type(name, "an object");
  return read_members(*object, fields, fmt::format("{}.", name), reading, spelling);
}

std::unexpected<base::Error> wrong_type(std::string_view field, std::string_view wanted) {
  return invalid(fmt::format("'{}' must be {}", field, wanted), std::string(field));
}

Status read_model(dom::element value, RequestReading& reading) {
  const auto model = get_if<std::string_view>(value);
  if (!model || model->empty()) return wrong_type("model", "the name of a model");
  reading.out.model = *model;
  return {};
}

Status read_stream(dom::element value, RequestReading& reading) {
  if (value.is_null()) return {};
  const auto stream = get_if<bool>(value);
  if (!stream) return wrong_type("stream", "true or false");
  reading.out.stream = *stream;
  return {};
}

Status read_user(dom::element value, RequestReading& reading) {
  if (value.is_null()) return {};
  const auto user = get_if<std::string_view>(value);
  if (!user) return wrong_type("user", "a string");
  reading.out.user = *user;
  return {};
}

Status read_service_tier(dom::element value, RequestReading& reading) {
  if (value.is_null()) return {};
  const auto name = get_if<std::string_view>(value);
  if (!name) return wrong_type("service_tier", "a string");
  const auto tier = known_service_tier(*name);
  if (!tier)
    return invalid(fmt::format("'service_tier' {:?} has no price here; use auto, default, flex or priority", *name),
                   "service_tier");
  reading.out.tier = *tier;
  return {};
}

Status read_output_cap(std::string_view path, dom::element value, RequestReading& reading) {
  if (value.is_null()) return {};
  const auto cap = get_if<std::int64_t>(value);
  if (!cap || *cap < 1) return wrong_type(path, "a whole number of tokens, 1 or more");
  Request& out = reading.out;
  if (out.output_cap)
    return invalid(fmt::format("'{}' and '{}' exclude each other; keep one", out.output_cap_path, path),
                   std::string(path));
  out.output_cap = std::min(*cap, largest_output_cap);
  out.output_cap_path = path;
  return {};
}

Result<std::optional<std::int64_t>> read_count(std::string_view field, dom::element value, std::int64_t least,
                                               std::int64_t most) {
  if (value.is_null()) return std::nullopt;
  const auto count = get_if<std::int64_t>(value);
  if (!count || *count < least || *count > most)
    return wrong_type(field, fmt::format("a whole number from {} to {}", least, most));
  return *count;
}

Status take_tools(dom::element tools, RequestReading& reading) {
  if (tools.is_null()) return {};
  reading.out.input_bound += instructions_margin_tokens;
  if (const auto list = get_if<dom::array>(tools)) {
    for (const dom::element tool : *list) reading.input.tools.push_back(tool);
  } else {
    reading.input.tools.push_back(tools);
  }
  return {};
}

Status take_schema(dom::element schema, RequestReading& reading) {
  if (schema.is_null()) return {};
  reading.out.input_bound += instructions_margin_tokens;
  reading.input.schemas.push_back(schema);
  return {};
}

Status read_prompt(dom::element value, RequestReading& reading) {
  if (value.is_null()) return {};
  ++reading.input.messages;
  collect_text(value, reading.input);
  return {};
}

Status read_beside(dom::element value, RequestReading& reading) {
  collect_text(value, reading.input);
  return {};
}

void take_image(RequestReading& reading, ImageInput image) {
  reading.out.image_input = true;
  reading.out.input_bound += image_bound_tokens;
  reading.input.images.push_back(image);
}

Status read_member(const dom::object& object, std::string_view name, ReadValue read, RequestReading& reading) {
  for (const auto& field : object)
    if (same_but_for_case(field.key, name)) TRY_STATUS(read(field.value, reading));
  return {};
}

Status read_content_parts(dom::element value, ReadObject read, std::string_view field, std::string_view wanted,
                          RequestReading& reading) {
  const auto parts = get_if<dom::array>(value);
  if (!parts) return {};
  for (const dom::element item : *parts) {
    const auto part = get_if<dom::object>(item);
    if (!part) return wrong_type(field, wanted);
    TRY_STATUS(read(*part, reading));
  }
  return {};
}

Status read_objects(dom::element value, ReadObject read, std::string_view field, std::string_view wanted,
                    RequestReading& reading) {
  if (!value.is_null() && !value.is_array()) return wrong_type(field, wanted);
  return read_content_parts(value, read, field, wanted, reading);
}

Status read_messages_with(dom::element value, ReadObject read, RequestReading& reading) {
  const auto messages = get_if<dom::array>(value);
  if (!messages) return wrong_type("messages", "a list of messages");
  for (const dom::element item : *messages) {
    const auto message = get_if<dom::object>(item);
    if (!message) return wrong_type("messages", "a list of messages");
    TRY_STATUS(read(*message, reading));
    ++reading.input.messages;
    collect_text(item, reading.input);
  }
  return {};
}

Status read_system_with(dom::element value, ReadValue read_blocks, RequestReading& reading) {
  TRY_STATUS(read_blocks(value, reading));
  return read_prompt(value, reading);
}

Status read_cache_marks(RequestReading& reading) {
  CacheWrites& writes = reading.out.cache_writes;
  writes = CacheWrites::none;
  for (const dom::element mark : reading.input.cache_marks) {
    if (mark.is_null()) continue;
    const auto object = get_if<dom::object>(mark);
    if (!object) return wrong_type("cache_control", "an object");
    if (writes == CacheWrites::none) writes = CacheWrites::minutes;
    for (const auto& member : *object) {
      if (member.key != "ttl" || member.value.is_null()) continue;
      const auto ttl = get_if<std::string_view>(member.value);
      if (ttl == "1h") {
        writes = CacheWrites::hour;
      } else if (ttl != "5m") {
        return invalid("'cache_control.ttl' must be 5m or 1h: nothing else has a price here", "cache_control.ttl");
      }
    }
  }
  return {};
}

}  // namespace meter
