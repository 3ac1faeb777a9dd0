#include <doctest/doctest.h>
#include <simdjson.h>

#include <string>

#include "meter/request_edit.h"
#include "meter/request_reader.h"

using meter::Request;
using meter::ServiceTier;

namespace {

base::Result<Request> read(std::string_view body) {
  const simdjson::padded_string padded(body);
  return meter::read_request(meter::endpoint_at("openai", "POST", "/v1/chat/completions"), padded);
}

// A body that is accepted, with `extra` members behind it.
std::string with(std::string_view extra) {
  return std::string(R"({"model":"m","messages":[{"role":"user","content":"hi"}])") + std::string(extra) + "}";
}
std::string saying(std::string_view messages) {
  return std::string(R"({"model":"m","messages":)") + std::string(messages) + "}";
}

}  // namespace

TEST_CASE("a request says what it may cost") {
  const std::string body =
      R"({"model":"gpt-4o","messages":[{"role":"system","content":"s"},{"role":"user","content":"u"}],
    "stream":true,"stream_options":{"include_usage":true},"max_completion_tokens":50,"n":3,"service_tier":"priority",
    "user":"u-1","temperature":0.5,"anything":{"model":"x","n":0}})";
  const auto request = read(body);
  REQUIRE(request.has_value());
  CHECK(request->model == "gpt-4o");
  CHECK(request->stream);
  CHECK(request->include_usage);
  CHECK(request->output_cap == 50);
  CHECK(request->output_cap_path == "max_completion_tokens");
  CHECK(request->choices == 3);
  CHECK(request->tier == ServiceTier::priority);
  CHECK(request->user == "u-1");
  CHECK_FALSE(request->audio);
  CHECK(request->input_bound == static_cast<std::int64_t>(body.size()) + meter::input_margin_tokens);
}

TEST_CASE("null is absent") {
  const auto request = read(with(R"(,"stream":null,"stream_options":null,"max_tokens":null,"max_completion_tokens":null,
    "n":null,"service_tier":null,"user":null,"modalities":null,"tools":null,
    "web_search_options":null,"prediction":null)"));
  REQUIRE(request.has_value());
  CHECK_FALSE(request->stream);
  CHECK_FALSE(request->include_usage);
  CHECK_FALSE(request->output_cap.has_value());
  CHECK(request->output_cap_path.empty());
  CHECK(request->choices == 1);
  CHECK(request->tier == ServiceTier::standard);
}

TEST_CASE("tiers and caps are read as the dialect means them") {
  CHECK(read(with(R"(,"service_tier":"auto")"))->tier == ServiceTier::standard);
  CHECK(read(with(R"(,"service_tier":"flex")"))->tier == ServiceTier::flex);
  CHECK(read(with(R"(,"max_tokens":7)"))->output_cap == 7);
  CHECK(read(with(R"(,"max_tokens":7)"))->output_cap_path == "max_tokens");
  CHECK(read(with(R"(,"max_tokens":7,"max_completion_tokens":null)"))->output_cap == 7);
  CHECK(read(with(R"(,"max_tokens":9223372036854775807)"))->output_cap == 1'000'000'000);
}

TEST_CASE("images, audio and tools are bounded") {
  struct Row {
    const char* why;
    std::string body;
    std::int64_t images;
    bool audio;
    std::int64_t instructed = 0;
  };
  for (const Row& row : {
           Row{"text parts", saying(R"([{"role":"user","content":[{"type":"text","text":"a"}]}])"), 0, false},
           Row{"two images in two messages", saying(R"([{"content":[{"type":"image_url","image_url":{"url":"u"}}]},
                          {"content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"u"}}]}])"),
               2, false},
           Row{"audio in", saying(R"([{"content":[{"type":"input_audio","input_audio":{"data":"AAAA"}}]}])"), 0, true},
           Row{"audio out", with(R"(,"modalities":["text","audio"])"), 0, true},
           Row{"tools that run at the client", with(R"(,"tools":[{"type":"function"},{"type":"custom"}])"), 0, false,
               1},
           Row{"a function without its type", with(R"(,"tools":[{"function":{"name":"f"}}])"), 0, false, 1},
           Row{"functions", with(R"(,"functions":[{"name":"f"}])"), 0, false, 1},
           Row{"a schema", with(R"(,"response_format":{"type":"json_schema"})"), 0, false, 1},
           // The provider may read the first of two types or the last, and the second of two contents.
           Row{"an image that hides behind a second type",
               saying(R"([{"content":[{"type":"image_url","type":"text","text":"a"}]}])"), 1, false},
           Row{"an image that hides behind its type",
               saying(R"([{"content":[{"type":"text","image_url":{"url":"u"}}]}])"), 1, false},
           Row{"images in both of two contents",
               saying(R"([{"content":[{"type":"image_url"}],"content":[{"type":"image_url"}]}])"), 2, false},
           Row{"an image under a name in other letters", saying(R"([{"Content":[{"Type":"image_url"}]}])"), 1, false},
       }) {
    CAPTURE(row.why);
    const auto request = read(row.body);
    REQUIRE(request.has_value());
    CHECK(request->audio == row.audio);
    CHECK(request->input_bound == static_cast<std::int64_t>(row.body.size()) + meter::input_margin_tokens +
                                      row.images * meter::image_bound_tokens +
                                      row.instructed * meter::instructions_margin_tokens);
  }
}

TEST_CASE("what could cost money unseen is refused, and the field is named") {
  struct Row {
    std::string body;
    const char* field;
  };
  for (const Row& row : {
           Row{"", ""},
           Row{"nonsense", ""},
           Row{"[]", ""},
           Row{"{}", "messages"},
           Row{with("") + "x", ""},
           Row{R"({"model":"m"})", "messages"},
           Row{R"({"messages":[]})", "model"},
           Row{R"({"model":"","messages":[]})", "model"},
           Row{R"({"model":1,"messages":[]})", "model"},
           Row{R"({"model":"m","messages":"hi"})", "messages"},
           Row{saying(R"(["hi"])"), "messages"},
           // A duplicate is a pricing bypass: we read one model, the provider the other.
           Row{with(R"(,"model":"dear")"), "model"},
           Row{with(R"(,"mod\u0065l":"dear")"), "model"},
           Row{with(R"(,"x":1,"x":2)"), "x"},
           Row{with(R"(,"Model":"dear")"), "Model"},
           Row{with(R"(,"N":128)"), "N"},
           Row{with(R"(,"stream_options":{"include_usage":true,"include_usage":false})"),
               "stream_options.include_usage"},
           Row{with(R"(,"stream_options":{"include_usage":1})"), "stream_options.include_usage"},
           Row{with(R"(,"stream_options":[])"), "stream_options"},
           Row{with(R"(,"stream":"true")"), "stream"},
           Row{with(R"(,"n":0)"), "n"},
           Row{with(R"(,"n":129)"), "n"},
           Row{with(R"(,"n":1.0)"), "n"},
           Row{with(R"(,"n":"2")"), "n"},
           Row{with(R"(,"max_tokens":0)"), "max_tokens"},
           Row{with(R"(,"max_tokens":-1)"), "max_tokens"},
           Row{with(R"(,"max_tokens":1e2)"), "max_tokens"},
           Row{with(R"(,"max_tokens":18446744073709551615)"), "max_tokens"},
           Row{with(R"(,"max_tokens":99999999999999999999999)"), ""},
           Row{with(R"(,"max_tokens":1,"max_completion_tokens":1)"), "max_completion_tokens"},
           Row{with(R"(,"service_tier":"ultrafast")"), "service_tier"},
           Row{with(R"(,"service_tier":1)"), "service_tier"},
           Row{with(R"(,"modalities":["image"])"), "modalities"},
           Row{with(R"(,"modalities":"audio")"), "modalities"},
           Row{with(R"(,"user":1)"), "user"},
           Row{with(R"(,"web_search_options":{})"), "web_search_options"},
           Row{with(R"(,"search_parameters":{})"), "search_parameters"},
           Row{with(R"(,"plugins":[])"), "plugins"},
           Row{with(R"(,"models":["dear"])"), "models"},
           Row{with(R"(,"prediction":{"type":"content","content":"x"})"), "prediction"},
           Row{with(R"(,"tools":[{"type":"web_search"}])"), "tools"},
           Row{with(R"(,"tools":[{}])"), "tools"},
           Row{saying(R"([{"content":[{"type":"file","file":{"file_id":"f"}}]}])"), "messages"},
           Row{saying(R"([{"content":[{"type":"text","file":{"file_id":"f"}}]}])"), "messages"},
           Row{saying(R"([{"content":[{"type":"video_url"}]}])"), "messages"},
           Row{saying(R"([{"content":[{"text":"a"}]}])"), "messages"},
           Row{saying(R"([{"content":["a"]}])"), "messages"},
           Row{saying(R"([{"content":{"type":"text"}}])"), "messages"},
           Row{saying(R"([{"role":"assistant","audio":{"id":"audio_1"}}])"), "messages"},
       }) {
    CAPTURE(row.body);
    const auto request = read(row.body);
    REQUIRE_FALSE(request.has_value());
    CHECK(request.error().type == base::ErrorType::invalid_request);
    CHECK(request.error().field == row.field);
    CHECK_FALSE(request.error().message.empty());
  }
}

TEST_CASE("a body of countless fields is refused") {
  std::string extra;
  for (int i = 0; i < 200; ++i) extra += ",\"f" + std::to_string(i) + "\":0";
  CHECK_FALSE(read(with(extra)).has_value());
}

TEST_CASE("a large body is read like a small one") {
  const std::string body = saying(R"([{"content":")" + std::string(300'000, 'x') + R"("}])");
  REQUIRE(read(body).has_value());
  CHECK(read(body)->input_bound > 300'000);
  CHECK(read(with("")).has_value());
}

TEST_CASE("a member is replaced where it stands or put first, and nothing else changes") {
  struct Row {
    const char* body;
    const char* key;
    const char* value;
    const char* becomes;
  };
  for (const Row& row : {
           Row{R"({"a":1})", "a", "2", R"({"a":2})"},
           Row{R"({ "a" : 1 , "b":2 })", "a", "33", R"({ "a" : 33 , "b":2 })"},
           Row{R"({"b":{"a":1},"a":[1,{"a":"]"}],"c":0})", "a", "2", R"({"b":{"a":1},"a":2,"c":0})"},
           Row{R"({"x":"\"a\":1","a":"}"})", "a", "2", R"({"x":"\"a\":1","a":2})"},
           Row{R"({"b":"\\","a":true})", "a", "2", R"({"b":"\\","a":2})"},
           Row{R"({"a":{}})", "a", "2", R"({"a":2})"},
           Row{R"({"b":1})", "a", "2", R"({"a":2,"b":1})"},
           Row{" {\n}\n", "a", "2", " {\"a\":2\n}\n"},
           Row{R"({"\u0061":1})", "a", "2", R"({"\u0061":2})"},  // the letter may hide behind an escape
           Row{R"({"\u006Dax":1,"m\tax":3})", "max", "2", R"({"\u006Dax":2,"m\tax":3})"},
           Row{R"({"\u0061":1})", "ab", "2", R"({"ab":2,"\u0061":1})"},
           Row{R"({"ab":1,"\u0161":3})", "a", "2", R"({"a":2,"ab":1,"\u0161":3})"},
       }) {
    CAPTURE(row.body);
    CHECK(meter::with_member(row.body, row.key, row.value) == row.becomes);
  }
}

TEST_CASE("a member of a member is put in with all that is missing on the way") {
  struct Row {
    const char* body;
    const char* becomes;
  };
  for (const Row& row : {
           Row{R"({"b":1})", R"({"a":{"c":7},"b":1})"},
           Row{R"({"a":{}})", R"({"a":{"c":7}})"},
           Row{R"({"a":{"d":[{"c":1}]} ,"c":2})", R"({"a":{"c":7,"d":[{"c":1}]} ,"c":2})"},
           Row{R"({"a":{ "c" : 1 }})", R"({"a":{ "c" : 7 }})"},
           Row{R"({"a":null})", R"({"a":{"c":7}})"},
       }) {
    CAPTURE(row.body);
    CHECK(meter::with_member(row.body, "a.c", "7") == row.becomes);
  }
}

TEST_CASE("usage is asked for beside other stream options") {
  struct Row {
    const char* body;
    const char* becomes;
  };
  for (const Row& row : {
           Row{R"({"stream":true})", R"({"stream_options":{"include_usage":true},"stream":true})"},
           Row{R"({"stream_options":null})", R"({"stream_options":{"include_usage":true}})"},
           Row{R"({"stream_options":{}})", R"({"stream_options":{"include_usage":true}})"},
           Row{R"({"stream_options":{"x":1}})", R"({"stream_options":{"include_usage":true,"x":1}})"},
           Row{R"({"stream_options":{"include_usage": false}})", R"({"stream_options":{"include_usage": true}})"},
       }) {
    CAPTURE(row.body);
    CHECK(meter::with_usage_in_stream(row.body) == row.becomes);
  }
}
