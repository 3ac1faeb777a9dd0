#include "meter/chat_reply.h"

#include <doctest/doctest.h>
#include <simdjson.h>

#include <string>

using meter::ChatReply;
using meter::ChatStreamReader;
using meter::Usage;
using Verdict = meter::ChatStreamReader::Verdict;

namespace {

ChatReply read(std::string_view body) {
  const simdjson::padded_string padded(body);
  return meter::read_chat_reply(padded);
}

std::string shown(const std::optional<std::int64_t>& count) { return count ? std::to_string(*count) : "?"; }
// "input/output cached written reasoning audio-in audio-out", with ? for what is unknown.
std::string shown(const std::optional<Usage>& usage) {
  if (!usage) return "none";
  return shown(usage->input_tokens) + "/" + shown(usage->output_tokens) + " " + shown(usage->cached_input_tokens) +
         " " + shown(usage->cache_write_tokens) + " " + shown(usage->reasoning_tokens) + " " +
         shown(usage->audio_input_tokens) + " " + shown(usage->audio_output_tokens);
}

std::string reply_with(std::string_view usage) { return R"({"model":"m","usage":)" + std::string(usage) + "}"; }

}  // namespace

TEST_CASE("a reply's usage is normalised, and what it does not name is unknown") {
  struct Row {
    const char* why;
    const char* usage;
    const char* expected;
  };
  for (const Row& row : {
           Row{"plain", R"({"prompt_tokens":9,"completion_tokens":4,"total_tokens":13})", "9/4 ? ? ? ? ?"},
           Row{"with details",
               R"({"prompt_tokens":90,"completion_tokens":40,"total_tokens":130,
                   "prompt_tokens_details":{"cached_tokens":64,"audio_tokens":3,"cache_write_tokens":2},
                   "completion_tokens_details":{"reasoning_tokens":30,"audio_tokens":5}})",
               "90/40 64 2 30 3 5"},
           Row{"an explicit zero is a zero",
               R"({"prompt_tokens":0,"completion_tokens":0,"prompt_tokens_details":{"cached_tokens":0}})",
               "0/0 0 ? ? ? ?"},
           Row{"details that are null",
               R"({"prompt_tokens":1,"completion_tokens":2,"prompt_tokens_details":null,
                  "completion_tokens_details":{}})",
               "1/2 ? ? ? ? ?"},
           // xAI: reasoning stands outside of completion, and its own cost field bills it (metering.md 1.3, trap 3).
           Row{"reasoning outside of the completion",
               R"({"prompt_tokens":12,"completion_tokens":1,"total_tokens":303,
                   "completion_tokens_details":{"reasoning_tokens":290}})",
               "12/291 ? ? 290 ? ?"},
           Row{"hidden tokens without any detail", R"({"completion_tokens":12,"prompt_tokens":35,"total_tokens":109})",
               "35/74 ? ? ? ? ?"},
           Row{"Moonshot's place of the cache", R"({"prompt_tokens":20,"completion_tokens":1,"cached_tokens":10})",
               "20/1 10 ? ? ? ?"},
           Row{"Mistral's", R"({"num_cached_tokens":7,"prompt_tokens":20,"completion_tokens":1})", "20/1 7 ? ? ? ?"},
           Row{"a total that is too small changes nothing",
               R"({"prompt_tokens":10,"completion_tokens":5,"total_tokens":12})", "10/5 ? ? ? ? ?"},
           Row{"whole numbers as floats", R"({"prompt_tokens":28.0,"completion_tokens":1e2})", "28/100 ? ? ? ? ?"},
           Row{"what is no count is unknown",
               R"({"prompt_tokens":-1,"completion_tokens":1.5,"prompt_tokens_details":{"cached_tokens":"3"}})",
               "?/? ? ? ? ? ?"},
           Row{"absurd counts are unknown",
               R"({"prompt_tokens":18446744073709551615,"completion_tokens":9223372036854775807,"total_tokens":1e300})",
               "?/? ? ? ? ? ?"},
           Row{"one number is missing", R"({"prompt_tokens":7,"total_tokens":7})", "7/? ? ? ? ? ?"},
           Row{"null is no usage", "null", "none"},
           Row{"a list is no usage", "[]", "none"},
       }) {
    CAPTURE(row.why);
    CHECK(shown(read(reply_with(row.usage)).usage) == row.expected);
  }
}

TEST_CASE("a reply names its model, its tier and its failure") {
  const ChatReply reply = read(R"({"model":"gpt-4o-2024-08-06","service_tier":"flex","error":null,"choices":[]})");
  CHECK(reply.model == "gpt-4o-2024-08-06");
  CHECK(reply.service_tier == "flex");
  CHECK_FALSE(reply.is_error);
  CHECK(read(R"({"error":{"message":"no"}})").is_error);
  CHECK(read(R"({"error":"no"})").is_error);
  CHECK_FALSE(read(R"({"service_tier":null})").service_tier.has_value());
}

TEST_CASE("what is not a reply says nothing") {
  for (const char* body : {"", "<html>502</html>", "[1]", "{\"usage\":{\"prompt_tokens\":1", "null"}) {
    CAPTURE(body);
    const ChatReply reply = read(body);
    CHECK(reply.model.empty());
    CHECK_FALSE(reply.usage.has_value());
    CHECK_FALSE(reply.is_error);
  }
}

TEST_CASE("the usage of a stream is the last that any chunk names") {
  struct Row {
    const char* why;
    std::vector<const char*> chunks;
    const char* expected;
  };
  const char* const usage_1 = R"({"choices":[{"delta":{}}],"usage":{"prompt_tokens":1,"completion_tokens":1}})";
  const char* const usage_2 = R"({"choices":[{"delta":{}}],"usage":{"prompt_tokens":1,"completion_tokens":2}})";
  for (const Row& row : {
           Row{"none", {R"({"choices":[{"delta":{"content":"a"}}],"usage":null})", "[DONE]"}, "none"},
           Row{"cumulative: the last wins", {usage_1, usage_2, "[DONE]"}, "1/2 ? ? ? ? ?"},
           Row{"an empty object does not undo one", {usage_1, R"({"choices":[],"usage":{}})"}, "1/1 ? ? ? ? ?"},
           Row{"Groq's own place",
               {R"({"choices":[{"delta":{}}],"x_groq":{"id":"r","usage":{"prompt_tokens":3,"completion_tokens":4}}})"},
               "3/4 ? ? ? ? ?"},
           Row{"beside an error",
               {R"({"error":{"message":"m"},"usage":{"prompt_tokens":3,"completion_tokens":4}})"},
               "3/4 ? ? ? ? ?"},
       }) {
    CAPTURE(row.why);
    ChatStreamReader reader;
    for (const char* chunk : row.chunks) reader.on_event(chunk);
    CHECK(shown(reader.reply().usage) == row.expected);
  }
}

TEST_CASE("only the chunk that include_usage adds is usage only") {
  struct Row {
    const char* why;
    const char* chunk;
    Verdict verdict;
  };
  for (const Row& row : {
           Row{"OpenAI's", R"({"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}})", Verdict::usage_only},
           Row{"Azure's first chunk: choices empty too", R"({"choices":[],"prompt_filter_results":[]})", Verdict::pass},
           Row{"usage null", R"({"choices":[],"usage":null})", Verdict::pass},
           Row{"Mistral's: usage beside a choice",
               R"({"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":1}})", Verdict::pass},
           Row{"an error that carries usage", R"({"choices":[],"error":{},"usage":{"prompt_tokens":1}})",
               Verdict::pass},
           Row{"no choices named", R"({"usage":{"prompt_tokens":1}})", Verdict::pass},
           Row{"the end", "[DONE]", Verdict::pass},
           Row{"no JSON", "{\"choices\":[],", Verdict::pass},
           Row{"nothing", "", Verdict::pass},
       }) {
    CAPTURE(row.why);
    ChatStreamReader reader;
    CHECK(reader.on_event(row.chunk) == row.verdict);
  }
}

TEST_CASE("chunks count as output when they bring some") {
  struct Row {
    const char* delta;
    std::int64_t counted;
  };
  for (const Row& row : {
           Row{R"({"role":"assistant","content":"","refusal":null})", 0},
           Row{R"({})", 0},
           Row{R"(null)", 0},
           Row{R"({"annotations":[{}]})", 0},
           Row{R"({"content":"a"})", 1},
           Row{R"({"content":null,"refusal":"n"})", 1},
           Row{R"({"tool_calls":[]})", 0},
           Row{R"({"tool_calls":[{"index":0}]})", 1},
           Row{R"({"reasoning_content":"r"})", 1},
           Row{R"({"reasoning":"r"})", 1},
           Row{R"({"audio":{"data":"A"}})", 1},
           Row{R"({"function_call":{"name":"f"}})", 1},
       }) {
    CAPTURE(row.delta);
    ChatStreamReader reader;
    reader.on_event(R"({"choices":[{"index":0,"delta":)" + std::string(row.delta) + R"(},{"delta":{}}]})");
    CHECK(reader.output_chunks() == row.counted);
  }
}

TEST_CASE("what a stream has brought is bounded from above by the bytes of all that its deltas say") {
  struct Row {
    std::string_view delta;
    std::int64_t bound;
  };
  for (const Row& row : {
           Row{R"({"content":"four"})", 4},
           Row{R"({"content":"\u00e9\n"})", 3},  // of the text, not of its JSON
           Row{R"({"content":"a","reasoning":"bc"})", 3},
           Row{R"({"content":null,"something_new":"abc"})", 3},
           Row{R"({"tool_calls":[{"index":0,"id":"call_1","function":{"name":"f","arguments":"{}"}}]})", 10},
           Row{R"({})", 0},
       }) {
    CAPTURE(row.delta);
    ChatStreamReader reader;
    reader.on_event(R"({"choices":[{"delta":)" + std::string(row.delta) + R"(},{"delta":{"content":"z"}}]})");
    CHECK(reader.output_bound() == row.bound + 1);
    CHECK(reader.output_bound() >= reader.output_chunks());
    // What the provider says is more is more: thinking that it does not send.
    reader.on_event(R"({"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":500}})");
    CHECK(reader.output_bound() == 500);
  }
}

TEST_CASE("a stream tells its model, its tier, its failure and its end") {
  ChatStreamReader reader;
  reader.on_event(R"({"model":"","choices":[]})");
  reader.on_event(R"({"model":"gpt-4o-2024-08-06","service_tier":"default","choices":[{"delta":{"content":"a"}}]})");
  CHECK(reader.reply().model == "gpt-4o-2024-08-06");
  CHECK(reader.reply().service_tier == "default");
  CHECK_FALSE(reader.reply().is_error);
  CHECK_FALSE(reader.done());
  reader.on_event(R"({"error":{"message":"overloaded","type":"server_error"}})");
  CHECK(reader.reply().is_error);
  CHECK(reader.reply().model == "gpt-4o-2024-08-06");
  reader.on_event("[DONE]");
  CHECK(reader.done());
}

TEST_CASE("an event larger than the kept buffers is read too") {
  ChatStreamReader reader;
  reader.on_event(R"({"model":"m","choices":[{"delta":{"content":")" + std::string(200'000, 'x') + R"("}}]})");
  CHECK(reader.reply().model == "m");
  CHECK(reader.output_chunks() == 1);
}
