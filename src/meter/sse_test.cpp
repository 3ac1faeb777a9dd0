#include "meter/sse.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using meter::SseSplitter;

namespace {

// What comes out of a splitter that is fed in pieces of `size` bytes.
struct Split {
  std::vector<std::string> raws;
  std::vector<std::string> data;  // those that are not empty
  std::string rest;
  std::string all;  // every raw and the rest, joined
};

Split split(std::string_view stream, std::size_t size, std::size_t limit = SseSplitter::max_event_bytes) {
  SseSplitter splitter(limit);
  Split out;
  for (std::size_t at = 0; at < stream.size(); at += size)
    splitter.feed(stream.substr(at, size), [&](const SseSplitter::Event& event) {
      out.raws.emplace_back(event.raw);
      if (!event.data.empty()) out.data.emplace_back(event.data);
      out.all.append(event.raw);
    });
  out.rest = splitter.rest();
  out.all.append(out.rest);
  return out;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("events end at a blank line, and their data are the data lines") {
  struct Row {
    const char* why;
    std::string stream;
    Texts data;
    std::string rest;
  };
  for (const Row& row : {
           Row{"LF", "data: a\n\ndata: b\n\n", {"a", "b"}, ""},
           Row{"CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", {"a", "b"}, ""},
           Row{"CR", "data: a\r\rdata: b\r\r", {"a", "b"}, ""},
           Row{"mixed ends", "data: a\r\n\ndata: b\n\rdata: c\r\n\r", {"a", "b", "c"}, ""},
           Row{"LF after a CR that ended an event", "data: a\n\r\ndata: b\n\n", {"a", "b"}, ""},
           Row{"several data lines", "data: a\ndata:b\ndata\ndata:  c\n\n", {"a\nb\n\n c"}, ""},
           Row{"other fields and comments", ": hi\nevent: error\nid: 1\ndatabase: x\ndata: a\n\n: ping\n\n", {"a"}, ""},
           Row{"a byte order mark",
               "\xEF\xBB\xBF"
               "data: a\n\ndata: b\n\n",
               {"a", "b"},
               ""},
           Row{"a byte order mark later is a name",
               "data: a\n\n\xEF\xBB\xBF"
               "data: b\n\n",
               {"a"},
               ""},
           Row{"a colon in the value", "data: {\"a\":1}\n\n", {"{\"a\":1}"}, ""},
           Row{"blank lines alone", "\n\r\n\r", {}, ""},
           Row{"cut off", "data: a\n\ndata: b\n", {"a"}, "data: b\n"},
           Row{"nothing", "", {}, ""},
       }) {
    CAPTURE(row.why);
    for (const std::size_t size : {1, 2, 3, 5, 7, 1000}) {
      CAPTURE(size);
      const Split out = split(row.stream, size);
      CHECK(out.data == row.data);
      CHECK(out.rest == row.rest);
      CHECK(out.all == row.stream);
    }
  }
}

TEST_CASE("an event's raw bytes hold its blank line") {
  CHECK(split("data: a\r\n\r\n: c\n\n", 1000).raws == Texts{"data: a\r\n\r\n", ": c\n\n"});
  // The event is over at the CR: nobody waits for an LF that may not come. If it comes, it is a piece of its own.
  CHECK(split("data: a\r\n\r\n", 10).raws == Texts{"data: a\r\n\r", "\n"});
  CHECK(split("data: a\r\rdata: b\r\r", 9).raws == Texts{"data: a\r\r", "data: b\r\r"});
}

TEST_CASE("an event that is too long comes in pieces without data") {
  const std::string stream = "data: " + std::string(100, 'x') + "\n\ndata: a\n\n";
  for (const std::size_t size : {1, 7, 64, 1000}) {
    CAPTURE(size);
    const Split out = split(stream, size, 50);
    CHECK(out.data == Texts{"a"});
    CHECK(out.all == stream);
    for (const std::string& raw : out.raws) CHECK(raw.size() <= std::max<std::size_t>(50 + size, 9));
  }
  // The limit is on what stands before the blank line, so that it does not depend on where a chunk ends.
  const std::string fits = "data: " + std::string(43, 'x') + "\r\n\r\n";
  for (const std::size_t size : {1, 50, 51, 52, 53, 1000}) {
    CHECK(split(fits, size, 51).data.size() == 1);
    CHECK(split(fits, size, 50).data.empty());
  }
}

TEST_CASE("what the stream's end cut off can still be read") {
  SseSplitter splitter;
  splitter.feed("data: a\n\ndata: [DONE]", [](const SseSplitter::Event&) {});
  CHECK(splitter.cut_off().raw == "data: [DONE]");
  CHECK(splitter.cut_off().data == "[DONE]");
  CHECK(SseSplitter().cut_off().data.empty());
}
