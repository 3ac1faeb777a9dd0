#include "meter/requests_test.h"

using meter::test::check;
using meter::test::Row;

TEST_CASE("every prompt of a completion is answered, and every candidate billed") {
  constexpr std::string_view url = "api.openai.com/v1/completions";
  for (const Row& row : {
           Row{url, R"({"model":"m","prompt":"p","max_tokens":7})", "m cap=7 @max_tokens"},
           Row{url, R"({"model":"m","prompt":["a","b"],"n":2,"best_of":5})", "m @max_tokens choices=10"},
           Row{url, R"({"model":"m","prompt":[1,2,3]})", "m @max_tokens"},
           Row{url, R"({"model":"m","prompt":[[1],[2,3]],"stream":true})", "m @max_tokens choices=2 stream"},
           Row{url, R"({"model":"m","prompt":[{}]})", "refused: prompt"},
           Row{url, R"({"model":"m"})", "refused: prompt"},
           Row{url, R"({"model":"m","prompt":"p","best_of":999})", "refused: best_of"},
       })
    check(row);
}

TEST_CASE("embeddings and moderations have no output, and only a table makes one free") {
  check({"api.openai.com/v1/embeddings", R"({"model":"e","input":["a","b"],"user":"u"})", "e cap=0 user=u"});
  check({"api.openai.com/v1/embeddings", R"({"model":"e"})", "refused: input"});
  check({"api.openai.com/v1/moderations", R"({"input":"a"})", "omni-moderation-latest cap=0 zero"});
  check({"api.openai.com/v1/moderations", R"({"model":"m"})", "refused: input"});
}

TEST_CASE("Azure's deployment is the model, whatever the body says") {
  check({"r.openai.azure.com/openai/deployments/d/chat/completions?api-version=1",
         R"({"model":"cheap","messages":[{"role":"user","content":"hi"}],"max_tokens":3})", "d cap=3 @max_tokens"});
  check({"r.openai.azure.com/openai/deployments/d/chat/completions", R"({"messages":[],"data_sources":[{}]})",
         "refused: data_sources"});
}

TEST_CASE("an address that nobody knows is refused") {
  check({"api.openai.com/v1/videos", R"({"model":"m"})", "refused: "});
  check({"api.openai.com/v1/images/edits", R"({"model":"m"})", "refused: "});
}

TEST_CASE("a chat that searches, or answers with another model, is refused") {
  const auto chat = [](std::string_view host, std::string_view model, std::string_view extra) {
    return Row{fmt::format("{}", host) == "x" ? "" : host,
               fmt::format(R"({{"model":"{}","messages":[{{"role":"user","content":"hi"}}]{}}})", model, extra), ""};
  };
  const auto expect = [](Row row, std::string_view shown) {
    row.shown = shown;
    check(row);
  };
  expect(chat("openrouter.ai/api/v1/chat/completions", "a/b:online", ""), "refused: model");
  expect(chat("openrouter.ai/api/v1/chat/completions", "a/b", R"(,"preset":"p")"), "refused: preset");
  expect(chat("openrouter.ai/api/v1/chat/completions", "a/b", R"(,"models":["c/d"])"), "refused: models");
  expect(chat("api.perplexity.ai/chat/completions", "sonar", ""), "sonar searches=1");
  expect(chat("api.perplexity.ai/chat/completions", "sonar-deep-research", ""), "refused: model");
  expect(chat("api.openai.com/v1/chat/completions", "gpt-4o-search-preview", R"(,"n":2)"),
         "gpt-4o-search-preview choices=2 searches=2");
  expect(chat("api.x.ai/v1/chat/completions", "grok", R"(,"search_parameters":{"mode":"on"})"),
         "refused: search_parameters");
  expect(chat("dashscope.aliyuncs.com/compatible-mode/v1/chat/completions", "qwen", R"(,"enable_search":true)"),
         "refused: enable_search");
  expect(chat("api.groq.com/openai/v1/chat/completions", "llama",
              R"(,"max_completion_tokens":4,"service_tier":"on_demand")"),
         "llama cap=4 @max_completion_tokens");
}
