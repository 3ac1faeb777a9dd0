#include "meter/sse.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "meter/event_splitter.h"

using SseSplitter = meter::EventSplitter<meter::SseScan>;

namespace {

// What comes out of a splitter that is fed in pieces of `size` bytes.
struct Split {
  std::vector<std::string> events;
  std::string rest;
  std::string all;  // every event and the rest, joined
};

Split split(std::string_view stream, std::size_t size, std::size_t limit = SseSplitter::max_event_bytes) {
  SseSplitter splitter(limit);
  Split out;
  for (std::size_t at = 0; at < stream.size(); at += size)
    splitter.feed(stream.substr(at, size), [&](std::string_view event) {
      out.events.emplace_back(event);
      out.all.append(event);
    });
  out.rest = splitter.rest();
  out.all.append(out.rest);
  return out;
}

using Texts = std::vector<std::string>;

bool says_something(std::string_view event) { return event.find_first_not_of("\r\n") != std::string_view::npos; }

}  // namespace

TEST_CASE("events end at a blank line, however a stream is cut") {
  struct Row {
    const char* why;
    std::string stream;
    std::int64_t events;  // that say something
    std::string rest;
  };
  for (const Row& row : {
           Row{"LF", "data: a\n\ndata: b\n\n", 2, ""},
           Row{"CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", 2, ""},
           Row{"CR", "data: a\r\rdata: b\r\r", 2, ""},
           Row{"mixed ends", "data: a\r\n\ndata: b\n\rdata: c\r\n\r", 3, ""},
           Row{"LF after a CR that ended an event", "data: a\n\r\ndata: b\n\n", 2, ""},
           Row{"several lines", "event: x\ndata: a\ndata:b\ndata\ndata:  c\n\n", 1, ""},
           Row{"a comment", ": hi\ndata: a\n\n: ping\n\n", 2, ""},
           Row{"blank lines alone", "\n\r\n\r", 0, ""},
           Row{"cut off", "data: a\n\ndata: b\n", 1, "data: b\n"},
           Row{"nothing", "", 0, ""},
       }) {
    CAPTURE(row.why);
    for (const std::size_t size : {1, 2, 3, 5, 7, 1000}) {
      CAPTURE(size);
      const Split out = split(row.stream, size);
      CHECK(std::ranges::count_if(out.events, says_something) == row.events);
      CHECK(out.rest == row.rest);
      CHECK(out.all == row.stream);
    }
  }
}

TEST_CASE("an event's raw bytes hold its blank line") {
  CHECK(split("data: a\r\n\r\n: c\n\n", 1000).events == Texts{"data: a\r\n\r\n", ": c\n\n"});
  // The event is over at the CR: nobody waits for an LF that may not come. If it comes, it is a piece of its own.
  CHECK(split("data: a\r\n\r\n", 10).events == Texts{"data: a\r\n\r", "\n"});
  CHECK(split("data: a\r\rdata: b\r\r", 9).events == Texts{"data: a\r\r", "data: b\r\r"});
}

TEST_CASE("an event that is too long comes in pieces") {
  const std::string stream = "data: " + std::string(100, 'x') + "\n\ndata: a\n\n";
  for (const std::size_t size : {1, 7, 64, 1000}) {
    CAPTURE(size);
    const Split out = split(stream, size, 50);
    CHECK(out.events.back() == "data: a\n\n");
    CHECK(out.all == stream);
    for (const std::string& event : out.events) CHECK(event.size() <= std::max<std::size_t>(50 + size, 9));
  }
  // The limit is on what stands before the blank line, so that it does not depend on where a chunk ends.
  const std::string fits = "data: " + std::string(43, 'x') + "\r\n\r\n";
  for (const std::size_t size : {1, 50, 51, 52, 53, 1000}) {
    CHECK(split(fits, size, 51).events.front().size() >= 51);
    if (size < 50) CHECK(split(fits, size, 50).events.front().size() == 51);
  }
}
