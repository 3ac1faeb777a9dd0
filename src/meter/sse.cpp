#include "meter/sse.h"

#include "base/find_byte.h"

namespace meter {

std::size_t SseScan::scan(std::string_view bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    const char byte = bytes[at];
    if (byte == '\n' && after_return_) {  // the second half of a CRLF
      after_return_ = false;
      ++at;
      continue;
    }
    after_return_ = false;
    if (byte != '\n' && byte != '\r') {
      line_empty_ = false;
      at += base::find_either(bytes.substr(at), '\n', '\r');
      continue;
    }
    ++at;
    const bool blank = line_empty_;
    line_empty_ = true;
    if (!blank) {
      after_return_ = byte == '\r';
      continue;
    }
    // The event is over with the CR. An LF that has come with it belongs to it; one that comes later is a blank line.
    if (byte == '\r' && bytes.substr(at).starts_with('\n')) ++at;
    blank_line_ = true;
    return at;
  }
  blank_line_ = false;
  return at;
}

}  // namespace meter
