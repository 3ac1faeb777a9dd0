#include "net/http_head.h"

#include <doctest/doctest.h>

#include <string>

using namespace net;

namespace {
struct Parsed {
  std::vector<Field> fields;
  base::Result<std::optional<RequestHead>> head;
};
Parsed parse(const std::string& text) {
  Parsed parsed;
  parsed.head = parse_request_head(text, parsed.fields);
  return parsed;
}
}  // namespace

TEST_CASE("a request head is read with its fields and framing") {
  const std::string text =
      "POST /v1/chat/completions?x=1 HTTP/1.1\r\nHost: a\r\nContent-Length:  12 \r\nTE: trailers, deflate\r\n"
      "Expect: 100-continue\r\nConnection: x, Close\r\n\r\nbody";
  const auto parsed = parse(text);
  REQUIRE(parsed.head.has_value());
  REQUIRE(parsed.head->has_value());
  const RequestHead& head = **parsed.head;
  CHECK(head.method == "POST");
  CHECK(head.target == "/v1/chat/completions?x=1");
  CHECK(head.path() == "/v1/chat/completions");
  CHECK(head.framing == Framing::length);
  CHECK(head.content_length == 12);
  CHECK(head.accepts_trailers);
  CHECK(head.expects_continue);
  CHECK_FALSE(head.keep_alive);
  CHECK(head.size == text.size() - 4);
  CHECK(head.find("HOST") == "a");
}

TEST_CASE("a head that has not arrived whole asks for more, at every cut") {
  const std::string text = "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n";
  for (std::size_t cut = 0; cut < text.size(); ++cut) {
    CAPTURE(cut);
    const auto parsed = parse(text.substr(0, cut));
    REQUIRE(parsed.head.has_value());
    CHECK_FALSE(parsed.head->has_value());
  }
}

TEST_CASE("whatever two parsers could read differently is refused") {
  const auto with = [](const std::string& fields) { return "POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n"; };
  for (const std::string& text : {
           with("Content-Length: 1\r\nContent-Length: 1\r\n"),
           with("Content-Length: 1\r\nContent-Length: 2\r\n"),
           with("Content-Length: 1, 1\r\n"),
           with("Content-Length: +1\r\n"),
           with("Content-Length: -1\r\n"),
           with("Content-Length: 0x1\r\n"),
           with("Content-Length: \r\n"),
           with("Content-Length: 9999999999999999999\r\n"),
           with("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"),
           with("Transfer-Encoding: xchunked\r\n"),
           with("Transfer-Encoding: chunked, identity\r\n"),
           with("Transfer-Encoding: gzip, chunked\r\n"),
           with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
           with("Transfer-Encoding: \r\n"),
           with("X: a\r\n b\r\n"),
           with(" X: a\r\n"),
           with("X : a\r\n"),
           with(": a\r\n"),
           with("X\r\n"),
           with("X: a\nY: b\r\n"),
           with(std::string("X: a\0b\r\n", 8)),
           with("X: a\rb\r\n"),
           with("X: a\x7f\r\n"),
           with("Host: b\r\n"),
           with("Expect: 200-ok\r\n"),
           std::string("POST / HTTP/1.1\r\n\r\n"),
           std::string("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
           std::string("POST / HTTP/2.0\r\nHost: a\r\n\r\n"),
           std::string("POST  / HTTP/1.1\r\nHost: a\r\n\r\n"),
           std::string("POST / HTTP/1.1 \r\nHost: a\r\n\r\n"),
           std::string("POST http://a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
           std::string("P(ST / HTTP/1.1\r\nHost: a\r\n\r\n"),
           std::string("POST /\x01 HTTP/1.1\r\nHost: a\r\n\r\n"),
           std::string("POST / HTTP/1.1\nHost: a\r\n\r\n"),
           std::string("\r\nPOST / HTTP/1.1\r\nHost: a\r\n\r\n"),
           std::string("POST /\r\n\r\n"),
       }) {
    CAPTURE(text);
    const auto parsed = parse(text);
    REQUIRE_FALSE(parsed.head.has_value());
    CHECK(parsed.head.error().type == base::ErrorType::invalid_request);
  }
}

// RFC 9110, 5.5: visible characters, space, tab and obs-text.
TEST_CASE("a field's value holds what it may, wherever that stands") {
  for (int byte = 0; byte < 256; ++byte)
    for (std::size_t at = 1; at < 19; ++at) {
      std::string value(20, 'v');
      value[at] = static_cast<char>(byte);
      const bool allowed = byte == '\t' || (byte >= 0x20 && byte != 0x7F);
      CAPTURE(byte);
      CAPTURE(at);
      std::vector<Field> fields;
      const std::string text = "GET / HTTP/1.1\r\nHost: h\r\nX: " + value + "\r\n\r\n";  // the fields point into it
      const auto head = parse_request_head(text, fields);
      REQUIRE(head.has_value() == allowed);
      if (allowed) CHECK(fields.at(1).value == value);
    }
}

TEST_CASE("a head above its limits is 431") {
  const std::string many = [] {
    std::string text = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (int i = 0; i < 100; ++i) text += "X: y\r\n";
    return text + "\r\n";
  }();
  CHECK(parse(many).head.error().type == base::ErrorType::headers_too_large);
  const std::string large = "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(20'000, 'a');
  CHECK(parse(large).head.error().type == base::ErrorType::headers_too_large);
}

TEST_CASE("keep-alive follows the version and the Connection field") {
  CHECK((*parse("GET / HTTP/1.1\r\nHost: a\r\n\r\n").head)->keep_alive);
  CHECK_FALSE((*parse("GET / HTTP/1.0\r\n\r\n").head)->keep_alive);
  CHECK((*parse("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").head)->keep_alive);
}

TEST_CASE("a reply's framing depends on its status and on the method") {
  struct Row {
    const char* method;
    const char* head;
    Framing framing;
  };
  for (const Row& row : {
           Row{"GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Framing::length},
           Row{"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Framing::none},
           Row{"GET", "HTTP/1.1 204 No Content\r\n\r\n", Framing::none},
           Row{"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", Framing::none},
           Row{"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n", Framing::chunked},
           Row{"GET", "HTTP/1.1 200\r\n\r\n", Framing::until_close},
           Row{"GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Framing::none},
       }) {
    CAPTURE(row.head);
    std::vector<Field> fields;
    const auto head = parse_response_head(row.head, fields, row.method);
    REQUIRE(head.has_value());
    CHECK((*head)->framing == row.framing);
  }
  for (const char* head :
       {"HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 099 X\r\n\r\n", "HTTP/1.1 600 X\r\n\r\n", "HTTP/3 200 OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"}) {
    CAPTURE(head);
    std::vector<Field> fields;
    CHECK(parse_response_head(head, fields, "GET").error().type == base::ErrorType::upstream_error);
  }
}
