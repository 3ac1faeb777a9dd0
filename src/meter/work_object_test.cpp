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

TEST_CASE("what names no work that could be asked after is none") {
  for (const char* body :
       {"", "[]", "{", "{}", R"({"id":7})", R"({"id":""})", R"({"id":"a/b"})", R"({"id":"a?b"})", R"({"id":"a%62"})"})
    CHECK_MESSAGE(!read(body).has_value(), body);
  CHECK(read(R"({"id":")" + std::string(256, 'a') + R"("})").has_value());
  CHECK_FALSE(read(R"({"id":")" + std::string(257, 'a') + R"("})").has_value());
}
