// Bedrock, Cohere, Ollama and reranks.
#include "meter/requests_test.h"

using meter::test::check;
using meter::test::Row;

namespace {

Row converse(std::string_view extra, std::string_view shown) {
  return {"bedrock-runtime.us-east-1.amazonaws.com/model/us.amazon.nova-lite-v1%3A0/converse",
          R"({"messages":[{"role":"user","content":[{"text":"hi"}]}])" + std::string(extra) + "}", shown};
}
Row block(std::string_view members, std::string_view shown) {
  return {"bedrock-runtime.us-east-1.amazonaws.com/model/m/converse-stream",
          R"({"messages":[{"role":"user","content":[{)" + std::string(members) + "}]}]}", shown};
}
Row invoke(std::string_view model, std::string_view body, std::string_view shown) {
  static std::string url;
  url = fmt::format("bedrock-runtime.us-east-1.amazonaws.com/model/{}/invoke", model);
  return {url, std::string(body), shown};
}

}  // namespace

TEST_CASE("Bedrock's converse says what it may cost") {
  for (const Row& row : {
           converse("", "us.amazon.nova-lite-v1:0 @inferenceConfig.maxTokens unwritten"),
           converse(R"(,"inferenceConfig":{"maxTokens":9},"system":[{"text":"s"},{"cachePoint":{"type":"default"}}])",
                    "us.amazon.nova-lite-v1:0 cap=9 @inferenceConfig.maxTokens written"),
           converse(
               R"(,"toolConfig":{"tools":[{"toolSpec":{"name":"f"}},{"cachePoint":{"type":"default","ttl":"1h"}}]})",
               "us.amazon.nova-lite-v1:0 @inferenceConfig.maxTokens written-1h"),
           converse(R"(,"serviceTier":{"type":"priority"})",
                    "us.amazon.nova-lite-v1:0 @inferenceConfig.maxTokens priority unwritten"),
           converse(R"(,"additionalModelRequestFields":{"thinking":{}})",
                    "us.amazon.nova-lite-v1:0 @inferenceConfig.maxTokens unwritten"),
           converse(R"(,"additionalModelRequestFields":{"max_tokens":9000})",
                    "refused: additionalModelRequestFields.max_tokens"),
           converse(R"(,"toolConfig":{"tools":[{"systemTool":{"name":"nova_grounding"}}]})",
                    "refused: toolConfig.tools"),
           converse(R"(,"guardrailConfig":{})", "refused: guardrailConfig"),
           converse(R"(,"performanceConfig":{"latency":"optimized"})", "refused: performanceConfig"),
           converse(R"(,"inferenceConfig":{"maxTokens":9,"maxTokens":9000})", "refused: inferenceConfig.maxTokens"),
           block(R"("image":{"format":"png","source":{"s3Location":{"uri":"u"}}})",
                 "m @inferenceConfig.maxTokens stream image unwritten"),
           block(R"("document":{"source":{"bytes":"AA"}})",
                 "m @inferenceConfig.maxTokens stream image unwritten passes=1"),
           block(R"("toolResult":{"content":[{"document":{}}]})",
                 "m @inferenceConfig.maxTokens stream image unwritten passes=1"),
           block(R"("hologram":{})", "refused: messages"),
       })
    check(row);
}

TEST_CASE("Bedrock's invoke is read in each model's own language") {
  check(invoke("anthropic.claude-x", R"({"anthropic_version":"v","max_tokens":5,"messages":[{"content":"hi"}]})",
               "anthropic.claude-x cap=5 @max_tokens unwritten"));
  check(invoke("anthropic.claude-v2", R"({"prompt":"p","max_tokens_to_sample":5})",
               "anthropic.claude-v2 cap=5 @max_tokens_to_sample"));
  check(invoke("amazon.nova-pro-v1:0",
               R"({"messages":[{"content":[{"text":"a"}]}],"inferenceConfig":{"max_new_tokens":4}})",
               "amazon.nova-pro-v1:0 cap=4 @inferenceConfig.max_new_tokens unwritten"));
  check(invoke("amazon.titan-text-lite-v1", R"({"inputText":"a","textGenerationConfig":{"maxTokenCount":3}})",
               "amazon.titan-text-lite-v1 cap=3 @textGenerationConfig.maxTokenCount"));
  check(invoke("meta.llama3-8b-instruct-v1:0", R"({"prompt":"a"})", "meta.llama3-8b-instruct-v1:0 @max_gen_len"));
  check(invoke("mistral.mistral-7b-instruct-v0:2", R"({"prompt":"a","max_tokens":2})",
               "mistral.mistral-7b-instruct-v0:2 cap=2 @max_tokens"));
  check(invoke("cohere.command-text-v14", R"({"prompt":"a","num_generations":3})",
               "cohere.command-text-v14 @max_tokens choices=3"));
  // The prompt is billed with each of the answers.
  const std::string prompt = R"({"model":"command","prompt":"a","num_generations":3})";
  CHECK(meter::test::read("api.cohere.com/v1/generate", prompt)->input_bound ==
        3 * (static_cast<std::int64_t>(prompt.size()) + meter::input_margin_tokens));
  check(invoke("cohere.embed-v4:0", R"({"texts":["a"]})", "cohere.embed-v4:0 cap=0"));
  check(invoke("cohere.embed-v4:0", R"({"images":["data:"]})", "refused: images"));
  check(invoke("arn:aws:bedrock:us-east-1:0:application-inference-profile%2Fx", R"({"prompt":"a"})", "refused: model"));
  check(invoke("meta.llama3-8b-instruct-v1:0", R"({"max_gen_len":3})", "refused: "));
  // As where it is missing: null says nothing.
  check(invoke("meta.llama3-8b-instruct-v1:0", R"({"prompt":null,"max_gen_len":3})", "refused: "));
}

TEST_CASE("Cohere's chats and reranks say what they may cost") {
  for (const Row& row : {
           Row{"api.cohere.com/v2/chat",
               R"({"model":"command-a","messages":[{"role":"user","content":"hi"}],"max_tokens":4})",
               "command-a cap=4 @max_tokens"},
           Row{"api.cohere.com/v1/chat", R"({"model":"command-r","message":"hi","stream":true,"connectors":[]})",
               "command-r @max_tokens stream"},
           Row{"api.cohere.com/v1/chat", R"({"model":"command-r","message":"hi","conversation_id":"c"})",
               "command-r @max_tokens passes=1"},
           Row{"api.cohere.com/v1/chat", R"({"model":"command-r","message":"hi","connectors":[{"id":"web-search"}]})",
               "refused: connectors"},
           Row{"api.cohere.com/v1/generate", R"({"model":"command","prompt":"p","num_generations":2})",
               "command @max_tokens choices=2"},
           Row{"api.cohere.com/v2/embed", R"({"model":"embed-v4.0","texts":["a"]})", "embed-v4.0 cap=0"},
           Row{"api.cohere.com/v2/rerank", R"({"model":"rerank-v3.5","query":"q","documents":["a","b"]})",
               "rerank-v3.5 cap=0 units=1"},
           // A document of many tokens is several.
           Row{"api.cohere.com/v2/rerank",
               R"({"model":"rerank-v3.5","query":"q","documents":[")" + std::string(30'000, 'x') + R"("]})",
               "rerank-v3.5 cap=0 units=2"},
           Row{"api.voyageai.com/v1/rerank", R"({"model":"rerank-2","query":"q","documents":["a"]})",
               "rerank-2 cap=0 units=1"},
           Row{"api.cohere.com/v2/rerank", R"({"model":"rerank-v3.5","query":"q"})", "refused: documents"},
           Row{"api.cohere.com/v2/chat", R"({"model":"c","messages":[{"content":[{"type":"video"}]}]})",
               "refused: messages"},
       })
    check(row);
}

TEST_CASE("Ollama streams unless it is told not to, and -1 is no cap") {
  for (const Row& row : {
           Row{"ollama.com/api/chat", R"({"model":"l","messages":[{"role":"user","content":"hi","images":["AA"]}]})",
               "l @options.num_predict stream image"},
           Row{"localhost:11434/api/generate",
               R"({"model":"l","prompt":"p","stream":false,"options":{"num_predict":8}})",
               "l cap=8 @options.num_predict"},
           Row{"localhost:11434/api/generate", R"({"model":"l","prompt":"p","options":{"num_predict":-1}})",
               "l @options.num_predict stream"},
           Row{"localhost:11434/api/embed", R"({"model":"l","input":["a"]})", "l cap=0"},
           Row{"localhost:11434/api/generate", R"({"model":"l","prompt":"p","options":{"num_predict":0}})",
               "refused: options.num_predict"},
       })
    check(row);
}
