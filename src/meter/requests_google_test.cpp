#include "meter/requests_test.h"

using meter::test::check;
using meter::test::Row;

namespace {

constexpr std::string_view url = "generativelanguage.googleapis.com/v1beta/models/gemini-x:generateContent";
// A PNG of one pixel, as far as its head goes.
constexpr std::string_view png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAA=";

Row with(std::string_view extra, std::string_view shown) {
  return {url, R"({"contents":[{"role":"user","parts":[{"text":"hi"}]}])" + std::string(extra) + "}", shown};
}
Row part(std::string_view members, std::string_view shown) {
  return {url, R"({"contents":[{"parts":[{)" + std::string(members) + "}]}]}", shown};
}

}  // namespace

TEST_CASE("a request to Gemini says what it may cost, in either spelling") {
  for (const Row& row : {
           with("", "gemini-x @generationConfig.maxOutputTokens"),
           with(R"(,"generationConfig":{"maxOutputTokens":7,"candidateCount":2})",
                "gemini-x cap=7 @generationConfig.maxOutputTokens choices=2"),
           with(R"(,"generation_config":{"max_output_tokens":7})",
                "gemini-x cap=7 @generation_config.max_output_tokens"),
           // A cap is put beside what the client wrote, or there would be two.
           with(R"(,"generation_config":{"temperature":1})", "gemini-x @generation_config.maxOutputTokens"),
           with(R"(,"generationConfig":{"responseModalities":["TEXT","AUDIO"]})",
                "gemini-x @generationConfig.maxOutputTokens audio"),
           // An image may be larger than the cap.
           with(R"(,"generationConfig":{"responseModalities":["IMAGE"],"maxOutputTokens":1})",
                "gemini-x @generationConfig.maxOutputTokens"),
           with(R"(,"serviceTier":"SERVICE_TIER_FLEX")", "gemini-x @generationConfig.maxOutputTokens flex"),
           with(R"(,"cachedContent":"cachedContents/c")", "gemini-x @generationConfig.maxOutputTokens passes=1"),
           with(R"(,"tools":[{"functionDeclarations":[{"name":"f"}]}])", "gemini-x @generationConfig.maxOutputTokens"),
           part(fmt::format(R"("inlineData":{{"mimeType":"image/png","data":"{}"}})", png),
                "gemini-x @generationConfig.maxOutputTokens image"),
           part(R"("inline_data":{"mime_type":"audio/wav","data":"AAAA"})",
                "gemini-x @generationConfig.maxOutputTokens audio"),
           part(R"("inlineData":{"mimeType":"application/pdf","data":"AAAA"})",
                "gemini-x @generationConfig.maxOutputTokens audio image passes=1"),
           part(R"("fileData":{"fileUri":"u"})", "gemini-x @generationConfig.maxOutputTokens audio image passes=1"),
           part(R"("functionResponse":{"name":"f","response":{},"parts":[{"fileData":{"fileUri":"u"}}]})",
                "gemini-x @generationConfig.maxOutputTokens audio image passes=1"),
       })
    check(row);
  check({"generativelanguage.googleapis.com/v1beta/models/gemini-x:streamGenerateContent?alt=sse",
         R"({"contents":{"parts":{"text":"hi"}}})", "gemini-x @generationConfig.maxOutputTokens stream"});
}

TEST_CASE("what could cost more than is read of a request to Gemini is refused") {
  for (const Row& row : {
           with(R"(,"generationConfig":{"maxOutputTokens":7},"generation_config":{"maxOutputTokens":9000})",
                "refused: generationConfig"),
           with(R"(,"generationConfig":{"maxOutputTokens":7,"max_output_tokens":9000})",
                "refused: generationConfig.maxOutputTokens"),
           with(R"(,"generationConfig":{"MaxOutputTokens":7})", "refused: generationConfig.MaxOutputTokens"),
           with(R"(,"generationConfig":{"responseModalities":["VIDEO"]})",
                "refused: generationConfig.responseModalities"),
           with(R"(,"tools":[{"googleSearch":{}}])", "refused: tools"),
           with(R"(,"tools":[{"codeExecution":{}}])", "refused: tools"),
           with(R"(,"tools":{"urlContext":{}})", "refused: tools"),
           with(R"(,"model":"models/dear")", "refused: model"),
           with(R"(,"serviceTier":"GOLD")", "refused: serviceTier"),
           Row{url, R"({"contents":[]})", "refused: contents"},
           Row{url, R"({"contents":[{"parts":[{"text":"a"}]}],"contents":[]})", "refused: contents"},
       })
    check(row);
}

TEST_CASE("embeddings of Google have no output, and counting is free") {
  const std::string base = "generativelanguage.googleapis.com/v1beta/models/";
  check({base + "gemini-embedding-2:embedContent", R"({"content":{"parts":[{"text":"a"}]}})",
         "gemini-embedding-2 cap=0"});
  check({base + "gemini-embedding-2:batchEmbedContents",
         R"({"requests":[{"model":"models/gemini-embedding-2","content":{"parts":[{"text":"a"}]}}]})",
         "gemini-embedding-2 cap=0"});
  check({base + "gemini-embedding-2:batchEmbedContents",
         R"({"requests":[{"model":"models/dear","content":{"parts":[{"text":"a"}]}}]})", "refused: model"});
  check({base + "gemini-x:countTokens", R"({"contents":[]})", "gemini-x free"});
  check({"us-aiplatform.googleapis.com/v1/projects/p/models/text-embedding-005:predict",
         R"({"instances":[{"content":"a"}]})", "text-embedding-005 cap=0"});
  check({"us-aiplatform.googleapis.com/v1/projects/p/models/imagen-4:predict", R"({"instances":[{"prompt":"a"}]})",
         "refused: model"});
}

TEST_CASE("what is nested without an end is refused before the stack ends") {
  std::string inner = R"("text":"a")";
  for (int i = 0; i < 300; ++i) inner = R"("functionResponse":{"parts":[{)" + inner + "}]}";
  check({url, R"({"contents":[{"parts":[{)" + inner + "}]}]}", "refused: parts."});
}
