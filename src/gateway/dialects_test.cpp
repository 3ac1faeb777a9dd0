// Calls in other dialects than OpenAI's chat: where they go, where their key stands, and what they cost.
#include <doctest/doctest.h>

#include "base/json.h"
#include "gateway/world_test.h"
#include "meter/event_stream.h"

using namespace gateway;
using namespace gateway::testing;
using net::Task;

namespace {

// One route to a provider's whole API.
class DialectWorld : public World {
 public:
  DialectWorld(std::string_view provider, std::string_view prefix) {
    settings.routes.front().prefix = prefix;
    catalog::Upstream& up = settings.upstreams.front();
    up.provider = provider;
    up.base_path.clear();
    up.credential = catalog::default_credential(provider, "bedrock-runtime.us-east-1.amazonaws.com");
  }
  // `fields` are whole lines; `target` may hold "{key}".
  Reply post(std::string target, std::string_view body, std::string_view fields = {}) {
    if (const auto at = target.find("{key}"); at != std::string::npos) target.replace(at, 5, secret);
    Reply reply;
    run(ask_it(*this, reply,
               fmt::format("POST {} HTTP/1.1\r\nHost: g\r\n{}Content-Length: {}\r\n\r\n{}", target, fields, body.size(),
                           body)));
    return reply;
  }
  std::string field(std::string_view name) const { return fmt::format("{}: {}\r\n", name, secret); }

 private:
  static Task<void> ask_it(World& world, Reply& reply, std::string request) {
    reply = co_await ask(world, std::move(request));
  }
};

const std::string no_field = "-";
const std::string& sent(const World& world, std::string_view name) {
  const std::string* found = world.upstream.requests.back().find(name);
  return found == nullptr ? no_field : *found;
}

std::string event(std::string_view name, std::string_view data) {
  return fmt::format("event: {}\ndata: {}\n\n", name, data);
}
const std::vector<std::string> message_events = {
    event("message_start",
          R"({"type":"message_start","message":{"model":"m","usage":{"input_tokens":20,"output_tokens":1}}})"),
    event("content_block_delta",
          R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hi"}})"),
    event("message_delta",
          R"({"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":5}})"),
    event("message_stop", R"({"type":"message_stop"})")};

constexpr std::string_view question = R"({"model":"m","max_tokens":10,"messages":[{"role":"user","content":"hi"}]})";

}  // namespace

TEST_CASE("Anthropic's messages are metered, and its key stands where its clients put ours") {
  DialectWorld world("anthropic", "/anthropic");
  const catalog::Limit limit = world.limit(1'000'000'000);
  world.open();
  world.answers(R"({"type":"message","model":"m","content":[],)"
                R"("usage":{"input_tokens":20,"output_tokens":5,"cache_read_input_tokens":0}})");
  const Reply reply =
      world.post("/anthropic/v1/messages?beta=true", question, world.field("x-api-key") + "anthropic-version: v\r\n");
  CHECK(reply.status() == 200);
  CHECK(reply.field("X-Request-Cost") == "0.00003");
  CHECK(world.upstream.requests.back().line == "POST /v1/messages?beta=true");
  CHECK(sent(world, "x-api-key") == "upstream-secret");
  CHECK(sent(world, "authorization") == no_field);
  CHECK(sent(world, "anthropic-version") == "v");
  const auto records = world.records();
  REQUIRE(records.size() == 1);
  CHECK(records[0].usage->input_tokens == 20);
  CHECK(world.state(limit).spent == 30'000);
}

TEST_CASE("an Anthropic stream is passed on as it is and metered by its own events") {
  DialectWorld world("anthropic", "/anthropic");
  world.open();
  world.streams(message_events);
  const Reply reply =
      world.post("/anthropic/v1/messages",
                 R"({"model":"m","max_tokens":10,"stream":true,"messages":[{"role":"user","content":"hi"}]})",
                 world.field("x-api-key"));
  std::string all;
  for (const std::string& one : message_events) all += one;
  CHECK(reply.body == all);
  CHECK_FALSE(world.upstream.requests.back().body.contains("stream_options"));
  const auto records = world.records();
  REQUIRE(records.size() == 1);
  CHECK(records[0].usage->output_tokens == 5);
}

TEST_CASE("counting tokens is free, also where a limit has nothing left") {
  DialectWorld world("anthropic", "/anthropic");
  const catalog::Limit limit = world.limit(1);
  world.open();
  world.answers(R"({"input_tokens":17})");
  const Reply reply =
      world.post("/anthropic/v1/messages/count_tokens", R"({"model":"m","messages":[]})", world.field("x-api-key"));
  CHECK(reply.status() == 200);
  CHECK(reply.field("X-Request-Cost") == "0");
  (void)world.records();
  CHECK(world.state(limit).spent == 0);
  CHECK(world.state(limit).unresolved == 0);
}

TEST_CASE("Gemini's model stands in the address, and the key may come in the query, which does not go on") {
  DialectWorld world("gemini", "/gemini");
  world.open();
  world.answers(R"({"modelVersion":"m","candidates":[],)"
                R"("usageMetadata":{"promptTokenCount":20,"candidatesTokenCount":5,"totalTokenCount":25}})");
  const Reply reply =
      world.post("/gemini/v1beta/models/m:generateContent?alt=json&key={key}",
                 R"({"contents":[{"parts":[{"text":"hi"}]}],"generationConfig":{"maxOutputTokens":10}})");
  CHECK(reply.status() == 200);
  CHECK(reply.field("X-Request-Cost") == "0.00003");
  CHECK(world.upstream.requests.back().line == "POST /v1beta/models/m:generateContent?alt=json");
  CHECK(sent(world, "x-goog-api-key") == "upstream-secret");
}

TEST_CASE("a key in the path is ours alone: what the client signs with is dropped") {
  DialectWorld world("bedrock", "/bedrock");
  world.open();
  world.answers(R"({"output":{},"usage":{"inputTokens":20,"outputTokens":5,"totalTokens":25}})");
  const Reply reply =
      world.post("/bedrock/{key}/model/m/converse", R"({"messages":[{"role":"user","content":[{"text":"hi"}]}]})",
                 "Authorization: AWS4-HMAC-SHA256 Credential=x\r\nX-Amz-Date: 20260101T000000Z\r\n");
  CHECK(reply.status() == 200);
  CHECK(world.upstream.requests.back().line == "POST /model/m/converse");
  CHECK(sent(world, "authorization") == "Bearer upstream-secret");
}

TEST_CASE("what goes to AWS is signed with the upstream's keys, and not with the client's") {
  DialectWorld world("bedrock", "/bedrock");
  world.settings.upstreams.front().secret = "AKID:of-the-upstream:session";
  world.settings.upstreams.front().deployments.emplace("a.m-v1:0", "m");
  world.open();
  world.answers(R"({"output":{},"usage":{"inputTokens":20,"outputTokens":5,"totalTokens":25}})");
  const Reply served =
      world.post("/bedrock/model/a.m-v1:0/converse", R"({"messages":[{"role":"user","content":[{"text":"hi"}]}]})",
                 world.field("X-Metergate-Key") +
                     "Authorization: AWS4-HMAC-SHA256 Credential=client\r\n"
                     "X-Amz-Date: 20260101T000000Z\r\nX-Amz-Security-Token: of-the-client\r\n");
  CHECK(served.status() == 200);
  CHECK(world.upstream.requests.back().line == "POST /model/a.m-v1%3A0/converse");
  CHECK(sent(world, "authorization").starts_with("AWS4-HMAC-SHA256 Credential=AKID/"));
  CHECK(sent(world, "authorization").contains("/us-east-1/bedrock/aws4_request"));
  CHECK(sent(world, "x-amz-security-token") == "session");
  std::size_t dates = 0;
  for (const auto& [name, value] : world.upstream.requests.back().fields)
    dates += net::equals_ignoring_case(name, "x-amz-date") ? 1 : 0;
  CHECK(dates == 1);
}

TEST_CASE("an Azure deployment is priced as the model that the configuration says it is") {
  DialectWorld world("azure_openai", "/azure");
  world.settings.upstreams.front().deployments.emplace("ours", "m");
  world.open();
  world.answers(R"({"model":"m","choices":[{}],"usage":{"prompt_tokens":20,"completion_tokens":5}})");
  const Reply reply = world.post("/azure/openai/deployments/ours/chat/completions?api-version=2024-10-21",
                                 R"({"messages":[],"max_tokens":10})", world.field("api-key"));
  CHECK(reply.status() == 200);
  CHECK(sent(world, "api-key") == "upstream-secret");
  CHECK(world.upstream.requests.back().line == "POST /openai/deployments/ours/chat/completions?api-version=2024-10-21");
  const Reply unknown = world.post("/azure/openai/deployments/theirs/chat/completions",
                                   R"({"messages":[],"max_tokens":10})", world.field("api-key"));
  CHECK(unknown.status() == 400);
}

// It was known in the address alone, so what Azure's newer addresses name in the body had no price.
TEST_CASE("an Azure deployment that the body names is priced, and counted, as its model, and asked for as it is") {
  DialectWorld world("azure_openai", "/azure");
  world.settings.upstreams.front().deployments.emplace("ours", "m");
  catalog::Limit other = world.limit(1'000'000);
  world.limits.back().filter.model = "m";
  world.open();
  constexpr std::string_view body = R"({"model":"ours","input":"hi","max_output_tokens":10})";
  for (const char* path : {"/azure/openai/v1/responses", "/azure/openai/responses?api-version=2025-04-01-preview"}) {
    CAPTURE(path);
    world.answers(R"({"id":"r","status":"completed","model":"m","usage":{"input_tokens":20,"output_tokens":5}})");
    CHECK(world.post(path, body, world.field("api-key")).field("X-Request-Cost") == "0.00003");
    CHECK(world.upstream.requests.back().body == body);
  }
  CHECK(
      world.post("/azure/openai/v1/responses", R"({"model":"theirs","input":"hi"})", world.field("api-key")).status() ==
      400);
  for (const events::UsageRecord& record : world.records())
    if (record.outcome == events::Outcome::served) CHECK(record.model == "m");
  CHECK(world.state(other).spent == 2 * (20 * 1'000 + 5 * 2'000));
}

TEST_CASE("speech costs what was to be spoken, and its reply need not say so") {
  DialectWorld world("openai", "/openai");
  world.settings.prices = std::make_shared<const meter::PriceBook>(
      *meter::PriceBook::parse(R"({"tts-1":{"input_cost_per_character":1.5e-5,"mode":"audio_speech"}})"));
  const catalog::Limit limit = world.limit(1'000'000'000);
  world.open();
  world.answers("the sound", "200 OK", "audio/mpeg");
  const Reply reply = world.post("/openai/v1/audio/speech", R"({"model":"tts-1","input":"Hello!","voice":"alloy"})",
                                 "Authorization: Bearer " + world.secret + "\r\n");
  CHECK(reply.body == "the sound");
  CHECK(reply.field("X-Request-Cost") == "0.00009");
  const auto records = world.records();
  REQUIRE(records.size() == 1);
  CHECK(records[0].usage->characters == 6);
  CHECK(world.state(limit).spent == 90'000);
  CHECK(world.state(limit).unresolved == 0);
}

TEST_CASE("audio in a form that Content-Type divides in another way goes nowhere") {
  DialectWorld world("openai", "/openai");
  world.settings.prices = std::make_shared<const meter::PriceBook>(*meter::PriceBook::parse(
      R"({"whisper-1":{"input_cost_per_second":1e-4,"output_cost_per_second":1e-4,"mode":"audio_transcription"}})"));
  world.limit(1'000'000'000);
  world.open();
  world.answers(R"({"text":"hi","usage":{"type":"duration","seconds":1}})");
  const std::string body =
      "--B\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n"
      "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n" +
      std::string("RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1F\0\0\x80\x3E\0\0\x02\0\x10\0data\0\0\0\0", 44) +
      std::string(16'000, 'x') + "\r\n--B--\r\n";
  const auto answer_to = [&](std::string_view type) {
    return world.post("/openai/v1/audio/transcriptions", body,
                      fmt::format("Authorization: Bearer {}\r\nContent-Type: {}\r\n", world.secret, type));
  };
  for (const char* type :
       {"multipart/form-data; boundary=C", "multipart/form-data", "application/json",
        "multipart/form-data; boundary=B; boundary=C", "multipart/form-data; boundary*=C; boundary=B",
        "multipart/form-data; boundary=B\r\nContent-Type: multipart/form-data; boundary=C"}) {
    CAPTURE(type);
    const Reply refused = answer_to(type);
    CHECK(refused.status() == 400);
    CHECK(refused.error("message").contains("Content-Type"));
  }
  CHECK(world.upstream.requests.empty());
  const Reply reply = answer_to("Multipart/Form-Data; boundary=\"B\"");
  CHECK(reply.status() == 200);
  CHECK(reply.field("X-Request-Cost") == "0.0001");  // by its second, of however many words
}

TEST_CASE("a refusal is written in the dialect of the address") {
  DialectWorld world("anthropic", "/anthropic");
  world.limit(1);
  world.open();
  const Reply no_money = world.post("/anthropic/v1/messages", question, world.field("x-api-key"));
  CHECK(no_money.status() == 402);
  CHECK(base::Json::parse(no_money.body)->find("type")->text() == "error");
  const Reply no_key = world.post("/anthropic/v1/messages", question);
  CHECK(no_key.status() == 401);
  CHECK(base::Json::parse(no_key.body)->find("type")->text() == "error");
  CHECK(world.upstream.requests.empty());
}

TEST_CASE("what cannot be bounded is refused, and so is a path that servers read in different ways") {
  DialectWorld world("openai", "/openai");
  world.settings.upstreams.front().base_path = "/v1";
  world.open();
  for (const char* path : {"/openai/v1/assistants", "/openai/v1/fine_tuning/jobs", "/openai/v1/Chat/Completions",
                           "/openai/v1/chat/completions/x"}) {
    CAPTURE(path);
    CHECK(world.post(path, question, "Authorization: Bearer " + world.secret + "\r\n").status() == 404);
  }
  for (const char* path : {"/openai/v1/responses/input_tokens/../../chat/completions",
                           "/openai/v1/x%2e%2e/%2E%2E/chat/completions", "/openai/v1//chat/completions"}) {
    CAPTURE(path);
    CHECK(world.post(path, question, "Authorization: Bearer " + world.secret + "\r\n").status() == 400);
  }
  CHECK(world.upstream.requests.empty());
  world.answers(R"({"model":"m","choices":[{}],"usage":{"prompt_tokens":20,"completion_tokens":5}})");
  world.answers(R"({"model":"m","choices":[{}],"usage":{"prompt_tokens":20,"completion_tokens":5}})");
  for (const char* path : {"/openai/v1/chat/completions", "/openai/chat/completions"}) {
    CHECK(world.post(path, question, "Authorization: Bearer " + world.secret + "\r\n").status() == 200);
    CHECK(world.upstream.requests.back().line == "POST /v1/chat/completions");
  }
}

namespace {

// What is left of a stream that breaks off behind these bytes.
std::string broken(std::string_view provider, std::string_view prefix, std::string_view target, std::string_view body,
                   std::string_view type, const std::string& sent) {
  DialectWorld world(provider, prefix);
  const catalog::Limit limit = world.limit(1'000'000'000);
  world.open();
  world.upstream.replies.push_back(
      {{fmt::format("HTTP/1.1 200 OK\r\nContent-Type: {}\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{}\r\n", type,
                    sent.size(), sent)},
       Scripted::Then::close});
  const Reply reply = world.post(std::string(target), body, "Authorization: Bearer " + world.secret + "\r\n");
  CHECK(reply.status() == 200);
  CHECK(reply.body.starts_with(sent));
  (void)world.records();
  CHECK(world.state(limit).unresolved > 0);
  return reply.body.substr(sent.size());
}

}  // namespace

TEST_CASE("a stream that breaks off ends as its dialect's client can read it") {
  const std::string line =
      broken("ollama", "/ollama", "/ollama/api/chat", R"({"model":"m","messages":[{"role":"user","content":"hi"}]})",
             "application/x-ndjson", "{\"model\":\"m\",\"message\":{\"content\":\"a\"},\"done\":false}\n");
  CHECK(base::Json::parse(line)->find("error") != nullptr);

  const std::string array =
      broken("gemini", "/gemini", "/gemini/v1beta/models/m:streamGenerateContent",
             R"({"contents":[{"parts":[{"text":"hi"}]}],"generationConfig":{"maxOutputTokens":10}})",
             "application/json", R"([{"candidates":[{"content":{"parts":[{"text":"a"}]}}]})");
  CHECK(array.starts_with(","));
  CHECK(base::Json::parse("[0" + array).has_value());

  const std::array<std::pair<std::string_view, std::string_view>, 2> headers{
      {{":event-type", "contentBlockDelta"}, {":message-type", "event"}}};
  const std::string message = meter::write_message(headers, R"({"delta":{"text":"a"}})");
  const std::string exception =
      broken("bedrock", "/bedrock", "/bedrock/model/m/converse-stream",
             R"({"messages":[{"role":"user","content":[{"text":"hi"}]}],"inferenceConfig":{"maxTokens":10}})",
             "application/vnd.amazon.eventstream", message);
  CHECK(exception.contains(":exception-type"));
}

TEST_CASE("a damaged event stream is broken off: nobody can count what comes behind") {
  DialectWorld world("bedrock", "/bedrock");
  const catalog::Limit limit = world.limit(1'000'000'000);
  world.open();
  const std::array<std::pair<std::string_view, std::string_view>, 2> headers{
      {{":event-type", "contentBlockDelta"}, {":message-type", "event"}}};
  const std::string good = meter::write_message(headers, R"({"delta":{"text":"a"}})");
  std::string bad = good;
  bad[9] ^= 1;  // in the checksum of the prelude
  const std::vector<std::string> sent{good, bad, good, good, good};
  world.streams(sent);
  world.upstream.replies.back().pieces.front() =
      "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.amazon.eventstream\r\nTransfer-Encoding: chunked\r\n\r\n";
  const Reply reply =
      world.post("/bedrock/model/m/converse-stream",
                 R"({"messages":[{"role":"user","content":[{"text":"hi"}]}],"inferenceConfig":{"maxTokens":900}})",
                 "Authorization: Bearer " + world.secret + "\r\n");
  CHECK(reply.body.contains(":exception-type"));
  const auto records = world.records();
  REQUIRE(records.size() == 1);
  CHECK(records[0].fault == base::Source::upstream_refusal);
  CHECK(world.state(limit).unresolved > 0);
}

TEST_CASE("half an event that has gone on is ended before the error, so that both can be told apart") {
  const std::string body =
      R"({"model":"m","max_tokens":900,"stream":true,"messages":[{"role":"user","content":"hi"}]})";
  const std::string end = broken("anthropic", "/anthropic", "/anthropic/v1/messages", body, "text/event-stream",
                                 message_events[0] + "event: content_block_delta\ndata: {\"ty");
  CHECK(end.starts_with("\n\nevent: error\ndata: "));
}
