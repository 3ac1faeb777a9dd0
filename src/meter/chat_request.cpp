#include "meter/chat_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/container/static_vector.hpp>
#include <span>

#include "meter/json_document.h"

namespace meter {
namespace {

namespace dom = simdjson::dom;
using base::invalid;
using base::Status;

// The dialect has some forty fields; more than this is no request, and the search for duplicates stays cheap.
constexpr std::size_t most_fields = 128;
// Above every model's longest answer; it keeps cap × choices far from overflow. The body itself is not changed.
constexpr std::int64_t largest_output_cap = 1'000'000'000;

// What the content of the messages adds to the byte bound.
struct Content {
  std::int64_t images = 0;
  bool audio = false;
};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Providers written in Go match names without regard to case (encoding/json), so "Model" may be read as "model". Nearly
// all pairs differ in length or in more than the case bit of their first letter: that much is looked at in place.
inline bool same_but_for_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size() || (!a.empty() && ((a.front() ^ b.front()) & ~0x20) != 0)) return false;
  return a == b || std::ranges::equal(a, b, {}, lower, lower);
}

// Duplicate keys of one object, found with what the stack holds.
class SeenKeys {
 public:
  Status add(std::string_view key, std::string_view prefix) {
    if (std::ranges::find(keys_, key) != keys_.end())
      return invalid(fmt::format("'{}{}' is given twice; keep one", prefix, key), fmt::format("{}{}", prefix, key));
    if (keys_.size() == most_fields) return invalid(fmt::format("more than {} fields", most_fields));
    keys_.push_back(key);
    return {};
  }

 private:
  boost::container::static_vector<std::string_view, most_fields> keys_;
};

std::unexpected<base::Error> wrong_type(std::string_view field, std::string_view wanted) {
  return invalid(fmt::format("'{}' must be {}", field, wanted), std::string(field));
}

Status read_model(dom::element value, Request& out) {
  const auto model = get_if<std::string_view>(value);
  if (!model || model->empty()) return wrong_type("model", "the name of a model");
  out.model = *model;
  return {};
}

Status read_user(dom::element value, Request& out) {
  if (value.is_null()) return {};
  const auto user = get_if<std::string_view>(value);
  if (!user) return wrong_type("user", "a string");
  out.user = *user;
  return {};
}

Status read_stream(dom::element value, Request& out) {
  if (value.is_null()) return {};
  const auto stream = get_if<bool>(value);
  if (!stream) return wrong_type("stream", "true or false");
  out.stream = *stream;
  return {};
}

Status read_stream_options(dom::element value, Request& out) {
  if (value.is_null()) return {};
  const auto options = get_if<dom::object>(value);
  if (!options) return wrong_type("stream_options", "an object");
  SeenKeys seen;
  for (const auto& field : *options) {
    TRY_STATUS(seen.add(field.key, "stream_options."));
    if (field.key != "include_usage" || field.value.is_null()) continue;
    const auto include = get_if<bool>(field.value);
    if (!include) return wrong_type("stream_options.include_usage", "true or false");
    out.include_usage = *include;
  }
  return {};
}

Status read_output_cap(std::string_view field, dom::element value, Request& out) {
  if (value.is_null()) return {};
  const auto cap = get_if<std::int64_t>(value);
  if (!cap || *cap < 1) return wrong_type(field, "a whole number of tokens, 1 or more");
  // Which of the two a provider obeys is not certain, and OpenAI refuses both together as well.
  if (out.output_cap)
    return invalid(fmt::format("'{}' and '{}' exclude each other; keep one", out.output_cap_path, field),
                   std::string(field));
  out.output_cap = std::min(*cap, largest_output_cap);
  out.output_cap_path = field;
  return {};
}

Status read_max_tokens(dom::element value, Request& out) { return read_output_cap("max_tokens", value, out); }
Status read_max_completion_tokens(dom::element value, Request& out) {
  return read_output_cap("max_completion_tokens", value, out);
}

Status read_choices(dom::element value, Request& out) {
  if (value.is_null()) return {};
  const auto choices = get_if<std::int64_t>(value);
  if (!choices || *choices < 1 || *choices > 128) return wrong_type("n", "a whole number from 1 to 128");
  out.choices = *choices;
  return {};
}

Status read_service_tier(dom::element value, Request& out) {
  if (value.is_null()) return {};
  const auto name = get_if<std::string_view>(value);
  if (!name) return wrong_type("service_tier", "a string");
  const auto tier = known_service_tier(*name);
  if (!tier)
    return invalid(fmt::format("'service_tier' {:?} has no price here; use auto, default, flex or priority", *name),
                   "service_tier");
  out.tier = *tier;
  return {};
}

Status read_modalities(dom::element value, Request& out) {
  if (value.is_null()) return {};
  const auto modalities = get_if<dom::array>(value);
  if (!modalities) return wrong_type("modalities", "a list of strings");
  for (const dom::element item : *modalities) {
    const auto modality = get_if<std::string_view>(item);
    if (modality != "text" && modality != "audio")
      return invalid("'modalities' may hold text and audio: nothing else has a price here", "modalities");
    if (modality == "audio") out.audio = true;
  }
  return {};
}

// Functions and custom tools run at the client. A hosted tool (a search, a browser) runs at the provider for a fee.
Status read_tool(dom::object tool) {
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

Status read_tools(dom::element value, Request& out) {
  if (value.is_null()) return {};
  const auto tools = get_if<dom::array>(value);
  if (!tools) return wrong_type("tools", "a list of tools");
  for (const dom::element item : *tools) {
    const auto tool = get_if<dom::object>(item);
    if (!tool) return wrong_type("tools", "a list of tools");
    TRY_STATUS(read_tool(*tool));
  }
  out.input_bound += instructions_margin_tokens;
  return {};
}

// response_format, and functions: the dialect's older name for tools.
Status read_instructed(dom::element value, Request& out) {
  if (!value.is_null()) out.input_bound += instructions_margin_tokens;
  return {};
}

// Every member counts, not the first or the last of a name: the provider may read either.
Status read_part(dom::object part, Content& content) {
  bool typed = false;
  bool image = false;
  for (const auto& field : part) {
    if (same_but_for_case(field.key, "type")) {
      const auto type = get_if<std::string_view>(field.value);
      if (type == "image_url") {
        image = true;
      } else if (type == "input_audio") {
        content.audio = true;
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
    } else if (same_but_for_case(field.key, "input_audio")) {
      content.audio = true;
    } else if (same_but_for_case(field.key, "file")) {
      return invalid("a file in a message cannot be bounded: its pages cost more tokens than it has bytes", "messages");
    }
  }
  if (!typed) return invalid("each part of a message's content needs a type", "messages");
  if (image) ++content.images;
  return {};
}

Status read_content(dom::element value, Content& content) {
  if (value.is_null() || value.is_string()) return {};
  const auto parts = get_if<dom::array>(value);
  if (!parts) return wrong_type("messages", "messages whose content is a string or a list of parts");
  for (const dom::element item : *parts) {
    const auto part = get_if<dom::object>(item);
    if (!part) return wrong_type("messages", "messages whose content parts are objects");
    TRY_STATUS(read_part(*part, content));
  }
  return {};
}

Status read_messages(dom::element value, Request& out) {
  const auto messages = get_if<dom::array>(value);
  if (!messages) return wrong_type("messages", "a list of messages");
  Content content;
  for (const dom::element item : *messages) {
    const auto message = get_if<dom::object>(item);
    if (!message) return wrong_type("messages", "a list of messages");
    for (const auto& field : *message) {
      if (same_but_for_case(field.key, "content")) {
        TRY_STATUS(read_content(field.value, content));
      } else if (same_but_for_case(field.key, "audio") && !field.value.is_null()) {
        return invalid("an earlier audio answer, named by its id, cannot be bounded", "messages");
      }
    }
  }
  out.audio = out.audio || content.audio;
  out.input_bound += content.images * image_bound_tokens;
  return {};
}

// null is absence here as in the dialect.
Status refuse(dom::element value, std::string_view field, std::string_view why) {
  if (value.is_null()) return {};
  return invalid(fmt::format("'{}' is refused: {}", field, why), std::string(field));
}
Status refuse_search(dom::element value, Request&) {
  return refuse(value, "web_search_options", "a search fee cannot be bounded");
}
Status refuse_live_search(dom::element value, Request&) {
  return refuse(value, "search_parameters", "a search fee cannot be bounded");
}
Status refuse_models(dom::element value, Request&) {
  return refuse(value, "models", "the model that answers must be the one that is priced");
}
Status refuse_plugins(dom::element value, Request&) {
  return refuse(value, "plugins", "a plugin's fee cannot be bounded");
}
Status refuse_prediction(dom::element value, Request&) {
  return refuse(value, "prediction", "what of it is not used is billed as output, on top of the output cap");
}

struct Field {
  std::string_view name;
  Status (*read)(dom::element, Request&);
};

// The fields that decide the cost. search_parameters is xAI's; models and plugins are OpenRouter's.
constexpr std::array fields{
    Field{"model", read_model},
    Field{"messages", read_messages},
    Field{"stream", read_stream},
    Field{"stream_options", read_stream_options},
    Field{"max_completion_tokens", read_max_completion_tokens},
    Field{"max_tokens", read_max_tokens},
    Field{"n", read_choices},
    Field{"service_tier", read_service_tier},
    Field{"modalities", read_modalities},
    Field{"tools", read_tools},
    Field{"functions", read_instructed},
    Field{"response_format", read_instructed},
    Field{"user", read_user},
    Field{"prediction", refuse_prediction},
    Field{"web_search_options", refuse_search},
    Field{"search_parameters", refuse_live_search},
    Field{"models", refuse_models},
    Field{"plugins", refuse_plugins},
};

}  // namespace

base::Result<Request> read_chat_request(std::string_view body) {
  const JsonDocument document(body);
  const auto root = document.object();
  if (document.error() != simdjson::SUCCESS)
    return invalid(fmt::format("the body is not valid JSON: {}", simdjson::error_message(document.error())));
  if (!root) return invalid("the body must be a JSON object");

  Request out;
  out.input_bound = static_cast<std::int64_t>(body.size()) + input_margin_tokens;
  SeenKeys seen;
  bool messages = false;
  for (const auto& member : *root) {
    TRY_STATUS(seen.add(member.key, ""));
    for (const Field& field : fields) {
      if (!same_but_for_case(member.key, field.name)) continue;
      if (member.key != field.name)
        return invalid(fmt::format("'{}' must be written '{}'", member.key, field.name), std::string(member.key));
      TRY_STATUS(field.read(member.value, out));
      messages = messages || field.read == read_messages;
    }
  }
  if (out.model.empty()) return invalid("'model' is missing", "model");
  if (!messages) return invalid("'messages' is missing", "messages");
  return out;
}

base::Result<Request> read_copied_chat_request(std::string_view body) {
  std::string padded;
  padded.reserve(body.size() + simdjson::SIMDJSON_PADDING);
  padded = body;
  return read_chat_request(padded);
}

}  // namespace meter
