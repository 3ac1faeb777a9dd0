#pragma once
// Server-sent events as bytes (WHATWG HTML, 9.2 "Server-sent events"): finds where events end, whatever the chunking.
// What they say is ReplyReader's to read.

#include <cstddef>
#include <string_view>

namespace meter {

// An event ends with its blank line, which belongs to it. Lines end in LF, CRLF or CR. Where a chunk ends in the CR of
// a blank line, the event is over, and an LF that opens the next chunk is a blank line of its own.
class SseScan {
 public:
  // How many of `bytes` belong to the current event; ended() then says whether they end it.
  std::size_t scan(std::string_view bytes);
  bool ended() const { return blank_line_; }

 private:
  bool line_empty_ = true;     // nothing stands on the current line yet
  bool after_return_ = false;  // the last byte was a CR: an LF that follows belongs to it
  bool blank_line_ = false;    // the last scan ended the event
};

}  // namespace meter
