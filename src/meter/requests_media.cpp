// OpenAI's images and speech (API reference, "Create image", "Create speech"), and its transcriptions, which are forms.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "meter/audio_length.h"
#include "meter/form_data.h"
#include "meter/form_requests.h"
#include "meter/made_images.h"
#include "meter/request_reading.h"

namespace meter {
namespace {

namespace dom = simdjson::dom;
using base::invalid;
using base::Status;

Status read_text(dom::element value, RequestReading& reading) {
  if (!value.is_string()) return wrong_type("prompt", "a string");
  ++reading.input.messages;
  collect_text(value, reading.input);
  return {};
}
Status read_images(dom::element value, RequestReading& reading) {
  TRY(const auto count, read_count("n", value, 1, most_images));
  reading.out.images = count.value_or(1);
  return {};
}
Status read_size(dom::element value, RequestReading& reading) {
  const auto text = get_if<std::string_view>(value);
  if (value.is_null() || text == "auto") return {};
  const auto size = text ? parse_image_size(*text) : std::nullopt;
  if (!size) return wrong_type("size", "auto or a size as 1024x1024 is");
  reading.out.width = size->width;
  reading.out.height = size->height;
  return {};
}
Status read_quality(dom::element value, RequestReading& reading) {
  if (value.is_null()) return {};
  return take_quality(get_if<std::string_view>(value).value_or(""), reading.out);
}
Status read_partial_images(dom::element value, RequestReading& reading) {
  TRY(const auto count, read_count("partial_images", value, 0, most_partial_images));
  reading.out.output_cap = most_image_tokens + count.value_or(0) * partial_image_tokens;
  return {};
}

constexpr std::array image_fields{
    RequestField{"model", read_model},     RequestField{"prompt", read_text},
    RequestField{"n", read_images},        RequestField{"size", read_size},
    RequestField{"quality", read_quality}, RequestField{"user", read_user},
    RequestField{"stream", read_stream},   RequestField{"partial_images", read_partial_images},
};

Status read_image_body(const dom::object& root, RequestReading& reading) {
  Request& out = reading.out;
  out.images = 1;
  out.output_cap = most_image_tokens;
  TRY_STATUS(read_members(root, image_fields, "", reading));
  if (reading.input.messages == 0) return invalid("'prompt' is missing", "prompt");
  return settle_image_rows(reading.path_model.empty() ? std::string_view(out.model) : reading.path_model, out);
}

// Unicode characters, as UTF-8 has them.
std::int64_t characters_in(std::string_view text) {
  return std::ranges::count_if(text, [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; });
}
Status read_spoken(dom::element value, RequestReading& reading) {
  const auto text = get_if<std::string_view>(value);
  if (!text) return wrong_type("input", "a string");
  reading.out.characters = std::max<std::int64_t>(characters_in(*text), 1);
  return {};
}
constexpr std::array speech_fields{RequestField{"model", read_model}, RequestField{"input", read_spoken}};

// Speech that is billed by the characters that are read. How long a model that bills tokens of audio speaks is in no
// request: such a model has no price for characters, and so none here (worst_cost.h).
Status read_speech_body(const dom::object& root, RequestReading& reading) {
  TRY_STATUS(read_members(root, speech_fields, "", reading));
  if (reading.out.characters == 0) return invalid("'input' is missing", "input");
  reading.out.output_cap = 0;
  reading.input.unbounded_by_count = true;
  return {};
}

constexpr std::array readers{
    RequestReader{"images.generations", Dialect::images, read_image_body},
    RequestReader{"audio.speech", Dialect::none, read_speech_body},
};

// Audio is at most ten tokens a second (metering.md 3.3's measure of input audio).
constexpr std::int64_t tokens_per_second = 10;

}  // namespace

Status read_transcription(std::string_view body, RequestReading& reading) {
  TRY(const std::vector<FormPart> parts, read_form(body));
  Request& out = reading.out;
  std::int64_t text_bytes = 0;
  bool file = false;
  SeenKeys seen;
  for (const FormPart& part : parts) {
    // A list has one part for each of its items.
    if (!part.name.ends_with("[]")) TRY_STATUS(seen.add(part.name, ""));
    if (part.name == "file") {
      const auto seconds = longest_audio_seconds(part.content);
      if (!seconds)
        return invalid("'file' must be WAV or MP3: how long another format lasts is not in its size", "file");
      out.audio_seconds = *seconds;
      file = true;
      continue;
    }
    for (const std::string_view name :
         {std::string_view("file"), std::string_view("model"), std::string_view("stream")})
      if (same_but_for_case(part.name, name) && part.name != name)
        return invalid(fmt::format("'{}' must be written '{}'", part.name, name), std::string(part.name));
    text_bytes += static_cast<std::int64_t>(part.content.size());
    if (part.name == "model") out.model = part.content;
    if (part.name == "stream") out.stream = part.content == "true" || part.content == "True" || part.content == "1";
  }
  if (!file) return invalid("'file' is missing", "file");
  out.audio = true;
  out.input_bound = text_bytes + input_margin_tokens + out.audio_seconds * tokens_per_second;
  reading.input.unbounded_by_count = true;
  return {};
}

std::span<const RequestReader> media_requests() { return readers; }

}  // namespace meter
