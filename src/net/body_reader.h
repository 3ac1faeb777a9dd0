#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "net/http_body.h"
#include "net/message_buffer.h"
#include "net/stream.h"

namespace net {

// Reads one body from a connection, either whole and bounded or piece by piece with one buffer's worth of memory: the
// next piece is read from the network only when it is asked for, which is the back-pressure. The buffer of the head is
// never overwritten: the head's views stay good until the exchange is over.
class BodyReader {
 public:
  // `buffer` holds what was read behind the head, its front at the body. Each wait ends after idle_ms, or at
  // total_deadline_ms (Loop::now_ms) if that is sooner.
  BodyReader(Stream& stream, MessageBuffer& buffer, Framing framing, std::int64_t content_length, std::int64_t idle_ms,
             std::int64_t total_deadline_ms = Deadline::never);

  // The whole body, followed by at least MessageBuffer::padding readable bytes. Lives as long as the reader and until
  // the buffer changes. payload_too_large if it has more than max_bytes.
  Task<base::Result<std::string_view>> read_all(std::int64_t max_bytes);
  // The same without waiting, for a body that lies in the buffer already; nullopt: call read_all.
  std::optional<std::string_view> at_hand();

  // The next bytes of the payload; empty at the end. Chunks that arrived together come as one piece. The view lives
  // until the next call.
  Task<base::Result<std::string_view>> read_piece();

  bool done() const { return decoder_.done(); }
  // Whether read_piece has something to work on without waiting for the network.
  bool has_buffered() const { return done() || !current().bytes().empty(); }
  // What was read beyond the body's end: the next message's first bytes.
  std::string_view beyond() const { return current().bytes(); }
  // The body's own buffer, if it needed one; it then holds beyond().
  BufferHandle take_buffer() { return std::move(more_); }
  const std::string& trailers() const { return decoder_.trailers(); }

 private:
  // Takes the payload out of what is buffered, moved together over the chunk framing.
  base::Result<std::string_view> take_buffered();
  // Reads more into the buffer, or ends the body at the end of the connection.
  Task<base::Status> fill();
  Task<base::Status> fill_large(std::size_t wanted);
  void set_deadline();

  MessageBuffer& current() const { return more_ ? *more_ : head_buffer_; }

  Stream& stream_;
  MessageBuffer& head_buffer_;
  BufferHandle more_;
  BodyDecoder decoder_;
  Framing framing_;
  std::int64_t content_length_;
  std::int64_t idle_ms_;
  std::int64_t total_deadline_ms_;
  std::string large_;  // a whole body that did not fit the buffer
};

// What went wrong with a connection, as an error of its peer's kind.
base::Error io_error(Io io, std::string_view doing);

}  // namespace net
