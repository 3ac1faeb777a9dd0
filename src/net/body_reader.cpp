#include "net/body_reader.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "base/assert.h"

namespace net {

using base::Result;
using base::Status;

base::Error io_error(Io io, std::string_view doing) {
  if (io == Io::timed_out)
    return {base::ErrorType::upstream_timeout,
            base::Source::upstream_timeout,
            fmt::format("timed out while {}", doing),
            {}};
  return {
      base::ErrorType::upstream_error, base::Source::network, fmt::format("the connection broke while {}", doing), {}};
}

BodyReader::BodyReader(Stream& stream, MessageBuffer& buffer, Framing framing, std::int64_t content_length,
                       std::int64_t idle_ms, std::int64_t total_deadline_ms)
    : stream_(stream),
      head_buffer_(buffer),
      decoder_(framing, content_length),
      framing_(framing),
      content_length_(content_length),
      idle_ms_(idle_ms),
      total_deadline_ms_(total_deadline_ms) {}

void BodyReader::set_deadline() {
  stream_.expires_at(std::min(stream_.loop().now_ms() + idle_ms_, total_deadline_ms_));
}

Task<Status> BodyReader::fill() {
  if (!more_) {
    more_ = stream_.loop().buffers().take();
    const std::string_view left = head_buffer_.bytes();
    std::memcpy(more_->space(), left.data(), left.size());
    more_->filled(left.size());
    head_buffer_.consume(left.size());
  }
  MessageBuffer& buffer = *more_;
  buffer.compact();
  ASSERT(buffer.space_left() > 0);  // what the decoder leaves is a chunk line or a trailer: far less than a buffer
  set_deadline();
  const auto read = co_await stream_.read_some(buffer.space(), buffer.space_left());
  if (read.io == Io::closed && decoder_.end_of_stream()) co_return Status{};  // the end was all that was missing
  if (read.io != Io::ok) co_return base::fail(io_error(read.io, "reading a body"));
  buffer.filled(read.count);
  co_return Status{};
}

std::optional<std::string_view> BodyReader::at_hand() {
  if (framing_ == Framing::none) return std::string_view();
  if (framing_ != Framing::length || current().bytes().size() < static_cast<std::size_t>(content_length_))
    return std::nullopt;
  const auto taken = take_buffered();
  ASSERT(taken.has_value());  // a body with a length has no framing that could be wrong
  return *taken;
}

Result<std::string_view> BodyReader::take_buffered() {
  const std::string_view bytes = current().bytes();
  char* const front = const_cast<char*>(bytes.data());
  std::size_t taken = 0;    // of bytes
  std::size_t payload = 0;  // moved to the front
  while (true) {
    TRY(const BodyDecoder::Step step, decoder_.next(bytes.substr(taken)));
    if (step.consumed == 0) break;
    if (!step.payload.empty()) {
      if (front + payload != step.payload.data())
        std::memmove(front + payload, step.payload.data(), step.payload.size());
      payload += step.payload.size();
    }
    taken += step.consumed;
  }
  current().consume(taken);
  return std::string_view(front, payload);
}

Task<Result<std::string_view>> BodyReader::read_piece() {
  while (true) {
    CO_TRY(const std::string_view piece, take_buffered());
    if (!piece.empty() || decoder_.done()) co_return piece;
    CO_TRY_STATUS(co_await fill());
  }
}

// Reads straight into the large body, without a stop in the buffer.
Task<Status> BodyReader::fill_large(std::size_t wanted) {
  std::size_t have = large_.size();
  large_.resize(wanted);
  while (have < wanted) {
    set_deadline();
    const auto read = co_await stream_.read_some(large_.data() + have, wanted - have);
    if (read.io != Io::ok) co_return base::fail(io_error(read.io, "reading a body"));
    CO_TRY(const BodyDecoder::Step step, decoder_.next({large_.data() + have, read.count}));
    ASSERT(step.consumed == read.count);
    have += read.count;
  }
  co_return Status{};
}

Task<Result<std::string_view>> BodyReader::read_all(std::int64_t max_bytes) {
  const auto too_large = [&] {
    return base::fail(base::ErrorType::payload_too_large, fmt::format("the body has more than {} bytes", max_bytes));
  };
  if (framing_ == Framing::none) co_return std::string_view();
  if (framing_ == Framing::length) {
    if (content_length_ > max_bytes) co_return too_large();
    const auto wanted = static_cast<std::size_t>(content_length_);
    // A body that fits behind its head is read and handed out in place.
    MessageBuffer& buffer = current();
    while (buffer.bytes().size() < wanted && buffer.bytes().size() + buffer.space_left() >= wanted) {
      set_deadline();
      const auto read = co_await stream_.read_some(buffer.space(), buffer.space_left());
      if (read.io != Io::ok) co_return base::fail(io_error(read.io, "reading a body"));
      buffer.filled(read.count);
    }
    if (const auto body = at_hand()) co_return *body;
  }
  const auto reserved = framing_ == Framing::length ? static_cast<std::size_t>(content_length_) : std::size_t{0};
  large_.reserve(reserved + MessageBuffer::padding);
  while (!decoder_.done()) {
    CO_TRY(const std::string_view piece, take_buffered());
    if (static_cast<std::int64_t>(large_.size() + piece.size()) > max_bytes) co_return too_large();
    large_.append(piece);
    if (decoder_.done()) break;
    if (framing_ == Framing::length) {
      CO_TRY_STATUS(co_await fill_large(reserved));
      break;
    }
    CO_TRY_STATUS(co_await fill());
  }
  large_.reserve(large_.size() + MessageBuffer::padding);
  co_return std::string_view(large_);
}

}  // namespace net
