#pragma once
// Server-sent events as bytes (WHATWG HTML, 9.2 "Server-sent events"): finds where events end, whatever the chunking.

#include <cstddef>
#include <string>
#include <string_view>

namespace meter {

// Splits a byte stream into events. Feed it bytes; it calls back for each complete event with the event's raw bytes
// (its blank line included) and its data (the data lines joined by '\n'; empty for comments and other fields).
// Lines end in LF, CRLF or CR. Bounded: an event longer than max_event_bytes is handed out in raw pieces without data,
// so that memory stays constant on a hostile stream.
class SseSplitter {
 public:
  static constexpr std::size_t max_event_bytes = 1 << 20;

  struct Event {
    std::string_view raw;
    std::string_view data;
  };

  // Calls sink(Event) for each event that is complete with these bytes. The views live until the next call.
  template <class Sink>
  void feed(std::string_view bytes, Sink&& sink) {
    while (!bytes.empty()) {
      Event event;
      if (take(bytes, event)) sink(event);
    }
  }
  // The bytes of an event that the stream's end cut off; empties the splitter.
  std::string_view rest() const { return pending_; }

 private:
  // Moves bytes from the front of `bytes` into the current event; true if `event` is complete.
  bool take(std::string_view& bytes, Event& event);

  std::string pending_;      // of the current event, when it began in an earlier call
  std::string held_;         // the completed event that began in an earlier call
  std::string data_;
  std::size_t scanned_ = 0;
  bool oversized_ = false;
};

}  // namespace meter
