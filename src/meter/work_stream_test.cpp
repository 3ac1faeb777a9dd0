#include "meter/work_stream.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "meter/reply_reader.h"

using meter::WorkStatus;
using meter::WorkStream;

namespace {

std::string event(std::string_view type, std::string_view id, std::string_view status, std::string_view usage) {
  return fmt::format(
      "event: {0}\ndata: {{\"type\":\"{0}\",\"sequence_number\":1,\"response\":{{\"id\":\"{1}\",\"status\":\"{2}\","
      "\"model\":\"m\",\"usage\":{3}}}}}\n\n",
      type, id, status, usage);
}
const std::string delta =
    "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"item_id\":\"msg_1\","
    "\"delta\":\"\\\"response\\\"\"}\n\n";
const std::string begun = event("response.created", "resp_1", "queued", "null");
const std::string ended =
    event("response.completed", "resp_1", "completed", R"({"input_tokens":10,"output_tokens":20,"total_tokens":30})");

}  // namespace

TEST_CASE("a stream names its work at once, and says how it ended, however it is cut") {
  for (const std::size_t step : {1UZ, 7UZ, 100'000UZ}) {
    CAPTURE(step);
    WorkStream stream;
    const std::string bytes = begun + delta + ended;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      CHECK(stream.object().has_value() == (at >= begun.size()));
      CHECK(!stream.has_ended());
      CHECK(stream.end().empty());
      stream.feed(std::string_view(bytes).substr(at, step));
    }
    REQUIRE(stream.has_ended());
    CHECK(stream.object()->id == "resp_1");
    CHECK(stream.object()->status_text == "completed");
    const meter::Reply reply = meter::read_reply(meter::Dialect::responses, {}, stream.end());
    CHECK(reply.usage->output_tokens == 20);
    CHECK(reply.model == "m");
  }
}

TEST_CASE("what another object's events say, or a damaged one, or one that is too long, ends nothing") {
  for (const std::string& last :
       {event("response.completed", "resp_2", "completed", "null"), event("response.completed", "resp_1", "over", "0"),
        ended.substr(0, ended.size() - 4) + "\n\n", std::string("data: [DONE]\n\n"), delta}) {
    CAPTURE(last);
    WorkStream stream;
    stream.feed(begun + last);
    stream.finish();
    CHECK(stream.object()->id == "resp_1");
    CHECK(!stream.has_ended());
    CHECK(stream.end().empty());
  }
  WorkStream bounded(ended.size() / 2);
  bounded.feed(ended);
  CHECK(!bounded.object());
  WorkStream next(begun.size());
  next.feed(ended + begun);
  CHECK(next.object()->status == WorkStatus::running);
}

TEST_CASE("an event at the end needs no empty line behind it, but all of its own") {
  for (const std::size_t missing : {2UZ, 5UZ}) {
    CAPTURE(missing);
    WorkStream stream;
    stream.feed(begun + ended.substr(0, ended.size() - missing));
    CHECK(!stream.has_ended());
    stream.finish();
    CHECK(stream.has_ended() == (missing == 2));
  }
}
