#include "meter/work_stream.h"

#include <utility>

#include "meter/json_document.h"

namespace meter {
namespace {

std::string padded(std::string text) {
  text.reserve(text.size() + simdjson::SIMDJSON_PADDING);
  return text;
}

// The JSON of an event's `response`; empty if it has none.
std::string response_in(std::string event) {
  if (!event.contains("\"response\"")) return {};  // most: they bring a piece of the output
  event = padded(std::move(event));
  const JsonDocument document(event);
  const auto object = document.object();
  simdjson::dom::object response;
  if (!object || object->at_key("response").get(response) != simdjson::SUCCESS) return {};
  return padded(simdjson::minify(response));
}

}  // namespace

void WorkStream::feed(std::string_view bytes) {
  data_.feed(
      bytes,
      [this](std::string_view piece) {
        too_long_ = too_long_ || event_.size() + piece.size() > limit_;
        if (!too_long_) event_ += piece;
      },
      [this] { read_event(); });
}

void WorkStream::read_event() {
  std::string event = std::exchange(event_, {});
  if (std::exchange(too_long_, false) || event.empty()) return;
  std::string response = response_in(std::move(event));
  auto said = read_work_object(response);
  if (!said || (object_ && object_->id != said->id)) return;
  object_ = std::move(said);
  end_ = has_ended() ? std::move(response) : std::string();
}

}  // namespace meter
