#include "meter/batch_file.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <vector>

using meter::BatchFile;
using meter::Request;

namespace {

std::string line(std::string_view body, std::string_view url = "/v1/chat/completions") {
  return fmt::format(R"({{"custom_id":"c","method":"POST","url":"{}","body":{}}})", url, body);
}
constexpr std::string_view question = R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]})";

struct Read {
  base::Result<BatchFile> file;
  std::vector<Request> requests;
};
Read read(std::string_view content) {
  Read out;
  out.file = meter::read_batch_file("openai", content, [&](const Request& request) -> base::Status {
    out.requests.push_back(request);
    return {};
  });
  return out;
}
std::string refusal(std::string_view content) {
  const Read out = read(content);
  if (out.file) return "none";
  CHECK(out.file.error().type == base::ErrorType::invalid_request);
  CHECK(out.file.error().field == "file");
  return out.file.error().message;
}

struct Results {
  bool understood = false;
  std::vector<meter::Reply> replies;
};
Results results(std::string_view content, std::size_t piece = 7) {
  Results out;
  meter::BatchResults reader(meter::Dialect::chat, [&](const meter::Reply& reply) { out.replies.push_back(reply); });
  for (std::string_view rest = content; !rest.empty(); rest.remove_prefix(std::min(piece, rest.size())))
    reader.feed(rest.substr(0, piece));
  out.understood = reader.finish();
  return out;
}

}  // namespace

TEST_CASE("each line of a batch's file is read as the request that it is") {
  const Read out = read(line(question) + "\n\r\n" + line(question) + "\r\n" + line(question));
  REQUIRE_MESSAGE(out.file.has_value(), (out.file ? std::string() : out.file.error().message));
  CHECK(out.file->lines == 3);
  CHECK(out.file->model == "m");
  CHECK(out.file->url == "/v1/chat/completions");
  REQUIRE(out.requests.size() == 3);
  CHECK(out.requests[0].output_cap == 9);
  CHECK(out.requests[0].delivery == meter::Delivery::batch);
  CHECK(out.requests[0].input_bound >= std::ssize(line(question)));
  CHECK(read(line(R"({"model":"m","input":"hi"})", "/v1/embeddings")).requests.front().output_cap == 0);
}

TEST_CASE("a line that another reader may read otherwise is refused, and so is what cannot be bounded") {
  struct Row {
    std::string content;
    std::string_view why;
  };
  const std::string good = line(question);
  for (const Row& row : {
           Row{"", "no request"},
           Row{"\n \n", "no request"},
           Row{good + "\n[]", "line 2 is no JSON object"},
           Row{good + good, "line 1 is no JSON object"},
           Row{R"({"custom_id":"c","method":"POST","url":"/v1/chat/completions"})", "needs custom_id"},
           Row{R"({"custom_id":"c","method":"GET","url":"/v1/chat/completions","body":{}})", "another method"},
           Row{R"({"custom_id":"c","method":"POST","url":"/v1/chat/completions","body":[]})", "no proper"},
           Row{R"({"custom_id":"c","method":"POST","url":"/v1/fine_tuning/jobs","body":{}})", "batches are served of"},
           Row{R"({"custom_id":"c","method":"POST","url":"/v1/x/chat/completions","body":{}})",
               "batches are served of"},
           Row{good.substr(0, good.size() - 1) + R"(,"body":{"model":"dear"}})", "\"body\" twice"},
           Row{good.substr(0, good.size() - 1) + R"(,"Body":{"model":"dear"}})", "none of custom_id"},
           Row{R"({"custom_id":"c",)"
               "\r"
               R"("method":"POST","url":"/v1/chat/completions","body":{}})",
               "separator"},
           Row{line("{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"a\xE2\x80\xA8z\"}]}"),
               "separator"},
           Row{line(R"({"messages":[]})"), "'model' is missing"},
           Row{line(R"({"model":"m","model":"n","messages":[]})"), "(model)"},
           Row{line(R"({"model":"m","stream":true,"messages":[]})"), "'stream'"},
           Row{line(R"({"model":"m","input":"hi","background":true})", "/v1/responses"), "'background'"},
           Row{line(R"({"model":"m","service_tier":"flex","messages":[]})"), "service tier"},
           Row{line(R"({"model":"gpt-4o-search-preview","messages":[]})"), "search the web"},
           Row{line(R"({"model":"m","input":"hi","tools":[{"type":"web_search"}],"max_tool_calls":1})",
                    "/v1/responses"),
               "search the web"},
           Row{good + "\n" + line(R"({"model":"n","messages":[]})"), "line 2 asks for the model 'n'"},
           Row{good + "\n" + line(R"({"model":"m","prompt":"hi"})", "/v1/completions"), "line 2 asks for '/v1/com"},
       }) {
    CAPTURE(row.content);
    const std::string why = refusal(row.content);
    CHECK_MESSAGE(why.contains(row.why), why);
  }
}

TEST_CASE("a file has as many lines as a batch may have, and what its reader refuses") {
  std::string content;
  for (std::int64_t i = 0; i <= meter::most_batch_lines; ++i) content += line(R"({"model":"m","messages":[]})") + "\n";
  CHECK(refusal(content).contains("line 50001 is more than 50000"));
  const auto file = meter::read_batch_file("openai", line(question),
                                           [](const Request&) -> base::Status { return base::invalid("is too dear"); });
  REQUIRE_FALSE(file.has_value());
  CHECK(file.error().message == "line 1 is too dear");
}

TEST_CASE("the results of a batch say what each request used, however they come") {
  const std::string content =
      R"({"id":"1","custom_id":"a","response":{"status_code":200,"request_id":"r","body":{"model":"m","choices":[{}],)"
      R"("usage":{"prompt_tokens":10,"completion_tokens":20,"total_tokens":30}}},"error":null})"
      "\n"
      R"({"id":"2","custom_id":"b","response":{"status_code":400,"request_id":"r","body":{"error":{}}},"error":null})"
      "\r\n\n"
      R"({"id":"3","custom_id":"c","response":null,"error":{"code":"batch_expired","message":"late"}})"
      "\n"
      R"({"id":"4","custom_id":"d","response":{"status_code":200,"body":{"model":"m","choices":[{}],)"
      R"("usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}},"error":null})";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, content.size()}) {
    const Results out = results(content, piece);
    CHECK(out.understood);
    REQUIRE(out.replies.size() == 2);
    CHECK(out.replies[0].usage->output_tokens == 20);
    CHECK(out.replies[1].usage->input_tokens == 1);
    CHECK(out.replies[1].model == "m");
  }
}

TEST_CASE("results that are not understood are said to be so") {
  for (const char* content :
       {"nonsense", "[]", R"({"custom_id":"a"})", R"({"response":null,"error":null})", R"({"response":{"body":{}}})",
        R"({"response":{"status_code":200}})", R"({"response":{"status_code":200,"body":{"model":"m"}}})"})
    CHECK_MESSAGE(!results(content).understood, content);
}
