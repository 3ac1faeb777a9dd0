// Server-sent events and AWS event streams, as readers of usage see them.
#include <doctest/doctest.h>

#include <string>

#include "meter/event_stream.h"
#include "meter/replies_test.h"
#include "meter/sse_data.h"

using meter::EventStreamReader;
using meter::SseData;
using meter::test::big_endian;
using meter::test::checksum;
using meter::test::message;

namespace {

// The data of each event in brackets.
std::string data_of(std::string_view stream, std::size_t step) {
  SseData events;
  std::string out;
  std::string data;
  for (std::size_t at = 0; at < stream.size(); at += step)
    events.feed(
        stream.substr(at, step), [&](std::string_view piece) { data += piece; },
        [&] {
          if (!data.empty()) out += "[" + std::exchange(data, {}) + "]";
        });
  return data.empty() ? out : out + "[" + data + "]";
}

// "type:event:payload;" of each message, and "!" for damage.
std::string messages_of(std::string_view stream, std::size_t step) {
  EventStreamReader reader;
  std::string out;
  std::string payload;
  for (std::size_t at = 0; at < stream.size(); at += step)
    reader.feed(
        stream.substr(at, step), [&](std::string_view piece) { payload += piece; },
        [&](const EventStreamReader::Message& message) {
          out += message.type + ":" + message.event + ":" + std::exchange(payload, {}) + ";";
        });
  return reader.is_damaged() ? out + "!" : out;
}
std::string messages_of(std::string_view stream) {
  const std::string whole = messages_of(stream, stream.size() + 1);
  CHECK(messages_of(stream, 1) == whole);
  CHECK(messages_of(stream, 5) == whole);
  return whole;
}

}  // namespace

TEST_CASE("the data of an event are its data lines, however they are cut") {
  struct Row {
    std::string_view stream;
    std::string_view data;
  };
  for (const Row& row : {
           Row{"data: a\n\ndata: b\n\n", "[a][b]"},
           Row{"data:a\r\n\r\ndata: b\r\n\r\n", "[a][b]"},
           Row{"data: a\r\rdata: b\r\r", "[a][b]"},
           Row{"data: a\r\n\ndata: b\n\rdata: c\r\n\r", "[a][b][c]"},
           Row{": hi\n\ndata: a\n\n", "[a]"},
           Row{"event: x\ndata: a\ndata: b\nid: 1\n\n", "[a\nb]"},
           Row{"data: a\ndata:b\ndata:  c\n\n", "[a\nb\n c]"},
           Row{"data:  two\n\n", "[ two]"},
           Row{"dat: a\n\ndatas: b\n\nxdata: c\n\n", ""},
           Row{"data: {\"a\":1}\n\n", "[{\"a\":1}]"},
           Row{"\n\n\ndata: a\n\n", "[a]"},
           Row{"data: a\r\ndata: b\r\n\r\n", "[a\nb]"},
           // At the stream's end: some servers send no last blank line, and the data may be the usage.
           Row{"data: a", "[a]"},
           Row{"data: a\n", "[a]"},
       }) {
    CAPTURE(std::string(row.stream));
    for (const std::size_t step : {1, 2, 3, 100}) CHECK(data_of(row.stream, step) == row.data);
  }
}

TEST_CASE("messages of an event stream are read with their headers and payloads") {
  const std::string one = message({{":event-type", "metadata"}, {":message-type", "event"}, {"x", "y"}}, "{}");
  CHECK(messages_of(one) == "event:metadata:{};");
  CHECK(messages_of(one + message({}, "") + message({{":message-type", "exception"}, {":exception-type", "e"}}, "p")) ==
        "event:metadata:{};::;exception:e:p;");
  CHECK(messages_of(one.substr(0, one.size() - 1)) == "");
  CHECK(messages_of("") == "");
}

TEST_CASE("each changed byte of a message is found, and nothing behind it is read") {
  const std::string one = message({{":event-type", "a"}}, "{\"b\":1}");
  for (std::size_t at = 0; at < one.size(); ++at) {
    std::string changed = one;
    changed[at] = static_cast<char>(changed[at] ^ 0x10);
    CHECK(messages_of(changed + one) == "!");
  }
}

TEST_CASE("lengths that make no sense are damage, even behind a right checksum") {
  const auto prelude = [](std::size_t total, std::size_t headers) {
    const std::string lengths = big_endian(total, 4) + big_endian(headers, 4);
    return lengths + checksum(lengths) + std::string(64, '\0');
  };
  CHECK(messages_of(prelude(15, 0)) == "!");                    // less than its own frame
  CHECK(messages_of(prelude(20, 5)) == "!");                    // headers beyond the end
  CHECK(messages_of(prelude(0x7FFFFFFF, 0)) == "!");            // larger than any message
  CHECK(messages_of(prelude(1 << 20, (1 << 20) - 16)) == "!");  // nothing but headers
  // A header that ends beyond its place, and one of a type that there is not.
  for (const std::string_view header :
       {std::string_view("\x01x\x07\x00\x09y", 6), std::string_view("\x01x\x0Fyyy", 6)}) {
    std::string out = big_endian(16 + header.size(), 4) + big_endian(header.size(), 4);
    out += checksum(out);
    out += header;
    CHECK(messages_of(out + checksum(out)) == "!");
  }
}
