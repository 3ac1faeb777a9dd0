#include "net/http_body.h"

#include <algorithm>

#include "base/assert.h"

namespace net {
namespace {

using base::Result;

constexpr std::size_t chunk_line_max = 16 + 256 + 2;
constexpr std::size_t trailers_max = 8 * 1024;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::unexpected<base::Error> bad(const char* message) { return base::invalid(message); }

}  // namespace

BodyDecoder::BodyDecoder(Framing framing, std::int64_t content_length) : state_(State::done), left_(content_length) {
  ASSERT(content_length >= 0);
  switch (framing) {
    case Framing::none: break;
    case Framing::length: state_ = content_length > 0 ? State::length : State::done; break;
    case Framing::chunked: state_ = State::chunk_size; break;
    case Framing::until_close: state_ = State::until_close; break;
  }
}

Result<BodyDecoder::Step> BodyDecoder::next(std::string_view bytes) {
  if (bytes.empty()) return Step{};
  switch (state_) {
    case State::done: return Step{};
    case State::until_close: return Step{bytes.size(), bytes};
    case State::length:
    case State::chunk_data: {
      const auto count = std::min<std::size_t>(bytes.size(), static_cast<std::size_t>(left_));
      left_ -= static_cast<std::int64_t>(count);
      if (left_ == 0) state_ = state_ == State::length ? State::done : State::chunk_end;
      return Step{count, bytes.substr(0, count)};
    }
    case State::chunk_end:
      if (bytes[0] != '\r' || (bytes.size() > 1 && bytes[1] != '\n')) return bad("a chunk is not followed by CRLF");
      if (bytes.size() < 2) return Step{};
      state_ = State::chunk_size;
      return Step{2, {}};
    case State::chunk_size: return chunk_size(bytes);
    case State::trailer: return trailer_line(bytes);
  }
  return Step{};
}

Result<BodyDecoder::Step> BodyDecoder::chunk_size(std::string_view bytes) {
  std::int64_t size = 0;
  std::size_t at = 0;
  for (; at < bytes.size() && hex_digit(bytes[at]) >= 0; ++at) {
    if (at == 15) return bad("a chunk size is too large");
    size = size * 16 + hex_digit(bytes[at]);
  }
  if (at == bytes.size()) return Step{};
  if (at == 0) return bad("a chunk size is not a hexadecimal number");
  if (bytes[at] == ';') {
    // A chunk extension: skipped, and no control character may hide in it.
    for (; at < bytes.size() && bytes[at] != '\r'; ++at)
      if (static_cast<unsigned char>(bytes[at]) < 0x20 && bytes[at] != '\t')
        return bad("a chunk extension is malformed");
    if (at > chunk_line_max) return bad("a chunk extension is longer than 256 bytes");
    if (at == bytes.size()) return Step{};
  }
  if (bytes[at] != '\r') return bad("a chunk size is not followed by CRLF");
  if (at + 1 == bytes.size()) return Step{};
  if (bytes[at + 1] != '\n') return bad("a chunk size is not followed by CRLF");
  left_ = size;
  state_ = size == 0 ? State::trailer : State::chunk_data;
  return Step{at + 2, {}};
}

Result<BodyDecoder::Step> BodyDecoder::trailer_line(std::string_view bytes) {
  const std::size_t end = bytes.find('\n');
  if ((end == std::string_view::npos ? bytes.size() : end) + trailers_.size() > trailers_max)
    return bad("the trailers are larger than 8 KB");
  if (end == std::string_view::npos) return Step{};
  if (end == 0 || bytes[end - 1] != '\r') return bad("a trailer line ends in a bare LF");
  if (end == 1) {
    state_ = State::done;
    return Step{2, {}};
  }
  const std::string_view line = bytes.substr(0, end - 1);
  const std::size_t colon = line.find(':');
  if (colon == 0 || colon == std::string_view::npos || line.find_first_of(" \t") < colon)
    return bad("a trailer has no valid name followed by ':'");
  for (const char c : line)
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F)
      return bad("a trailer has a control character");
  trailers_.append(line).append("\r\n");
  return Step{end + 1, {}};
}

base::Status BodyDecoder::end_of_stream() {
  if (state_ == State::until_close) state_ = State::done;
  if (state_ == State::done) return {};
  return bad("the connection ended before the body did");
}

}  // namespace net
