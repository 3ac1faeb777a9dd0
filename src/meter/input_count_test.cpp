#include "meter/image_head.h"
#include "meter/requests_test.h"

using meter::test::read;

namespace {

std::int64_t counted(std::string_view url, std::string_view body) {
  const auto request = read(url, body, meter::InputBound::counted);
  if (!request) FAIL(request.error().message);
  return request->input_bound;
}
std::int64_t chat(std::string_view model, std::string_view messages, std::string_view extra = "") {
  return counted("api.openai.com/v1/chat/completions",
                 fmt::format(R"({{"model":"{}","messages":[{}]{}}})", model, messages, extra));
}
std::int64_t bytes_of(std::string_view model, std::string_view messages) {
  return read("api.openai.com/v1/chat/completions", fmt::format(R"({{"model":"{}","messages":[{}]}})", model, messages))
      ->input_bound;
}

constexpr std::string_view hello = R"({"role":"user","content":"Hello!"})";

// The messages with which OpenAI's cookbook shows its rule ("How to count tokens", section 6), and what its API counted
// of them: 129 and, in o200k_base, 124.
constexpr std::string_view cookbook =
    R"({"role":"system","content":"You are a helpful, pattern-following assistant that translates )"
    R"(corporate jargon into plain English."},)"
    R"({"role":"system","name":"example_user","content":"New synergies will help drive top-line growth."},)"
    R"({"role":"system","name":"example_assistant","content":"Things working well together will increase revenue."},)"
    R"({"role":"system","name":"example_user","content":"Let's circle back when we have more bandwidth to touch )"
    R"(base on opportunities for increased leverage."},)"
    R"({"role":"system","name":"example_assistant","content":"Let's talk later when we're less busy about )"
    R"(how to do better."},)"
    R"({"role":"user","content":"This late pivot means we don't have time to boil the ocean )"
    R"(for the client deliverable."})";

// A PNG as far as its head goes, in a data URL.
std::string png(std::uint8_t width, std::uint8_t height) {
  const std::string head{'\x89', 'P',  'N',    'G',
                         '\r',   '\n', '\x1a', '\n',
                         0,      0,    0,      13,
                         'I',    'H',  'D',    'R',
                         0,      0,    3,      static_cast<char>(width),
                         0,      0,    3,      static_cast<char>(height)};
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out = "data:image/png;base64,";
  for (std::size_t at = 0; at + 2 < head.size(); at += 3) {
    const auto byte = [&](std::size_t i) {
      return static_cast<std::uint32_t>(static_cast<unsigned char>(head[at + i]));
    };
    const std::uint32_t bits = byte(0) << 16 | byte(1) << 8 | byte(2);
    for (const int shift : {18, 12, 6, 0}) out += digits[bits >> shift & 63];
  }
  return out;
}

}  // namespace

TEST_CASE("text to a model with a public tokenizer is counted exactly, with the published frame") {
  CHECK(chat("gpt-4o", cookbook) == 124);
  CHECK(chat("gpt-4.1-mini", cookbook) == 125);
  CHECK(chat("gpt-4", cookbook) == 129);
  CHECK(chat("gpt-3.5-turbo-0125", cookbook) == 129);
  CHECK(chat("gpt-4o", hello) == 9);
  CHECK(chat("gpt-5", hello) == 10);  // 8 measured, and one more once
  CHECK(counted("api.openai.com/v1/responses", R"({"model":"gpt-4o","input":"Hello!"})") == 9);
  CHECK(counted("api.openai.com/v1/embeddings", R"({"model":"text-embedding-3-small","input":["Hello!","",[1,2]]})") ==
        4);
  CHECK(counted("api.openai.com/v1/embeddings", R"({"model":"text-embedding-3-small","input":["",""]})") == 2);
  CHECK(counted("api.openai.com/v1/completions", R"({"model":"gpt-3.5-turbo-instruct","prompt":"Hello!"})") == 2);
}

TEST_CASE("what is not known to be counted is bounded by bytes") {
  for (const std::string_view model : {"somebody/unknown", "cogito3", "mygpt-4o"}) {
    CAPTURE(model);
    CHECK(chat(model, hello) == bytes_of(model, hello));
  }
  const std::string longer = R"({"role":"user","content":")" + std::string(600'000, 'x') + R"("})";
  CHECK(chat("gpt-4o", longer) == bytes_of("gpt-4o", longer));
  // Nothing counted is above the bytes.
  CHECK(chat("claude-sonnet-4-5", R"({"role":"user","content":"\u4e2d\u6587\u4e2d\u6587"})") <=
        bytes_of("claude-sonnet-4-5", R"({"role":"user","content":"\u4e2d\u6587\u4e2d\u6587"})"));
}

TEST_CASE("the text of a member that nobody knows counts: a model may be shown it") {
  const std::int64_t plain = chat("gpt-4o", hello);
  CHECK(chat("gpt-4o", hello, R"(,"documents":[{"text":"one two three four five six seven"}])") >= plain + 7);
  CHECK(chat("gpt-4o", hello, R"(,"temperature":0.5,"seed":7,"stop":["one two three"],"logprobs":true)") == plain);
  CHECK(chat("mistral-large", hello, R"(,"safe_prompt":true)") > chat("mistral-large", hello) + 100);
  CHECK(counted("api.cohere.com/v2/chat",
                R"({"model":"command-r","message":"a","documents":[{"id":"1","data":{"text":"b c d e f g"}}]})") > 12);
}

TEST_CASE("text is counted that may be read as bytes by one and as text by another") {
  const auto sent = [](std::string_view types) {
    return counted("api.anthropic.com/v1/messages",
                   fmt::format(R"({{"model":"claude-3-haiku","max_tokens":1,"messages":[{{"content":[{{"type":"image",)"
                               R"("source":{{{},"data":"one two three four five six seven eight"}}}}]}}]}})",
                               types));
  };
  CHECK(sent(R"("type":"text","type":"base64")") > sent(R"("type":"base64")") + 8);
}

TEST_CASE("families without a public tokenizer are counted with a factor and their frame") {
  CHECK(chat("claude-sonnet-4-5", hello) > chat("gpt-4o", hello));
  CHECK(chat("claude-opus-4-8", cookbook) > chat("claude-opus-4-5", cookbook));
  CHECK(chat("anthropic/claude-3.7-sonnet:thinking", hello) > chat("anthropic/claude-3.7-sonnet", hello) + 28);
  CHECK(chat("Meta-Llama/Llama-3.3-70B", hello) > 40);
  // A deployment's name may stand for either encoding.
  const std::string_view azure = "r.openai.azure.com/openai/deployments/gpt-4o/chat/completions";
  CHECK(counted(azure, fmt::format(R"({{"messages":[{}]}})", cookbook)) == 129);
}

TEST_CASE("tools, schemas and calls cost more than their text") {
  const std::string_view tool =
      R"(,"tools":[{"type":"function","function":{"name":"get_capital","description":"","parameters":{"type":"object",)"
      R"("properties":{"country":{"type":"string"}},"required":["country"]}}}])";
  const std::int64_t plain = chat("gpt-4o", hello);
  const std::int64_t with_tool = chat("gpt-4o", hello, tool);
  CHECK(with_tool > plain + 20);
  CHECK(with_tool < plain + 60);
  CHECK(chat("gpt-5-mini", hello, tool) > with_tool + 74);
  CHECK(chat("claude-sonnet-4-5", hello, tool) > 500);
  // What the rendering is not known to show is counted as it is written.
  const std::string_view nested =
      R"(,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"a":)"
      R"({"anyOf":[{"type":"string","pattern":"^[a-z]+$"},{"type":"array","items":{"type":"integer"}}]}}}}}])";
  CHECK(chat("gpt-4o", hello, nested) > plain + 50);
  const auto with_pattern = [](std::string_view pattern) {
    return chat("gpt-4o", hello,
                fmt::format(R"(,"tools":[{{"type":"function","function":{{"name":"f","parameters":{{"type":"object",)"
                            R"("properties":{{"a":{{"type":"string","pattern":"{}"}}}}}}}}}}])",
                            pattern));
  };
  CHECK(with_pattern("one two three four five six seven eight") >= with_pattern("one") + 7);
  CHECK(chat("gpt-4o", hello,
             R"(,"response_format":{"type":"json_schema",)"
             R"("json_schema":{"schema":{"type":"object"}}})") > plain + 15);
  const std::string_view call = R"({"role":"assistant","tool_calls":[{"id":"1","type":"function",)"
                                R"("function":{"name":"f","arguments":"{\"a\":12}"}}]})";
  CHECK(chat("gpt-4o", call) > 16);
}

TEST_CASE("images are counted by the published rules, the dearest where the size is not seen") {
  // Beside the message's own 5 tokens.
  const auto image = [](std::string_view model, std::string_view url, std::string_view detail = "auto") {
    const std::string part =
        fmt::format(R"({{"type":"image_url","image_url":{{"url":"{}","detail":"{}"}}}})", url, detail);
    return chat(model, fmt::format(R"({{"role":"user","content":[{}]}})", part)) -
           chat(model, R"({"role":"user","content":""})");
  };
  // 768 × 768 + a little: two tiles a side.
  const std::string small = png(0, 0);
  CHECK(meter::size_in_data_url(small) == meter::ImageSize{.width = 768, .height = 768});
  CHECK(image("gpt-4o", small) == 85 + 4 * 170);
  CHECK(image("gpt-4o-mini", small) == 2833 + 4 * 5667);
  CHECK(image("gpt-4o", small, "low") == 85);
  CHECK(image("gpt-4o", "https://somewhere/a.png") == 85 + 8 * 170);
  CHECK(image("gpt-4.1-mini", small) == (24 * 24 * 162 + 99) / 100 + 1);
  CHECK(image("gpt-4.1-mini", "https://somewhere/a.png") == (1536 * 162 + 99) / 100 + 1);
}

TEST_CASE("an image's head says its size") {
  using meter::ImageSize;
  using meter::size_in_head;
  const std::string gif("GIF89a\x10\x01\x20\0", 10);
  CHECK(size_in_head(gif) == ImageSize{.width = 272, .height = 32});
  const std::string jpeg("\xFF\xD8\xFF\xE0\0\x04xx\xFF\xFF\xC2\0\x11\x08\0\x20\x01\x10\x03", 19);
  CHECK(size_in_head(jpeg) == ImageSize{.width = 272, .height = 32});
  const std::string webp("RIFF....WEBPVP8X\x0A\0\0\0\0\0\0\0\x0F\x01\0\x1F\0\0", 30);
  CHECK(size_in_head(webp) == ImageSize{.width = 272, .height = 32});
  CHECK_FALSE(size_in_head("BM").has_value());
  CHECK_FALSE(size_in_head(jpeg.substr(0, 12)).has_value());
  CHECK_FALSE(size_in_head(std::string("GIF89a\0\0\x20\0", 10)).has_value());
  CHECK_FALSE(meter::size_in_data_url("https://somewhere").has_value());
  CHECK_FALSE(meter::size_in_data_url("data:image/png;base64,????").has_value());
}
