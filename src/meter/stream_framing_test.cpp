#include "meter/stream_framing.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "meter/event_stream.h"
#include "meter/replies_test.h"

using meter::Framing;
using meter::StreamScan;
using meter::StreamSplitter;
using meter::test::event;

namespace {

using Texts = std::vector<std::string>;

struct Split {
  Texts events;
  std::string rest;
  Framing framing = Framing::unknown;
  bool damaged = false;
  bool operator==(const Split&) const = default;
};

Split split(std::string_view stream, std::size_t first, std::size_t step, std::size_t limit) {
  StreamSplitter splitter(limit);
  Split out;
  for (std::size_t at = 0, size = first; at < stream.size(); at += size, size = step)
    splitter.feed(stream.substr(at, size), [&](std::string_view piece) { out.events.emplace_back(piece); });
  out.rest = splitter.rest();
  out.framing = splitter.scan().framing();
  out.damaged = splitter.scan().is_damaged();
  return out;
}

// The events of the stream in one piece; cut at every byte, and byte by byte, it must give the same.
Split split(std::string_view stream) {
  constexpr std::size_t limit = StreamSplitter::max_event_bytes;
  Split whole = split(stream, stream.size() + 1, 1, limit);
  for (std::size_t at = 1; at < stream.size(); ++at) CHECK(split(stream, at, stream.size(), limit) == whole);
  CHECK(split(stream, 1, 1, limit) == whole);
  return whole;
}

}  // namespace

TEST_CASE("whole events come out of every framing, wherever it is cut") {
  const std::string first = event("contentBlockDelta", R"({"delta":{"text":"a"}})");
  const std::string second = event("metadata", "");
  struct Row {
    const char* why;
    std::string stream;
    Framing framing;
    Texts events;
    std::string rest;
  };
  for (const Row& row : {
           Row{"server-sent events", "data: a\n\n: c\n\n", Framing::sse, {"data: a\n\n", ": c\n\n"}, ""},
           Row{"white space first", " \n\nid: 1\n\n", Framing::sse, {" \n\nid: 1\n\n"}, ""},
           Row{"a byte order mark",
               "\xEF\xBB\xBF"
               "data: a\n\nda",
               Framing::sse,
               {"\xEF\xBB\xBF"
                "data: a\n\n"},
               "da"},
           Row{"messages", first + second, Framing::messages, {first, second}, ""},
           Row{"half a message", first + second.substr(0, 15), Framing::messages, {first}, second.substr(0, 15)},
           Row{"half a prelude", first + second.substr(0, 7), Framing::messages, {first}, second.substr(0, 7)},
           Row{"lines", "{\"a\":1}\n{\"b\":[2]}\r\n\n", Framing::lines, {"{\"a\":1}\n", "{\"b\":[2]}\r\n", "\n"}, ""},
           Row{"a value over lines", "{\n\"a\": {\n}\n}\n{", Framing::lines, {"{\n\"a\": {\n}\n}\n"}, "{"},
           Row{"brackets in a text",
               R"({"a":"}\"\\"})"
               "\n{\"b\":\"\\\\\"}\n",
               Framing::lines,
               {R"({"a":"}\"\\"})"
                "\n",
                "{\"b\":\"\\\\\"}\n"},
               ""},
           Row{"a value without its newline", "{\"a\":1}\n{\"b\":2}", Framing::lines, {"{\"a\":1}\n"}, "{\"b\":2}"},
           Row{"an array",
               "[{\"a\":[{\"b\":\"]\"}]}\n,\n{\"c\":1}\n]\n",
               Framing::array,
               {"[{\"a\":[{\"b\":\"]\"}]}", "\n,\n{\"c\":1}", "\n]", "\n"},
               ""},
           Row{"an array that breaks off", "[{\"a\":1},\r\n{\"c\"", Framing::array, {"[{\"a\":1}"}, ",\r\n{\"c\""},
           Row{"an empty array", "[]", Framing::array, {"[]"}, ""},
           Row{"white space alone", "\r\n ", Framing::unknown, {}, "\r\n "},
           Row{"nothing", "", Framing::unknown, {}, ""},
       }) {
    CAPTURE(row.why);
    CHECK(split(row.stream) == Split{row.events, row.rest, row.framing, false});
  }
}

TEST_CASE("behind a damaged prelude nothing is held back, and it is said") {
  const std::string whole = event("a", "{}");
  std::string damaged = event("b", "{}");
  damaged[3] = static_cast<char>(damaged[3] ^ 1);  // a length that its checksum does not confirm
  const Split out = split(whole + damaged + whole, 1000, 1, StreamSplitter::max_event_bytes);
  CHECK(out.damaged);
  CHECK(out.events == Texts{whole, damaged + whole});
  for (std::size_t step = 1; step < 20; ++step) {
    const Split cut = split(whole + damaged + whole, step, step, StreamSplitter::max_event_bytes);
    std::string all;
    for (const std::string& piece : cut.events) all += piece;
    CHECK(all == whole + damaged + whole);
    CHECK(cut.damaged);
  }
}

TEST_CASE("an event that is too long comes in pieces, and the next one whole") {
  const std::string text(100, 'x');
  const std::string message = event("a", text);
  for (const auto& [stream, last] : {std::pair<std::string, std::string>{"{\"a\":\"" + text + "\"}\n{}\n", "{}\n"},
                                     {"[{\"a\":\"" + text + "\"},{\"b\":1}", ",{\"b\":1}"},
                                     {message + event("b", ""), event("b", "")}}) {
    for (const std::size_t step : {1, 7, 64, 1000}) {
      CAPTURE(step);
      const Split out = split(stream, step, step, 50);
      std::string all;
      for (const std::string& piece : out.events) {
        all += piece;
        if (step < 1000) CHECK(piece.size() <= 50 + step);
      }
      CHECK(all + out.rest == stream);
      CHECK(out.rest.empty());
      if (last.size() <= 50) CHECK(out.events.back() == last);
    }
  }
}

TEST_CASE("before any byte the framing is what the content type says") {
  CHECK(meter::framing_of("text/event-stream; charset=utf-8") == Framing::sse);
  CHECK(meter::framing_of("Text/Event-Stream ;x=y") == Framing::sse);
  CHECK(meter::framing_of("application/vnd.amazon.eventstream") == Framing::messages);
  CHECK(meter::framing_of("application/x-ndjson") == Framing::lines);
  CHECK(meter::framing_of("application/stream+json") == Framing::lines);
  CHECK(meter::framing_of("application/json") == Framing::unknown);
  CHECK(meter::framing_of("") == Framing::unknown);

  StreamScan scan("application/json");
  StreamScan named("text/event-stream");
  CHECK(scan.framing() == Framing::unknown);
  CHECK(named.framing() == Framing::sse);
  // Providers name it wrongly now and then: what comes counts.
  CHECK(scan.scan("data: a\n\n") == 9);
  CHECK(scan.framing() == Framing::sse);
  CHECK(named.scan("[{}") == 3);
  CHECK(named.framing() == Framing::array);
}

TEST_CASE("a message that is written is read, and is what AWS would write") {
  using Header = std::pair<std::string_view, std::string_view>;
  const std::vector<Header> headers{{":message-type", "exception"}, {":exception-type", "throttlingException"}};
  const std::string written = meter::write_message(headers, R"({"message":"m"})");
  CHECK(written == meter::test::message({headers[0], headers[1]}, R"({"message":"m"})"));
  const auto lengths = meter::read_prelude(written);
  REQUIRE(lengths.has_value());
  CHECK(lengths->total == written.size());
  CHECK(meter::write_message({}, "") == meter::test::message({}, ""));
}
