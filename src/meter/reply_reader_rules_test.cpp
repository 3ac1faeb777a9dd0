// What holds for replies of every dialect.
#include <doctest/doctest.h>

#include <string>

#include "meter/replies_test.h"

using meter::Dialect;
using meter::Reply;
using meter::test::event;
using meter::test::read;
using meter::test::shown;

TEST_CASE("what decides about a price is kept in the provider's words") {
  Reply reply = read(Dialect::chat, R"({"model":"gpt-4o-2024-08-06","service_tier":"flex","choices":[
      {"index":0,"finish_reason":"length"},{"index":1,"finish_reason":"stop"}],"usage":{"prompt_tokens":1}})");
  CHECK(reply.model == "gpt-4o-2024-08-06");
  CHECK(reply.service_tier == "flex");
  CHECK(reply.stop_reason == "length");
  CHECK(reply.choices == 2);
  CHECK(reply.names_usage);
  reply = read(Dialect::anthropic,
               R"({"usage":{"input_tokens":1,"service_tier":"priority","inference_geo":"us","speed":"fast"}})");
  CHECK(reply.service_tier == "priority");
  CHECK(reply.inference_geo == "us");
  CHECK(reply.speed == "fast");
  reply = read(Dialect::gemini,
               R"({"modelVersion":"models/gemini-2.5-pro","usageMetadata":{"trafficType":"ON_DEMAND_FLEX"}})");
  CHECK(reply.model == "gemini-2.5-pro");
  CHECK(reply.traffic_type == "ON_DEMAND_FLEX");
  CHECK(read(Dialect::gemini, R"({"promptFeedback":{"blockReason":"SAFETY"}})").stop_reason == "blocked:SAFETY");
}

TEST_CASE("the provider's own numbers stay as it wrote them") {
  Reply reply = read(Dialect::chat, R"({"usage":{"prompt_tokens":12,"completion_tokens":1,"total_tokens":303}})");
  CHECK(reply.provider_input_tokens == 12);
  CHECK(reply.provider_output_tokens == 1);
  CHECK(reply.provider_total_tokens == 303);
  reply = read(Dialect::cohere, R"({"meta":{"billed_units":{"input_tokens":6},"tokens":{"input_tokens":501}}})");
  CHECK(reply.provider_input_tokens == 501);
  reply = read(Dialect::chat, R"({"usage":{"prompt_tokens":1,"cost":0.0004970133333333333}})");
  CHECK(reply.provider_cost_usd == "0.0004970133333333333");
  CHECK(reply.usage->provider_cost == base::Money::from_nanos(497'014));
  reply = read(Dialect::chat, R"({"usage":{"prompt_tokens":1}})", {{"X-LiteLLM-Response-Cost", "7.1e-05"}});
  CHECK(reply.provider_cost_usd == "0.000071");
}

TEST_CASE("a member of a usage object that no table knows is reported if it may cost money") {
  const Reply reply = read(Dialect::chat, R"({"usage":{"prompt_tokens":1,"completion_tokens":2,"robots":3,"idle":0,
      "note":"x","prompt_tokens_details":{"smell_tokens":5,"cached_tokens":-4},"list":[{"a":1},{"a":2}]}})");
  CHECK(reply.unknown_field_count == 5);
  CHECK(reply.unknown_fields == std::vector<std::string>{"robots", "prompt_tokens_details.smell_tokens",
                                                         "prompt_tokens_details.cached_tokens", "list[].a"});
  CHECK_FALSE(reply.usage->cached_input_tokens.has_value());
  CHECK(read(Dialect::none, R"({"usage":{"tokens":7}})").unknown_fields == std::vector<std::string>{"usage"});
}

TEST_CASE("classes that contradict each other are an alarm") {
  const auto alarms = [](Dialect dialect, std::string_view body) { return read(dialect, body).alarms; };
  CHECK(alarms(Dialect::chat, R"({"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}})").empty());
  // OpenRouter repeats what was read as what was written (trap 8).
  CHECK(alarms(Dialect::chat, R"({"usage":{"prompt_tokens":2168,"completion_tokens":1,"total_tokens":2169,
      "prompt_tokens_details":{"cached_tokens":2161,"cache_write_tokens":2161}}})") ==
        std::vector<std::string>{"2161 cached_input_tokens + 2161 cache_write_tokens are more than 2168 input_tokens"});
  CHECK(alarms(Dialect::chat, R"({"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":4}})").size() == 1);
  CHECK(alarms(Dialect::gemini, R"({"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,
      "totalTokenCount":50}})")
            .size() == 1);
}

TEST_CASE("a stream's damage is an alarm, and what follows it is not read") {
  std::string stream = event("metadata", R"({"usage":{"inputTokens":3,"outputTokens":2}})");
  const std::string later = event("metadata", R"({"usage":{"inputTokens":30,"outputTokens":20}})");
  CHECK(shown(read(Dialect::converse, stream + later)) == "input_tokens=30 output_tokens=20");
  std::string damaged = later;
  damaged[damaged.find("30")] = '9';
  Reply reply = read(Dialect::converse, stream + damaged + later);
  CHECK(shown(reply) == "input_tokens=3 output_tokens=2");
  CHECK(reply.alarms.size() == 1);
  // Cut off: the message that had not all come is not read, and nothing is wrong with the rest.
  reply = read(Dialect::converse, (stream + later).substr(0, stream.size() + later.size() - 1));
  CHECK(shown(reply) == "input_tokens=3 output_tokens=2");
  CHECK(reply.alarms.empty());
}

TEST_CASE("what is not JSON, or ends too early, gives nothing and breaks nothing") {
  for (const std::string_view body :
       {"", "<html>{\"usage\":{\"prompt_tokens\":1}}</html>", R"({"usage":{"prompt_tokens":1})", "{",
        R"({"usage":{"prompt_tokens":1}x})", R"({"usage" 1})", R"({"usage":})", "nonsense",
        R"(data: {"usage":{"prompt_tokens":1})", R"({"usage":[1,2]})", R"({"usage":"much"})"})
    CHECK(shown(read(Dialect::chat, body)) == "none");
  // What one event breaks ends with it.
  CHECK(
      shown(read(Dialect::chat, "data: {\"usage\":{\n\ndata: [DONE]\n\ndata: {\"usage\":{\"prompt_tokens\":1}}\n\n")) ==
      "input_tokens=1");
  // An event that ends the stream without a blank line counts, and so does a byte order mark for nothing.
  CHECK(shown(read(Dialect::chat,
                   "\xEF\xBB\xBF"
                   R"(data:{"usage":{"prompt_tokens":1}})")) == "input_tokens=1");
}

TEST_CASE("an error of any kind is named") {
  const auto error = [](Dialect dialect, std::string_view body) { return read(dialect, body).error_type.value_or(""); };
  CHECK(error(Dialect::chat, R"({"error":{"type":"invalid_request_error","code":"x"}})") == "invalid_request_error");
  CHECK(error(Dialect::chat, R"({"error":{"type":null,"code":429}})") == "429");
  CHECK(error(Dialect::chat, "event: error\ndata: {\"error\":{\"type\":\"t\"}}\n\n") == "t");
  CHECK(error(Dialect::responses, "data: {\"type\":\"error\",\"code\":\"insufficient_quota\"}\n\n") ==
        "insufficient_quota");
  CHECK(error(Dialect::gemini, R"({"error":{"code":404,"status":"NOT_FOUND"}})") == "NOT_FOUND");
  CHECK(error(Dialect::ollama, R"({"error":"model not found"})") == "model not found");
}

TEST_CASE("memory stays small however long a reply and its events are") {
  // Ten megabytes in front of the usage, in one event: more than any splitter would hold.
  const std::string picture(10'000'000, 'A');  // NOLINT(bugprone-string-constructor): as long as it has to be
  const std::string body = R"({"output":[{"type":"image_generation_call","result":")" + picture +
                           R"("}],"usage":{"input_tokens":1,"output_tokens":2}})";
  CHECK(shown(read(Dialect::responses, body, 1 << 16)) ==
        "input_tokens=1 output_tokens=2 web_search_calls=0 file_search_calls=0 code_interpreter_calls=0");
  CHECK(shown(read(Dialect::responses, "data: {\"response\":" + body + "}\n\n", 1 << 16)) ==
        "input_tokens=1 output_tokens=2 web_search_calls=0 file_search_calls=0 code_interpreter_calls=0");
  // What claims to be usage and is as long is left out, and said.
  const Reply reply = read(Dialect::chat, R"({"usage":{"note":")" + picture + R"(","prompt_tokens":1}})", 1 << 16);
  CHECK(shown(reply) == "none");
  CHECK(reply.alarms.size() == 1);
}
