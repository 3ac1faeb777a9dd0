// What a stream has brought so far, where nobody has said how much it was.
#include <doctest/doctest.h>
#include <simdjson.h>

#include <string>
#include <vector>

#include "meter/replies_test.h"

using meter::Dialect;
using meter::Output;
using meter::ReplyReader;
using meter::test::event;

namespace {

std::string chunk(std::string_view delta) {
  return R"(data: {"choices":[{"index":0,"delta":)" + std::string(delta) + "},{\"delta\":{}}]}\n\n";
}

// The same for every cut.
Output output_of(Dialect dialect, std::string_view body) {
  Output whole;
  for (const std::size_t step : {body.size() + 1, std::size_t{1}, std::size_t{7}}) {
    ReplyReader reader(dialect, {});
    for (std::size_t at = 0; at < body.size(); at += step) reader.feed(body.substr(at, step));
    const Output output = reader.output();
    if (step > body.size()) whole = output;
    CHECK(output.pieces == whole.pieces);
    CHECK(output.tokens_at_most == whole.tokens_at_most);
    CHECK(output.ended == whole.ended);
  }
  return whole;
}

}  // namespace

TEST_CASE("events count as output when they bring some") {
  struct Row {
    const char* delta;
    std::int64_t pieces;
  };
  for (const Row& row : {
           Row{R"({"role":"assistant","content":"","refusal":null})", 0},
           Row{R"({})", 0},
           Row{R"(null)", 0},
           Row{R"({"annotations":[{}]})", 0},
           Row{R"({"something_new":"abc"})", 0},
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
    CHECK(output_of(Dialect::chat, chunk(row.delta)).pieces == row.pieces);
  }
  CHECK(output_of(Dialect::chat, chunk(R"({"content":"a"})") + chunk(R"({"content":"b"})")).pieces == 2);
}

TEST_CASE("what a stream has brought is bounded from above by the bytes of all that its deltas say") {
  struct Row {
    std::string_view delta;
    std::int64_t least;
    std::int64_t most;
  };
  for (const Row& row : {
           Row{R"({"content":"four"})", 4, 4},
           Row{R"({"content":"\u00e9\n"})", 3, 6},  // the text is shorter than its JSON
           Row{R"({"content":"a","reasoning":"bc"})", 3, 3},
           Row{R"({"content":null,"something_new":"abc"})", 3, 3},  // it may be output
           Row{R"({"tool_calls":[{"index":0,"id":"call_1","function":{"name":"f","arguments":"{}"}}]})", 10, 50},
           Row{R"({})", 0, 0},
       }) {
    CAPTURE(row.delta);
    std::string stream = chunk(row.delta);
    const Output output = output_of(Dialect::chat, stream);
    CHECK(output.tokens_at_most >= row.least);
    CHECK(output.tokens_at_most <= row.most);
    CHECK(output.tokens_at_most >= output.pieces);
    // What the provider says is more is more: thinking that it does not send.
    stream += "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":500}}\n\n";
    CHECK(output_of(Dialect::chat, stream).tokens_at_most == 500);
  }
}

TEST_CASE("every dialect's output is counted as it streams") {
  struct Row {
    const char* why;
    Dialect dialect;
    std::string body;
    std::int64_t pieces;
    std::int64_t at_most;
  };
  for (const Row& row : {
           Row{"completions", Dialect::chat, "data: {\"choices\":[{\"text\":\"ab\"}]}\n\n", 1, 2},
           Row{"responses", Dialect::responses,
               "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"ab\"}\n\n"
               "data: {\"type\":\"response.output_text.done\",\"text\":\"ab\"}\n\n",
               1, 2},
           Row{"Anthropic: text, thinking and the input of a tool", Dialect::anthropic,
               "data: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"usage\":{\"output_tokens\":1}}}\n\n"
               "data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"\",\"text\":\"ab\"}}\n\n"
               "data: {\"type\":\"content_block_delta\",\"delta\":{\"thinking\":\"cd\"}}\n\n"
               "data: {\"type\":\"content_block_delta\",\"delta\":{\"partial_json\":\"{\"}}\n\n"
               "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\n",
               3, 5},
           Row{"Gemini", Dialect::gemini,
               "data: "
               "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"abc\"},{\"functionCall\":{\"name\":\"f\"}}],"
               "\"role\":\"model\"}}]}\r\n\r\n",
               1, 8},
           Row{"Gemini without events", Dialect::gemini,
               R"([{"candidates":[{"content":{"parts":[{"text":"ab"}]}}]},
                   {"candidates":[{"content":{"parts":[{"text":"c"}]}}]}])",
               2, 3},
           Row{"Bedrock's own", Dialect::converse,
               event("contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"text":"ab"},"p":"xyz"})"), 1, 2},
           Row{"Bedrock's invoke", Dialect::invoke, event("chunk", R"({"bytes":"eyJkZWx0YSI6eyJ0ZXh0IjoiYWIifX0="})"),
               1, 2},
           Row{"Cohere", Dialect::cohere,
               "data: {\"type\":\"content-delta\",\"delta\":{\"message\":{\"content\":{\"text\":\"ab\"}}}}\n\n", 1, 2},
           Row{"Ollama", Dialect::ollama,
               "{\"message\":{\"role\":\"assistant\",\"content\":\"ab\"}}\n{\"done\":true}\n", 1, 2},
       }) {
    CAPTURE(row.why);
    const Output output = output_of(row.dialect, row.body);
    CHECK(output.pieces == row.pieces);
    CHECK(output.tokens_at_most == row.at_most);
  }
}

TEST_CASE("a chat stream says that it has ended, in one event and alone there") {
  CHECK(output_of(Dialect::chat, "data: {\"choices\":[]}\n\ndata: [DONE]\n\n").ended);
  CHECK(output_of(Dialect::chat, "data: [DONE]").ended);
  for (const char* body : {"data: {\"a\":\"[DONE]\"}\n\n", "data: [DO\n\ndata: NE]\n\n", "data: x\ndata: [DONE]\n\n",
                           ": [DONE]\n\n", "data: [DONE\n\n", ""}) {
    CAPTURE(body);
    CHECK_FALSE(output_of(Dialect::chat, body).ended);
  }
}

TEST_CASE("only the chunk that include_usage adds is usage only") {
  struct Row {
    const char* why;
    const char* chunk;
    bool usage_only;
  };
  for (const Row& row : {
           Row{"OpenAI's", R"({"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}})", true},
           Row{"Azure's first chunk: choices empty too", R"({"choices":[],"prompt_filter_results":[]})", false},
           Row{"usage null", R"({"choices":[],"usage":null})", false},
           Row{"Mistral's: usage beside a choice",
               R"({"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":1}})", false},
           Row{"an error that carries usage", R"({"choices":[],"error":{},"usage":{"prompt_tokens":1}})", false},
           Row{"no choices named", R"({"usage":{"prompt_tokens":1}})", false},
           Row{"the end", "[DONE]", false},
           Row{"no JSON", "{\"choices\":[],", false},
       }) {
    CAPTURE(row.why);
    ReplyReader reader(Dialect::chat, {});
    reader.feed("data: " + std::string(row.chunk) + "\n\n");
    CHECK(reader.is_usage_only() == row.usage_only);
    reader.feed(": a comment\n\n");
    CHECK_FALSE(reader.is_usage_only());
  }
}

TEST_CASE("a body that is here whole is read as if it came in pieces") {
  for (const Dialect dialect : {Dialect::chat, Dialect::anthropic, Dialect::ollama})
    for (const std::string_view body :
         {R"({"model":"m","usage":{"prompt_tokens":3,"completion_tokens":2,"cost":0.1},"choices":[{"index":0}]})",
          R"({"usage":{"input_tokens":3,"output_tokens":2}})", R"({"error":{"type":"t"}})", "<html>", "", "[]",
          R"({"usage":{"prompt_tokens":1})", "{\"eval_count\":1}\n{\"eval_count\":2}\n",
          R"(data: {"usage":{"prompt_tokens":1,"completion_tokens":0}})"}) {
      CAPTURE(std::string(body));
      const simdjson::padded_string padded(body);
      CHECK(meter::read_reply(dialect, {}, padded) == meter::test::read(dialect, body));
    }
  // A status is no error that the body names.
  const simdjson::padded_string refusal(std::string_view(R"({"error":{"type":"t"}})"));
  const simdjson::padded_string page(std::string_view("<html>502</html>"));
  CHECK(meter::read_reply(Dialect::chat, {.status = 500}, refusal).names_error);
  CHECK_FALSE(meter::read_reply(Dialect::chat, {.status = 500}, page).names_error);
  CHECK(meter::read_reply(Dialect::chat, {.status = 500}, page).error_type == "error");
}
