#pragma once
// How a streamed reply's bytes are framed, and where its events end, in every framing that providers use.

#include <cstdint>
#include <string>
#include <string_view>

#include "meter/event_splitter.h"
#include "meter/sse.h"

namespace meter {

enum class Framing : std::uint8_t {
  unknown,
  sse,       // server-sent events
  messages,  // AWS event stream: Bedrock
  lines,     // JSON values, one a line: Ollama, Cohere's v1
  array,     // one JSON array, an element an event: Gemini's streamGenerateContent without alt=sse
};

// What a Content-Type says of it, in any case and with parameters; unknown for JSON and all others.
Framing framing_of(std::string_view content_type);

// An event is a JSON value with the newline behind it (lines), or an element of the array with what stands before it;
// the array's bracket opens the first event, and closes it as an event of its own. A value may go over several lines.
class JsonScan {
 public:
  explicit JsonScan(bool in_array) : in_array_(in_array) {}
  std::size_t scan(std::string_view bytes);
  bool ended() const { return ended_; }

 private:
  bool ends_with(char byte);

  bool in_array_;
  bool in_string_ = false;
  bool escaped_ = false;  // the last byte was the backslash of an escape
  bool ended_ = false;
  std::int64_t depth_ = 0;  // brackets that are open
};

// An event is a message by the length in its prelude, whose checksum must be right (event_stream.h). Behind a damaged
// one nobody knows where a message begins: what comes is handed out as it comes.
class MessageScan {
 public:
  std::size_t scan(std::string_view bytes);
  bool ended() const { return ended_; }
  bool is_damaged() const { return damaged_; }

 private:
  std::string prelude_;     // as far as it has come; empty behind it
  std::uint32_t left_ = 0;  // bytes of the message behind its prelude
  bool ended_ = false;
  bool damaged_ = false;
};

// The framing is found in the bytes, as ReplyReader finds it, for providers name it wrongly now and then: by the first
// one that is no white space and of no byte order mark. What stands before it belongs to the first event.
class StreamScan {
 public:
  StreamScan() = default;
  explicit StreamScan(std::string_view content_type) : said_(framing_of(content_type)) {}

  std::size_t scan(std::string_view bytes);
  bool ended() const { return ended_; }
  // As the bytes show it; before there are any, as the content type says.
  Framing framing() const { return found_ == Framing::unknown ? said_ : found_; }
  // Only an AWS event stream can be: it is best ended here.
  bool is_damaged() const { return messages_.is_damaged(); }

 private:
  std::size_t find_framing(std::string_view bytes);
  template <class Scan>
  std::size_t scan_with(Scan& scan, std::string_view bytes) {
    const std::size_t size = scan.scan(bytes);
    ended_ = scan.ended();
    return size;
  }

  Framing said_ = Framing::unknown;
  Framing found_ = Framing::unknown;
  bool ended_ = false;
  SseScan events_;
  MessageScan messages_;
  JsonScan lines_{false};
  JsonScan array_{true};
};

using StreamSplitter = EventSplitter<StreamScan>;

}  // namespace meter
