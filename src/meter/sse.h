#pragma once
// Server-sent events as bytes (WHATWG HTML, 9.2 "Server-sent events"): finds where events end, whatever the chunking.
// What they say is ReplyReader's to read.

#include <cstddef>
#include <string>
#include <string_view>

namespace meter {

// Splits a byte stream into events. Feed it bytes; it calls back for each complete event with the event's raw bytes,
// its blank line included.
//
// Always true: the events in order, and rest() behind them, are the bytes that were fed, unchanged. Lines end in LF,
// CRLF or CR. An event is handed out as soon as it is over: where a chunk ends in the CR of its blank line, an LF that
// opens the next chunk comes as a piece of its own. Bounded: an event longer than the limit is handed out in pieces, so
// that memory stays constant on a hostile stream.
class SseSplitter {
 public:
  static constexpr std::size_t max_event_bytes = 1 << 20;

  // `limit`: the most bytes before its blank line that an event may have.
  explicit SseSplitter(std::size_t limit = max_event_bytes) : limit_(limit) {}

  // Calls sink(std::string_view) for each event that is complete with these bytes. The view lives until it returns.
  template <class Sink>
  void feed(std::string_view bytes, Sink&& sink) {
    while (!bytes.empty()) {
      const std::string_view event = take(bytes);
      if (!event.empty()) sink(event);
    }
  }
  // The bytes of an event that has begun and is not over: at the stream's end, what the end cut off.
  std::string_view rest() const { return pending_; }

 private:
  // Moves bytes from the front of `bytes` into the current event; returns it, or a piece of it, once it is handed out.
  std::string_view take(std::string_view& bytes);
  // How many of `bytes` belong to the current event; sets blank_line_ if they end it.
  std::size_t scan(std::string_view bytes);

  std::size_t limit_;
  std::string pending_;        // of the current event, when it began in an earlier call
  std::string held_;           // the completed event that began in an earlier call
  std::size_t length_ = 0;     // bytes of the current event, without its blank line
  bool line_empty_ = true;     // nothing stands on the current line yet
  bool after_return_ = false;  // the last byte was a CR: an LF that follows belongs to it
  bool blank_line_ = false;    // the last scan ended the event
  bool oversized_ = false;     // the current event is being handed out in pieces
};

}  // namespace meter
