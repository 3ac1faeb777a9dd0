#pragma once
// Splits a stream's bytes into whole events, in whatever framing: a Scan (sse.h, stream_framing.h) says where they end.

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace meter {

// Feed it bytes; it calls back for each complete event with the event's raw bytes.
//
// Always true: the events in order, and rest() behind them, are the bytes that were fed, unchanged. An event is handed
// out as soon as it is over. Bounded: an event longer than the limit is handed out in pieces, so that memory stays
// constant on a hostile stream.
template <class Scan>
class EventSplitter {
 public:
  static constexpr std::size_t max_event_bytes = 1 << 20;

  // `limit`: the most bytes of an event that may come without its end; 1 or more.
  explicit EventSplitter(std::size_t limit = max_event_bytes, Scan scan = {}) : limit_(limit), scan_(std::move(scan)) {}

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
  const Scan& scan() const { return scan_; }

 private:
  // Moves bytes from the front of `bytes` into the current event; returns it, or a piece of it, once it is handed out.
  std::string_view take(std::string_view& bytes) {
    const std::string_view taken = bytes.substr(0, scan_.scan(bytes));
    bytes.remove_prefix(taken.size());
    length_ += taken.size();
    const bool ended = scan_.ended();
    if (!ended && !oversized_ && length_ <= limit_) {
      pending_.append(taken);
      return {};
    }
    // Here it is handed out: the whole event, or a piece of one that is too long.
    oversized_ = !ended;
    if (ended) length_ = 0;
    if (pending_.empty()) return taken;
    pending_.append(taken);
    held_.swap(pending_);
    pending_.clear();
    return held_;
  }

  std::size_t limit_;
  Scan scan_;
  std::string pending_;     // of the current event, when it began in an earlier call
  std::string held_;        // the completed event that began in an earlier call
  std::size_t length_ = 0;  // bytes of the current event
  bool oversized_ = false;  // the current event is being handed out in pieces
};

}  // namespace meter
