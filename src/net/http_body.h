#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http_head.h"

namespace net {

// Takes the framing off a body: bytes of the connection in, pieces of payload out. Sans-I/O and without allocation but
// for trailers. Strict about chunks: hexadecimal sizes without sign or space, CRLF, no bare LF; chunk extensions are
// skipped (RFC 9112 section 7.1.1) up to 256 bytes a chunk.
class BodyDecoder {
 public:
  BodyDecoder() : BodyDecoder(Framing::none, 0) {}
  BodyDecoder(Framing framing, std::int64_t content_length);

  struct Step {
    std::size_t consumed = 0;  // bytes of `bytes` that are dealt with
    std::string_view payload;  // part of `bytes`; may be empty while consumed > 0
  };
  // Takes the next piece from the front of `bytes`; consumed == 0 and no payload: more bytes are needed (or done()).
  base::Result<Step> next(std::string_view bytes);
  // The connection ended: fine for until_close, an error for a body that is not complete.
  base::Status end_of_stream();

  bool done() const { return state_ == State::done; }
  // The trailer section as received, "Name: value\r\n" lines, checked; empty if there was none. At most 8 KB.
  const std::string& trailers() const { return trailers_; }

 private:
  enum class State : std::uint8_t { length, until_close, chunk_size, chunk_data, chunk_end, trailer, done };
  base::Result<Step> chunk_size(std::string_view bytes);
  base::Result<Step> trailer_line(std::string_view bytes);

  State state_;
  std::int64_t left_ = 0;  // of the body or the chunk
  std::string trailers_;
};

}  // namespace net
