#include "net/http_body.h"

#include <doctest/doctest.h>

#include <string>

using namespace net;

namespace {

struct Read {
  std::string payload;
  bool failed = false;
  bool done = false;
  std::size_t consumed = 0;
};

// Feeds the bytes in pieces of `step`, keeping what the decoder did not take, as a connection does.
Read read(Framing framing, std::int64_t length, const std::string& bytes, std::size_t step,
          std::string* trailers = nullptr) {
  BodyDecoder decoder(framing, length);
  Read out;
  std::string have;
  for (std::size_t at = 0; at < bytes.size() && !decoder.done(); at += step) {
    have += bytes.substr(at, step);
    while (true) {
      const auto next = decoder.next(have);
      if (!next) {
        out.failed = true;
        return out;
      }
      if (next->consumed == 0) break;
      out.payload += next->payload;
      out.consumed += next->consumed;
      have.erase(0, next->consumed);
    }
  }
  out.done = decoder.done();
  if (trailers != nullptr) *trailers = decoder.trailers();
  return out;
}

}  // namespace

TEST_CASE("a chunked body gives the same payload however it is cut") {
  const std::string bytes = "5;ext=\"a\"\r\nhello\r\n6\r\n world\r\n0\r\nX-Cost: 1\r\n\r\nNEXT";
  for (std::size_t step : {1, 2, 3, 7, 100}) {
    CAPTURE(step);
    std::string trailers;
    const Read out = read(Framing::chunked, 0, bytes, step, &trailers);
    CHECK_FALSE(out.failed);
    CHECK(out.done);
    CHECK(out.payload == "hello world");
    CHECK(out.consumed == bytes.size() - 4);
    CHECK(trailers == "X-Cost: 1\r\n");
  }
}

TEST_CASE("a body with a length ends there") {
  const Read out = read(Framing::length, 5, "helloNEXT", 100);
  CHECK(out.payload == "hello");
  CHECK(out.done);
  CHECK(out.consumed == 5);
}

TEST_CASE("bad chunks are refused") {
  for (const std::string& bytes : {
           std::string("+5\r\nhello\r\n"),
           std::string(" 5\r\nhello\r\n"),
           std::string("5 \r\nhello\r\n"),
           std::string("0x5\r\nhello\r\n"),
           std::string("5\nhello\r\n"),
           std::string("5\r\nhelloX\r\n"),
           std::string("5\r\nhello\n"),
           std::string("g\r\n"),
           std::string("\r\n"),
           std::string("ffffffffffffffff\r\n"),
           std::string("5;\x01\r\nhello\r\n"),
           std::string("5\rXhello"),
           "5;" + std::string(400, 'a') + "\r\nhello\r\n",
           std::string("0\r\n: x\r\n\r\n"),
           std::string("0\r\nA b: x\r\n\r\n"),
           std::string("0\r\nA: x\n\r\n"),
           "0\r\nA: " + std::string(9'000, 'a') + "\r\n\r\n",
       }) {
    CAPTURE(bytes);
    CHECK(read(Framing::chunked, 0, bytes, 1).failed);
    CHECK(read(Framing::chunked, 0, bytes, 4096).failed);
  }
}

TEST_CASE("the end of the connection ends only a body that lasts until then") {
  BodyDecoder until_close(Framing::until_close, 0);
  CHECK(until_close.next("abc")->payload == "abc");
  CHECK(until_close.end_of_stream().has_value());
  BodyDecoder chunked(Framing::chunked, 0);
  CHECK_FALSE(chunked.end_of_stream().has_value());
  BodyDecoder length(Framing::length, 3);
  CHECK(length.next("ab").has_value());
  CHECK_FALSE(length.end_of_stream().has_value());
}
