#include "meter/work_object.h"

#include <doctest/doctest.h>
#include <simdjson.h>

using meter::WorkObject;
using meter::WorkStatus;

namespace {

std::optional<WorkObject> read(std::string body) {
  body.reserve(body.size() + simdjson::SIMDJSON_PADDING);
  return meter::read_work_object(body);
}

}  // namespace

TEST_CASE("an object says how far its work is") {
  using enum WorkStatus;
  for (const auto& [word, status] :
       {std::pair("queued", running), std::pair("in_progress", running), std::pair("completed", ended),
        std::pair("failed", ended), std::pair("cancelled", ended), std::pair("incomplete", ended),
        std::pair("resting", unknown)}) {
    const auto object = read(std::string(R"({"id":"resp_1","object":"response","status":")") + word + R"("})");
    CHECK(object == WorkObject{.id = "resp_1", .status = status, .status_text = word});
  }
  CHECK(read(R"({"id":"resp_1","status":null})")->status == unknown);
}

TEST_CASE("a batch says how far it is, which files it has, and how many of its requests were served") {
  using enum WorkStatus;
  for (const auto& [word, status] : {std::pair("validating", running), std::pair("finalizing", running),
                                     std::pair("cancelling", running), std::pair("expired", ended)})
    CHECK(read(std::string(R"({"id":"batch_1","status":")") + word + R"("})")->status == status);
  const auto batch = read(R"({"id":"batch_1","object":"batch","status":"completed","output_file_id":"file-2",
    "error_file_id":"file/3","request_counts":{"total":3,"completed":2,"failed":1}})");
  CHECK(batch == WorkObject{.id = "batch_1",
                            .status = ended,
                            .status_text = "completed",
                            .output_file = "file-2",
                            .error_file = "",
                            .served = 2});
}

TEST_CASE("what names no work that could be asked after is none") {
  for (const char* body :
       {"", "[]", "{", "{}", R"({"id":7})", R"({"id":""})", R"({"id":"a/b"})", R"({"id":"a?b"})", R"({"id":"a%62"})"})
    CHECK_MESSAGE(!read(body).has_value(), body);
  CHECK(read(R"({"id":")" + std::string(256, 'a') + R"("})").has_value());
  CHECK_FALSE(read(R"({"id":")" + std::string(257, 'a') + R"("})").has_value());
}
