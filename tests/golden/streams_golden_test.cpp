// Every recorded reply through the splitter of its framing: its pieces put together are what came, and where its events
// end does not depend on the cut.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "meter/recorded_exchange.h"
#include "meter/stream_framing.h"

namespace {

using meter::Framing;
using meter::StreamSplitter;

struct Split {
  std::vector<std::string> events;
  std::string all;
  Framing framing = Framing::unknown;
};

Split split(std::string_view body, std::size_t step) {
  StreamSplitter splitter(body.size() + 1);  // the longest event is an audio answer in one
  Split out;
  for (std::size_t at = 0; at < body.size(); at += step)
    splitter.feed(body.substr(at, step), [&](std::string_view event) {
      out.all += event;
      // A CRLF that is cut is over with its CR, and the LF is a blank line.
      if (event.find_first_not_of("\r\n") != std::string_view::npos)
        out.events.emplace_back(event.substr(0, event.find_last_not_of("\r\n") + 1));
    });
  out.all += splitter.rest();
  out.framing = splitter.scan().framing();
  CHECK_FALSE(splitter.scan().is_damaged());
  return out;
}

std::string_view without_blank_lines(std::string_view event) {
  return event.substr(std::min(event.find_first_not_of("\r\n"), event.size()));
}

// The same events as one JSON array, as Gemini sends them to a client that did not ask for alt=sse.
std::string as_array(const std::vector<std::string>& events) {
  std::string array;
  for (const std::string& event : events) {
    const std::string_view data = without_blank_lines(event);
    if (!data.starts_with("data: ")) continue;
    array += array.empty() ? "[" : "\r\n,\r\n";
    array += data.substr(6);
  }
  return array + "\r\n]\r\n";
}

void check_reply(const meter::RecordedExchange& exchange, std::map<Framing, int>& seen) {
  const std::string& body = exchange.body;
  const Split whole = split(body, body.size() + 1);
  CHECK(whole.all == body);
  for (const std::size_t step : {1, 2, 7, 61, 1021}) {
    const Split cut = split(body, step);
    CHECK(cut.all == body);
    CHECK(cut.framing == whole.framing);
    CHECK(cut.events.size() == whole.events.size());
    CHECK(std::ranges::equal(cut.events, whole.events, {}, without_blank_lines, without_blank_lines));
  }
  for (const auto& [name, value] : exchange.headers) {
    if (name != "content-type" || meter::framing_of(value) == Framing::unknown) continue;
    CHECK(whole.framing == meter::framing_of(value));
    CHECK_FALSE(whole.events.empty());
    ++seen[whole.framing];
  }
  if (exchange.endpoint().dialect != meter::Dialect::gemini || whole.framing != Framing::sse) return;
  const std::string array = as_array(whole.events);
  const Split elements = split(array, 7);
  CHECK(elements.framing == Framing::array);
  CHECK(elements.all == array);
  CHECK(elements.events.size() == whole.events.size() + 1);  // and the bracket that closes it
  ++seen[Framing::array];
}

}  // namespace

TEST_CASE("recorded replies come through the splitter unchanged, and whole events out of it") {
  const char* traffic = std::getenv("METERGATE_TRAFFIC");
  if (traffic == nullptr || *traffic == '\0') {
    fmt::print("golden: skipped, METERGATE_TRAFFIC is not set\n");
    return;
  }
  std::map<Framing, int> seen;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(traffic) / "open")) {
    if (entry.path().extension() != ".json") continue;
    CAPTURE(entry.path().filename().string());
    std::ifstream file(entry.path(), std::ios::binary);
    const auto exchange = meter::read_recorded_exchange(
        std::string{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()});
    REQUIRE_MESSAGE(exchange.has_value(), exchange.error().message);
    check_reply(*exchange, seen);
  }
  fmt::print("golden: {} event streams of text, {} of AWS, {} of lines, {} arrays, split and put together\n",
             seen[Framing::sse], seen[Framing::messages], seen[Framing::lines], seen[Framing::array]);
  for (const Framing framing : {Framing::sse, Framing::messages, Framing::lines, Framing::array})
    CHECK(seen[framing] > 0);
}
