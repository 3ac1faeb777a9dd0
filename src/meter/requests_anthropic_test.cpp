#include "meter/requests_test.h"

using meter::test::check;
using meter::test::Row;

namespace {

constexpr std::string_view url = "api.anthropic.com/v1/messages";

// A body that is accepted, with `extra` members behind it.
Row with(std::string_view extra, std::string_view shown) {
  return {
      url,
      R"({"model":"claude-x","max_tokens":5,"messages":[{"role":"user","content":"hi"}])" + std::string(extra) + "}",
      shown};
}
Row saying(std::string_view content, std::string_view shown) {
  return {url,
          R"({"model":"claude-x","max_tokens":5,"messages":[{"role":"user","content":)" + std::string(content) + "}]}",
          shown};
}

}  // namespace

TEST_CASE("a message to Claude says what it may cost") {
  for (const Row& row : {
           with("", "claude-x cap=5 @max_tokens unwritten"),
           with(R"(,"stream":true,"metadata":{"user_id":"u-1"},"service_tier":"auto")",
                "claude-x cap=5 @max_tokens stream user=u-1 unwritten"),
           with(R"(,"thinking":{"type":"enabled","budget_tokens":4})", "claude-x cap=5 @max_tokens unwritten"),
           with(R"(,"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}])",
                "claude-x cap=5 @max_tokens written"),
           with(R"(,"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral","ttl":"1h"}}])",
                "claude-x cap=5 @max_tokens written-1h"),
           with(R"(,"cache_control":{"type":"ephemeral","ttl":"5m"})", "claude-x cap=5 @max_tokens written"),
           with(R"(,"tools":[{"name":"f","input_schema":{},"cache_control":{"type":"ephemeral"}}])",
                "claude-x cap=5 @max_tokens written"),
           with(R"(,"cache_control":{"type":"ephemeral","ttl":"2h"})", "refused: cache_control.ttl"),
           with(R"(,"speed":"fast","inference_geo":"us")", "claude-x cap=5 @max_tokens unwritten fast geo=us"),
           with(R"(,"context_management":{"edits":[{"type":"clear_tool_uses_20250919"}]})",
                "claude-x cap=5 @max_tokens unwritten"),
           saying(R"([{"type":"image","source":{"type":"url","url":"u"}}])",
                  "claude-x cap=5 @max_tokens image unwritten"),
           saying(R"([{"type":"tool_result","content":[{"type":"image","source":{"type":"file","file_id":"f"}}]}])",
                  "claude-x cap=5 @max_tokens image unwritten"),
           saying(R"([{"type":"document","source":{"type":"text","data":"t"}}])",
                  "claude-x cap=5 @max_tokens unwritten"),
           // How many pages there are is not said: no more than the context holds.
           saying(R"([{"type":"document","source":{"type":"base64","data":"JVBERi0"}}])",
                  "claude-x cap=5 @max_tokens image unwritten passes=1"),
           saying(R"([{"type":"web_search_tool_result","content":[]}])",
                  "claude-x cap=5 @max_tokens unwritten passes=1"),
       })
    check(row);
}

TEST_CASE("what Claude's own tools may do is bounded by how often, or refused") {
  for (const Row& row : {
           with(R"(,"tools":[{"type":"web_search_20250305","name":"web_search","max_uses":3}])",
                "claude-x cap=5 @max_tokens unwritten passes=4 searches=3"),
           with(R"(,"tools":[{"type":"web_fetch_20250910","name":"f","max_uses":2},{"name":"g","input_schema":{}}])",
                "claude-x cap=5 @max_tokens unwritten passes=3"),
           with(R"(,"tools":[{"type":"bash_20250124","name":"bash"}])", "claude-x cap=5 @max_tokens unwritten"),
           with(R"(,"tools":[{"type":"web_search_20250305","name":"web_search"}])", "refused: tools"),
           with(R"(,"tools":[{"type":"web_search_20250305","max_uses":null}])", "refused: tools"),
           with(R"(,"tools":[{"type":"code_execution_20250825","name":"c"}])", "refused: tools"),
           with(R"(,"tools":[{"type":"custom","Type":"code_execution_20250825"}])", "refused: tools"),
           with(R"(,"tools":[{"type":"advisor_20260301","model":"dear"}])", "refused: tools"),
           with(R"(,"mcp_servers":[])", "refused: mcp_servers"),
           with(R"(,"container":"c")", "refused: container"),
           with(R"(,"context_management":{"edits":[{"type":"compact_20260112"}]})", "refused: context_management"),
           with(R"(,"service_tier":"priority")", "refused: service_tier"),
           with(R"(,"speed":"ludicrous")", "refused: speed"),
       })
    check(row);
}

TEST_CASE("a message to Claude that could cost more than is read of it is refused") {
  for (const Row& row : {
           with(R"(,"model":"dear")", "refused: model"),
           with(R"(,"Max_Tokens":9000)", "refused: Max_Tokens"),
           with(R"(,"max_tokens":9000)", "refused: max_tokens"),
           saying(R"([{"type":"container_upload","file_id":"f"}])", "refused: messages"),
           saying(R"([{"text":"no type"}])", "refused: messages"),
           Row{url, R"({"model":"m","messages":[]})", "refused: messages"},
           Row{url, R"({"model":"m","prompt":"p","max_tokens_to_sample":9})", "refused: messages"},
           Row{url, R"({"model":"m","messages":[{"role":"user","content":"hi"}]})", "refused: max_tokens"},
           Row{url, R"({"max_tokens":1,"messages":[{"role":"user","content":"hi"}]})", "refused: model"},
       })
    check(row);
}

TEST_CASE("counting is free, and Vertex names the model in the address") {
  check({"api.anthropic.com/v1/messages/count_tokens", R"({"model":"m","messages":[]})", "m free"});
  check({"us-east5-aiplatform.googleapis.com/v1/projects/p/locations/l/publishers/anthropic/models/claude-x:rawPredict",
         R"({"anthropic_version":"v","max_tokens":5,"messages":[{"role":"user","content":"hi"}]})",
         "claude-x cap=5 @max_tokens unwritten"});
  check({"api.anthropic.com/v1/complete", R"({"model":"claude-2.1","prompt":"p","max_tokens_to_sample":7})",
         "claude-2.1 cap=7 @max_tokens_to_sample"});
}
