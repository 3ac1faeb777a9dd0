// Ollama's own endpoints (docs/api.md of its repository).
#include <array>

#include "meter/image_head.h"
#include "meter/request_reading.h"

namespace meter {
namespace {

namespace dom = simdjson::dom;
using base::invalid;
using base::Status;

// A list of base64.
Status read_images(dom::element value, RequestReading& reading) {
  const auto images = get_if<dom::array>(value);
  if (!images) return value.is_null() ? Status{} : wrong_type("images", "a list of images in base64");
  for (const dom::element item : *images) {
    const auto data = get_if<std::string_view>(item);
    if (!data) return wrong_type("images", "a list of images in base64");
    take_image(reading, {.size = size_in_base64(*data)});
  }
  return {};
}

// Images are no text, so not all of a message is collected.
Status read_message(const dom::object& message, RequestReading& reading) {
  ++reading.input.messages;
  for (const auto& field : message)
    if (!same_but_for_case(field.key, "images")) collect_text(field.value, reading.input);
  return read_member(message, "images", read_images, reading);
}
Status read_messages(dom::element value, RequestReading& reading) {
  if (value.is_null()) return wrong_type("messages", "a list of messages");
  return read_objects(value, read_message, "messages", "a list of messages", reading);
}
// Ids of an earlier answer's tokens: each is at least a byte of the body.
Status read_context(dom::element value, RequestReading& reading) {
  if (const auto ids = get_if<dom::array>(value)) reading.input.more_tokens += static_cast<std::int64_t>(ids->size());
  return {};
}

// -1 and -2, without an end and to the end of the context, are no caps.
Status read_num_predict(dom::element value, RequestReading& reading) {
  const auto count = get_if<std::int64_t>(value);
  if (count == -1 || count == -2) return {};
  return read_output_cap("options.num_predict", value, reading);
}
constexpr std::array option_fields{RequestField{"num_predict", read_num_predict}};
Status read_options(dom::element value, RequestReading& reading) {
  return read_object(value, option_fields, "options", reading);
}

constexpr std::array fields{
    RequestField{"model", read_model},     RequestField{"messages", read_messages}, RequestField{"prompt", read_prompt},
    RequestField{"system", read_beside},   RequestField{"template", read_beside},   RequestField{"suffix", read_beside},
    RequestField{"context", read_context}, RequestField{"images", read_images},     RequestField{"tools", take_tools},
    RequestField{"format", take_schema},   RequestField{"options", read_options},   RequestField{"stream", read_stream},
};
Status read_generation(const dom::object& root, RequestReading& reading) {
  reading.out.stream = true;  // unless the request says otherwise
  TRY_STATUS(read_members(root, fields, "", reading));
  if (reading.input.messages == 0) return invalid("'messages' is missing", "messages");
  return {};
}

constexpr std::array embedding_fields{
    RequestField{"model", read_model},
    RequestField{"prompt", read_prompt},
    RequestField{"input", read_prompt},
};
Status read_embeddings(const dom::object& root, RequestReading& reading) {
  TRY_STATUS(read_members(root, embedding_fields, "", reading));
  if (reading.input.messages == 0) return invalid("'input' is missing", "input");
  reading.out.output_cap = 0;
  reading.input.counts_only_texts = true;
  return {};
}

constexpr std::array readers{
    RequestReader{"chat", Dialect::ollama, read_generation, "options.num_predict"},
    RequestReader{"generate", Dialect::ollama, read_generation, "options.num_predict"},
    RequestReader{"embed", Dialect::ollama, read_embeddings},
    RequestReader{"embeddings", Dialect::ollama, read_embeddings},
};

}  // namespace

std::span<const RequestReader> ollama_requests() { return readers; }

}  // namespace meter
