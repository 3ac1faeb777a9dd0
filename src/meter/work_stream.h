#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "meter/sse_data.h"
#include "meter/work_object.h"

namespace meter {

// What the stream of a response in the background says of it: its first event names it, and each that tells how far it
// is holds the whole object (openai-python: types/responses/response_stream_event.py).
//
// Always: what stands in an event of another id counts for nothing, and an event that is too long to be kept, or has
// not come whole, is none.
class WorkStream {
 public:
  // The most bytes of one event that are kept.
  static constexpr std::size_t max_event_bytes = 64 << 20;
  explicit WorkStream(std::size_t limit = max_event_bytes) : limit_(limit) {}

  // The stream's bytes, in pieces of any size.
  void feed(std::string_view bytes);
  // At the stream's end: its last event may stand there without the empty line that ends it.
  void finish() { read_event(); }
  // As it was named first and said last; nullopt: not yet.
  const std::optional<WorkObject>& object() const { return object_; }
  bool has_ended() const { return object_ && object_->status == WorkStatus::ended; }
  // The object as JSON when it has ended, with simdjson::SIMDJSON_PADDING readable bytes behind it; else empty.
  std::string_view end() const { return end_; }

 private:
  void read_event();

  std::size_t limit_;
  SseData data_;
  std::string event_;  // its data, as far as they have come
  bool too_long_ = false;
  std::optional<WorkObject> object_;
  std::string end_;
};

}  // namespace meter
