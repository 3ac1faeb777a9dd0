#include "meter/reply_reader.h"

#include <doctest/doctest.h>

#include <string>

#include "meter/replies_test.h"

using meter::Dialect;
using meter::test::event;
using meter::test::message;
using meter::test::read;
using meter::test::shown;

namespace {

struct Row {
  const char* why;
  Dialect dialect;
  std::string body;
  const char* expected;
};

void check(const Row& row) {
  CAPTURE(row.why);
  CHECK(shown(read(row.dialect, row.body)) == row.expected);
}

std::string sse(std::initializer_list<std::string_view> events, std::string_view end = "\n") {
  std::string out;
  for (const std::string_view text : events) out += "data: " + std::string(text) + std::string(end) + std::string(end);
  return out;
}

}  // namespace

TEST_CASE("OpenAI's dialects are read, and those of all who follow them") {
  const std::string usage = R"({"prompt_tokens":12,"completion_tokens":3,"total_tokens":15})";
  for (
      const Row& row : {
          Row{"plain", Dialect::chat, R"({"model":"m","usage":)" + usage + "}", "input_tokens=12 output_tokens=3"},
          Row{"every class", Dialect::chat,
              R"({"usage":{"prompt_tokens":90,"completion_tokens":40,"total_tokens":130,"prompt_tokens_details":
                  {"cached_tokens":64,"audio_tokens":3,"image_tokens":4,"cache_write_tokens":2},
                  "completion_tokens_details":{"reasoning_tokens":30,"audio_tokens":5,"image_tokens":1}}})",
              "input_tokens=90 output_tokens=40 cached_input_tokens=64 cache_write_tokens=2 reasoning_tokens=30 "
              "audio_input_tokens=3 audio_output_tokens=5 image_input_tokens=4 image_output_tokens=1"},
          Row{"the last chunk has no choices (trap 2)", Dialect::chat,
              sse({R"({"choices":[{"delta":{}}],"usage":null})", R"({"choices":[],"usage":)" + usage + "}", "[DONE]"}),
              "input_tokens=12 output_tokens=3"},
          Row{"a stream without usage (trap 1)", Dialect::chat, sse({R"({"choices":[{"delta":{}}]})", "[DONE]"}),
              "none"},
          Row{"Groq's place", Dialect::chat, sse({R"({"x_groq":{"usage":)" + usage + "}}"}),
              "input_tokens=12 output_tokens=3"},
          Row{"cumulative in every chunk: the last wins", Dialect::chat,
              sse({R"({"usage":{"prompt_tokens":1,"completion_tokens":1}})", R"({"usage":)" + usage + "}"}),
              "input_tokens=12 output_tokens=3"},
          Row{"an object without counts replaces none", Dialect::chat,
              sse({R"({"usage":)" + usage + "}", R"({"usage":{}})"}), "input_tokens=12 output_tokens=3"},
          Row{"reasoning outside of the completion, a cost in ticks (traps 3, 16)", Dialect::chat,
              R"({"usage":{"prompt_tokens":12,"completion_tokens":1,"total_tokens":303,"cost_in_usd_ticks":1466251,
                  "completion_tokens_details":{"reasoning_tokens":290}}})",
              "input_tokens=12 output_tokens=291 reasoning_tokens=290 cost=0.000146626"},
          Row{"OpenRouter's cost (trap 8)", Dialect::chat,
              R"({"usage":{"prompt_tokens":1,"completion_tokens":2,"cost":7.099999999999999e-05}})",
              "input_tokens=1 output_tokens=2 cost=0.000071"},
          Row{"Perplexity's", Dialect::chat,
              R"({"usage":{"prompt_tokens":1,"completion_tokens":2,"citation_tokens":7,"num_search_queries":3,
                  "cost":{"total_cost":0.006}}})",
              "input_tokens=1 output_tokens=2 citation_tokens=7 web_search_calls=3 cost=0.006"},
          Row{"a cost of zero is a cost", Dialect::chat, R"({"usage":{"prompt_tokens":1,"cost":0}})",
              "input_tokens=1 cost=0"},
          Row{"Moonshot's cache", Dialect::chat,
              R"({"usage":{"prompt_tokens":20,"completion_tokens":1,"cached_tokens":10}})",
              "input_tokens=20 output_tokens=1 cached_input_tokens=10"},
          Row{"whole numbers as floats", Dialect::chat, R"({"usage":{"prompt_tokens":28.0,"completion_tokens":1e2}})",
              "input_tokens=28 output_tokens=100"},
          Row{"what is no count is unknown", Dialect::chat,
              R"({"usage":{"prompt_tokens":-1,"completion_tokens":1.5,"prompt_tokens_details":{"cached_tokens":"3"}}})",
              ""},
          Row{"absurd counts are unknown", Dialect::chat,
              R"({"usage":{"prompt_tokens":18446744073709551615,"completion_tokens":9223372036854775807}})", ""},
          Row{"details that are null", Dialect::chat,
              R"({"usage":{"prompt_tokens":1,"completion_tokens":2,"prompt_tokens_details":null}})",
              "input_tokens=1 output_tokens=2"},
          Row{"null is no usage", Dialect::chat, R"({"usage":null})", "none"},
          Row{"Mistral's cache", Dialect::chat,
              R"({"usage":{"prompt_tokens":20,"completion_tokens":1,"num_cached_tokens":0}})",
              "input_tokens=20 output_tokens=1 cached_input_tokens=0"},
      }) {
    check(row);
  }
}

TEST_CASE("OpenAI's other endpoints are read, and those of the same manner") {
  const std::string usage = R"({"prompt_tokens":12,"completion_tokens":3,"total_tokens":15})";
  for (const Row& row : {
           Row{"responses, and the tools in them (trap 14)", Dialect::responses,
               R"({"status":"completed","output":[{"type":"web_search_call"},{"type":"message"},
                  {"type":"file_search_call"},{"type":"web_search_call"}],"usage":{"input_tokens":10,
                  "output_tokens":4,"total_tokens":14,"input_tokens_details":{"cached_tokens":8},
                  "output_tokens_details":{"reasoning_tokens":2}},"tool_usage":{"image_gen":{"input_tokens":5,
                  "output_tokens":1056,"total_tokens":1061,"output_tokens_details":{"image_tokens":1056}}}})",
               "input_tokens=10 output_tokens=4 cached_input_tokens=8 reasoning_tokens=2 web_search_calls=2 "
               "file_search_calls=1 code_interpreter_calls=0 |  image_generation: input_tokens=5 output_tokens=1056 "
               "image_output_tokens=1056"},
           Row{"responses in a stream", Dialect::responses,
               sse({R"({"type":"response.created","response":{"status":"in_progress","usage":null}})",
                    R"({"type":"response.output_text.delta","delta":"\"usage\":{\"input_tokens\":9}"})",
                    R"({"type":"response.incomplete","response":{"usage":{"input_tokens":10,"output_tokens":4}}})"}),
               "input_tokens=10 output_tokens=4"},
           Row{"responses in the background name nothing yet", Dialect::responses,
               R"({"status":"queued","usage":null})", "none"},
           Row{"a run once it is completed", Dialect::runs, R"({"status":"completed","usage":)" + usage + "}",
               "input_tokens=12 output_tokens=3"},
           Row{"embeddings", Dialect::embeddings, R"({"data":[{},{}],"usage":{"prompt_tokens":5,"total_tokens":5}})",
               "input_tokens=5"},
           Row{"Voyage names the total only", Dialect::embeddings, R"({"usage":{"total_tokens":57}})",
               "input_tokens=57"},
           Row{"Gemini's embeddings", Dialect::embeddings, R"({"usageMetadata":{"promptTokenCount":14}})",
               "input_tokens=14"},
           Row{"Vertex's by the character", Dialect::embeddings,
               R"({"predictions":[{}],"metadata":{"billableCharacterCount":12}})", "characters=12"},
           Row{"images by tokens", Dialect::images,
               R"({"data":[{"b64_json":"x"},{}],"usage":{"input_tokens":50,"output_tokens":1056,
                  "input_tokens_details":{"image_tokens":40,"text_tokens":10}}})",
               "input_tokens=50 output_tokens=1056 image_input_tokens=40 images=2"},
           Row{"images by number", Dialect::images, R"({"data":[{"url":"x"}]})", "images=1"},
           Row{"audio by the begun second", Dialect::audio, R"({"usage":{"type":"duration","seconds":36.2}})",
               "audio_seconds=37"},
           Row{"audio by tokens", Dialect::audio,
               R"({"usage":{"type":"tokens","input_tokens":14,"output_tokens":45,"input_token_details":
                  {"text_tokens":0,"audio_tokens":14}}})",
               "input_tokens=14 output_tokens=45 audio_input_tokens=14"},
       }) {
    check(row);
  }
}

TEST_CASE("Anthropic's messages are read: caches outside of the input, deltas that overlay, iterations") {
  for (const Row& row : {
           Row{"plain (traps 5, 7)", Dialect::anthropic,
               R"({"usage":{"input_tokens":6,"output_tokens":9,"cache_read_input_tokens":20443,
                  "cache_creation_input_tokens":574,"cache_creation":{"ephemeral_5m_input_tokens":500,
                  "ephemeral_1h_input_tokens":74},"output_tokens_details":{"thinking_tokens":2},
                  "server_tool_use":{"web_search_requests":1}}})",
               "input_tokens=21023 output_tokens=9 cached_input_tokens=20443 cache_write_tokens=574 "
               "cache_write_5m_tokens=500 cache_write_1h_tokens=74 reasoning_tokens=2 web_search_calls=1"},
           Row{"a stream", Dialect::anthropic,
               sse({R"({"type":"message_start","message":{"usage":{"input_tokens":10,"output_tokens":1,)"
                    R"("cache_read_input_tokens":5}}})",
                    R"({"type":"message_delta","delta":{},"usage":{"output_tokens":40}})",
                    R"({"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":44}})"}),
               "input_tokens=15 output_tokens=44 cached_input_tokens=5"},
           Row{"a stream that fails has what it began with (trap 12)", Dialect::anthropic,
               sse({R"({"type":"message_start","message":{"usage":{"input_tokens":10,"output_tokens":1}}})",
                    R"({"type":"error","error":{"type":"overloaded_error"}})"}),
               "input_tokens=10 output_tokens=1"},
           Row{"compaction is in no top-level number (trap 6)", Dialect::anthropic,
               R"({"model":"a","usage":{"input_tokens":220,"output_tokens":7,"iterations":[
                  {"type":"compaction","input_tokens":55196,"output_tokens":100},
                  {"type":"message","input_tokens":220,"output_tokens":7}]}})",
               "input_tokens=55416 output_tokens=107"},
           Row{"another model's iterations are billed at its price", Dialect::anthropic,
               R"({"model":"a","usage":{"input_tokens":5,"output_tokens":7,"iterations":[
                  {"type":"message","input_tokens":2,"output_tokens":3},
                  {"type":"advisor_message","model":"b","input_tokens":100,"output_tokens":9,
                   "cache_read_input_tokens":1},
                  {"type":"message","model":"a","input_tokens":3,"output_tokens":4}]}})",
               "input_tokens=5 output_tokens=7 | b advisor_message: input_tokens=101 output_tokens=9 "
               "cached_input_tokens=1"},
       }) {
    check(row);
  }
}

TEST_CASE("Gemini's replies are read: thoughts outside of the candidates, tools outside of the prompt") {
  const std::string chunk = R"({"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":2,"totalTokenCount":7}})";
  for (const Row& row : {
           Row{"every class (trap 4)", Dialect::gemini,
               R"({"candidates":[{"groundingMetadata":{"webSearchQueries":["a","b"]}}],"usageMetadata":{
                  "promptTokenCount":100,"candidatesTokenCount":20,"thoughtsTokenCount":30,
                  "toolUsePromptTokenCount":7,"cachedContentTokenCount":60,"totalTokenCount":157,
                  "promptTokensDetails":[{"modality":"TEXT","tokenCount":50},{"modality":"AUDIO","tokenCount":40},
                  {"modality":"IMAGE","tokenCount":10}],"cacheTokensDetails":[{"modality":"AUDIO","tokenCount":8}],
                  "candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":11}]}})",
               "input_tokens=107 output_tokens=50 cached_input_tokens=60 reasoning_tokens=30 audio_input_tokens=40 "
               "cached_audio_input_tokens=8 image_input_tokens=10 image_output_tokens=11 tool_use_input_tokens=7 "
               "web_search_calls=2"},
           Row{"nothing but thoughts", Dialect::gemini,
               R"({"usageMetadata":{"promptTokenCount":5,"thoughtsTokenCount":9,"totalTokenCount":14}})",
               "input_tokens=5 output_tokens=9 reasoning_tokens=9"},
           Row{"modalities as numbers", Dialect::gemini,
               R"({"usageMetadata":{"promptTokenCount":5,"promptTokensDetails":[{"modality":4,"tokenCount":5}]}})",
               "input_tokens=5 audio_input_tokens=5"},
           Row{"events that end in CRLF (trap 17): the last wins", Dialect::gemini,
               sse({R"({"usageMetadata":{"promptTokenCount":5,"totalTokenCount":5}})", chunk}, "\r\n"),
               "input_tokens=5 output_tokens=2"},
           Row{"a list without alt=sse", Dialect::gemini,
               R"([{"candidates":[]}
,
)" + chunk + "]",
               "input_tokens=5 output_tokens=2"},
           Row{"interactions", Dialect::interactions,
               R"({"usage":{"total_input_tokens":9,"total_output_tokens":3,"total_thought_tokens":4,
                  "total_tool_use_tokens":2,"total_cached_tokens":1,"total_tokens":18}})",
               "input_tokens=11 output_tokens=7 cached_input_tokens=1 reasoning_tokens=4 tool_use_input_tokens=2"},
           Row{"interactions in a stream", Dialect::interactions,
               sse({R"({"interaction":{"status":"in_progress"}})",
                    R"({"interaction":{"usage":{"total_input_tokens":9,"total_output_tokens":3}}})"}),
               "input_tokens=9 output_tokens=3"},
       }) {
    check(row);
  }
}

TEST_CASE("Bedrock's replies are read: its own dialect, each model's, and the head") {
  const auto chunk = [](std::string_view base64) {
    return event("chunk", R"({"bytes":")" + std::string(base64) + R"(","p":"abc"})");
  };
  for (const Row& row : {
           Row{"converse", Dialect::converse,
               R"({"stopReason":"end_turn","usage":{"inputTokens":3,"outputTokens":121,"totalTokens":2072,
                  "cacheReadInputTokens":1712,"cacheReadInputTokenCount":1712,"cacheWriteInputTokens":236,
                  "cacheWriteInputTokenCount":236,"cacheDetails":[{"inputTokens":200,"ttl":"5m"},
                  {"inputTokens":36,"ttl":"1h"}],"serverToolUsage":{}}})",
               "input_tokens=1951 output_tokens=121 cached_input_tokens=1712 cache_write_tokens=236 "
               "cache_write_5m_tokens=200 cache_write_1h_tokens=36"},
           Row{"converse-stream", Dialect::converse,
               event("messageStart", R"({"role":"assistant"})") +
                   event("metadata", R"({"usage":{"inputTokens":3,"outputTokens":2,"totalTokens":5}})"),
               "input_tokens=3 output_tokens=2"},
           Row{"Claude", Dialect::invoke, R"({"usage":{"input_tokens":6,"output_tokens":9,
                  "cache_read_input_tokens":4}})",
               "input_tokens=10 output_tokens=9 cached_input_tokens=4"},
           Row{"Nova", Dialect::invoke, R"({"usage":{"inputTokens":5,"outputTokens":10,"cacheReadInputTokenCount":1}})",
               "input_tokens=6 output_tokens=10 cached_input_tokens=1"},
           Row{"Titan, with whole numbers as floats (trap 9)", Dialect::invoke,
               R"({"inputTextTokenCount":28.0,"results":[{"tokenCount":197.0},{"tokenCount":3}]})",
               "input_tokens=28 output_tokens=200"},
           Row{"Llama", Dialect::invoke, R"({"prompt_token_count":8,"generation_token_count":35})",
               "input_tokens=8 output_tokens=35"},
           // {"type":"message_start","message":{"usage":{"input_tokens":7,"output_tokens":1}}}
           // {"type":"message_delta","usage":{"output_tokens":13}}
           Row{"Claude in a stream", Dialect::invoke,
               chunk("eyJ0eXBlIjoibWVzc2FnZV9zdGFydCIsIm1lc3NhZ2UiOnsidXNhZ2UiOnsiaW5wdXRfdG9rZW5zIjo3LCJvdXRwdXRfdG9r"
                     "ZW5zIjoxfX19") +
                   chunk("eyJ0eXBlIjoibWVzc2FnZV9kZWx0YSIsInVzYWdlIjp7Im91dHB1dF90b2tlbnMiOjEzfX0="),
               "input_tokens=7 output_tokens=13"},
           // {"amazon-bedrock-invocationMetrics":{"inputTokenCount":10,"outputTokenCount":60}}
           Row{"any other model in a stream", Dialect::invoke,
               chunk("eyJhbWF6b24tYmVkcm9jay1pbnZvY2F0aW9uTWV0cmljcyI6eyJpbnB1dFRva2VuQ291bnQiOjEwLCJvdXRwdXRUb2tlbkNv"
                     "dW50Ijo2MH19"),
               "input_tokens=10 output_tokens=60"},
       }) {
    check(row);
  }

  CHECK(shown(read(Dialect::invoke, R"({"generations":[]})",
                   {{"X-Amzn-Bedrock-Input-Token-Count", "9"}, {"X-Amzn-Bedrock-Output-Token-Count", "112"}})) ==
        "input_tokens=9 output_tokens=112");
  CHECK(shown(read(Dialect::invoke, R"({"usage":{"inputTokens":5}})",
                   {{"x-amzn-bedrock-input-token-count", "5"}, {"x-amzn-bedrock-output-token-count", "3"}})) ==
        "input_tokens=5 output_tokens=3");
  CHECK(read(Dialect::converse, message({{":message-type", "exception"}, {":exception-type", "throttlingException"}},
                                        R"({"message":"slow down"})"))
            .error_type == "throttlingException");
}

TEST_CASE("dialects of one provider are read") {
  for (const Row& row : {
           Row{"Cohere bills units, not tokens (trap 10)", Dialect::cohere,
               R"({"usage":{"billed_units":{"input_tokens":6,"output_tokens":33},
                  "tokens":{"input_tokens":501,"output_tokens":35},"cached_tokens":448}})",
               "input_tokens=6 output_tokens=33"},
           Row{"Cohere's version 2 in a stream", Dialect::cohere,
               sse({R"({"type":"message-end","delta":{"usage":{"billed_units":{"input_tokens":6,"output_tokens":3}}}})",
                    "[DONE]"}),
               "input_tokens=6 output_tokens=3"},
           Row{"Cohere's version 1 in lines", Dialect::cohere,
               R"({"event_type":"text-generation","text":"a"}
{"event_type":"stream-end","response":{"meta":{"billed_units":{"input_tokens":7,"output_tokens":5}}}}
)",
               "input_tokens=7 output_tokens=5"},
           Row{"a rerank", Dialect::cohere, R"({"meta":{"billed_units":{"search_units":2}}})", "search_units=2"},
           Row{"Ollama in lines", Dialect::ollama,
               "{\"message\":{},\"done\":false}\n{\"done\":true,\"prompt_eval_count\":21,\"eval_count\":89}\n",
               "input_tokens=21 output_tokens=89"},
           Row{"a prompt that Ollama had cached is unknown (trap 11)", Dialect::ollama, R"({"eval_count":58})",
               "output_tokens=58"},
           Row{"watsonx: input in the first event, output cumulative", Dialect::watsonx,
               "id: 1\nevent: message\n" + sse({R"({"results":[{"input_token_count":8,"generated_token_count":0}]})",
                                                R"({"results":[{"input_token_count":0,"generated_token_count":11}]})"}),
               "input_tokens=8 output_tokens=11"},
           Row{"Aleph Alpha", Dialect::aleph_alpha, R"({"num_tokens_prompt_total":9,"num_tokens_generated":1000})",
               "input_tokens=9 output_tokens=1000"},
           Row{"Replicate", Dialect::replicate, R"({"metrics":{"input_token_count":4,"output_token_count":5}})",
               "input_tokens=4 output_tokens=5"},
           Row{"what says nothing", Dialect::none, R"({"results":[{"flagged":false}]})", "none"},
       }) {
    check(row);
  }
  CHECK(shown(read(Dialect::tgi, "[{}]", {{"X-Prompt-Tokens", "16"}, {"X-Generated-Tokens", "75"}})) ==
        "input_tokens=16 output_tokens=75");
  CHECK(read(Dialect::token_count, R"({"input_tokens":19})").counted_tokens == 19);
  CHECK(read(Dialect::token_count, R"({"tokens":[9707,11,1879,0]})").counted_tokens == 4);
}
