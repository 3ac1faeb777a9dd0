#include "gateway/stream_end.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/json.h"
#include "meter/event_stream.h"

using namespace gateway;
using base::ErrorType;
using base::Source;
using meter::Framing;

namespace {

const Failure reached({ErrorType::limit_reached, Source::upstream_refusal, "nothing pays for \"more\"", {}});

std::string end_of(std::string_view path, SentStream sent, const Failure& failure = reached) {
  return stream_end(failure, "the-id", meter::endpoint_of("POST", "gateway.example", path), sent);
}

// The data of each event, with its name in front where it has one: "error={…}".
std::vector<std::string> events_of(std::string_view text) {
  std::vector<std::string> events;
  meter::StreamSplitter splitter;
  splitter.feed(text, [&](std::string_view event) {
    std::string name;
    if (event.starts_with("event: ")) {
      name = std::string(event.substr(7, event.find('\n') - 7)) + "=";
      event.remove_prefix(event.find('\n') + 1);
    }
    REQUIRE(event.starts_with("data: "));
    REQUIRE(event.ends_with("\n\n"));
    events.push_back(name + std::string(event.substr(6, event.size() - 8)));
  });
  CHECK(splitter.rest().empty());
  return events;
}

// The one event's data as JSON; `name` is what the event must be called.
base::Json only_event(std::string_view text, const std::string& name) {
  const std::vector<std::string> events = events_of(text);
  REQUIRE(events.size() == 1);
  REQUIRE(events[0].starts_with(name));
  auto data = base::Json::parse(events[0].substr(name.size()));
  REQUIRE(data.has_value());
  return *std::move(data);
}

std::string text_at(const base::Json& json, std::string_view member) {
  const base::Json* value = json.find(member);
  return value == nullptr ? "(none)" : value->text();
}
std::string text_at(const base::Json& json, std::string_view member, std::string_view inner) {
  const base::Json* value = json.find(member);
  return value == nullptr ? "(none)" : text_at(*value, inner);
}

constexpr SentStream sse{.framing = Framing::sse, .events = 7};

}  // namespace

TEST_CASE("a chat stream ends with an error object, and with [DONE] where it is cut here") {
  const std::string error = error_body(reached, "the-id");
  CHECK(end_of("/v1/chat/completions", sse) == "data: " + error + "\n\n");
  CHECK(end_of("/v1/chat/completions", {.framing = Framing::sse, .cut = true}) ==
        "data: " + error + "\n\ndata: [DONE]\n\n");
  // An endpoint that nobody knows may have an ending that nobody knows.
  CHECK(end_of("/nowhere", {.framing = Framing::sse, .cut = true}) == "data: " + error + "\n\n");
}

TEST_CASE("server-sent events end with the event that the dialect has for it") {
  const std::string& message = reached.error.message;
  const base::Json responses = only_event(end_of("/v1/responses", sse), "error=");
  CHECK(text_at(responses, "type") == "error");
  CHECK(text_at(responses, "sequence_number") == "7");
  CHECK(text_at(responses, "message") == message);
  CHECK(text_at(responses, "code") == "limit_reached");
  CHECK(text_at(responses, "error", "message") == message);

  const base::Json run = only_event(end_of("/v1/threads/t/runs", sse), "error=");
  CHECK(text_at(run, "error", "message") == message);

  const base::Json anthropic = only_event(end_of("/v1/messages", sse), "error=");
  CHECK(text_at(anthropic, "type") == "error");
  CHECK(text_at(anthropic, "error", "type") == "billing_error");
  CHECK(text_at(anthropic, "error", "message") == message);

  const base::Json gemini = only_event(end_of("/v1beta/models/m:streamGenerateContent", sse), "");
  CHECK(text_at(gemini, "error", "status") == "RESOURCE_EXHAUSTED");
  // google-genai takes for an error only what has it first.
  CHECK(end_of("/v1beta/models/m:streamGenerateContent", sse).starts_with(R"(data: {"error":)"));

  const base::Json interaction = only_event(end_of("/v1beta/interactions", sse), "error=");
  CHECK(text_at(interaction, "event_type") == "error");
  CHECK(text_at(interaction, "error", "message") == message);

  const base::Json cohere = only_event(end_of("/v2/chat", sse), "message-end=");
  CHECK(text_at(cohere, "type") == "message-end");
  CHECK(text_at(cohere, "delta", "error") == message);
  CHECK(text_at(cohere, "delta", "finish_reason") == "ERROR");
  CHECK(text_at(cohere, "error", "code") == "limit_reached");

  const base::Json tgi = only_event(end_of("/generate_stream", sse), "");
  CHECK(text_at(tgi, "error") == message);
}

TEST_CASE("a Gemini array is closed behind an element that is the error") {
  const std::string path = "/v1beta/models/m:streamGenerateContent";
  const std::string error = error_body(reached, "the-id", ErrorForm::google);
  CHECK(end_of(path, {.framing = Framing::array, .events = 2}) == ",\n" + error + "\n]\n");
  CHECK(end_of(path, {.framing = Framing::array}) == "[" + error + "\n]\n");
  // What is asked for without alt=sse is an array, also before a byte of it has come.
  CHECK(end_of(path, {}) == "[" + error + "\n]\n");
}

TEST_CASE("lines end with one that is the error") {
  const auto ollama = base::Json::parse(end_of("/api/chat", {.framing = Framing::lines, .events = 2}));
  REQUIRE(ollama.has_value());
  CHECK(text_at(*ollama, "error") == reached.error.message);
  CHECK(text_at(*ollama, "code") == "limit_reached");
  CHECK(end_of("/api/chat", {}).ends_with("}\n"));

  const auto cohere = base::Json::parse(end_of("/v1/chat", {.framing = Framing::lines, .events = 2}));
  REQUIRE(cohere.has_value());
  CHECK(text_at(*cohere, "event_type") == "stream-end");
  CHECK(text_at(*cohere, "finish_reason") == "ERROR");
  CHECK(text_at(*cohere, "response", "finish_reason") == "ERROR");
  CHECK(text_at(*cohere, "message") == reached.error.message);

  const auto generate = base::Json::parse(end_of("/v1/generate", {}));
  REQUIRE(generate.has_value());
  CHECK(text_at(*generate, "event_type") == "stream-error");
  CHECK(text_at(*generate, "err") == reached.error.message);
}

TEST_CASE("a Bedrock stream ends with a message that is an exception") {
  struct Row {
    ErrorType type;
    std::string exception;
  };
  for (const Row& row :
       {Row{ErrorType::limit_reached, "validationException"}, Row{ErrorType::limit_busy, "throttlingException"},
        Row{ErrorType::unavailable, "serviceUnavailableException"},
        Row{ErrorType::upstream_error, "modelStreamErrorException"},
        Row{ErrorType::internal, "internalServerException"}}) {
    const Failure failure({row.type, Source::gateway, "the reason", {}});
    for (const SentStream sent : {SentStream{.framing = Framing::messages}, SentStream{}}) {
      const std::string end = end_of("/model/m/converse-stream", sent, failure);
      CHECK(end == end_of("/model/m/invoke-with-response-stream", sent, failure));
      meter::EventStreamReader reader;
      std::string payload;
      int messages = 0;
      reader.feed(
          end, [&](std::string_view piece) { payload += piece; },
          [&](const meter::EventStreamReader::Message& message) {
            ++messages;
            CHECK(message.type == "exception");
            CHECK(message.event == row.exception);
          });
      CHECK(messages == 1);
      CHECK_FALSE(reader.is_inside());
      const auto said = base::Json::parse(payload);
      REQUIRE(said.has_value());
      CHECK(text_at(*said, "message") == "the reason");
      CHECK(text_at(*said, "error", "code") == base::to_string(row.type));
    }
  }
}
