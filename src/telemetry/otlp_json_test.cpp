#include "telemetry/otlp_json.h"

#include <doctest/doctest.h>

#include "base/json.h"

using namespace telemetry;

namespace {

const Resource resource{"metergate", "1.2.3", "0195b1c0-7a2e-7c31-9d55-3f1a4be2c701"};

Span some_span() {
  return {.context = *parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
          .name = "chat gpt-4o",
          .kind = Span::Kind::client,
          .start_ns = 1'795'233'960'000'000'000,
          .end_ns = 1'795'233'961'500'000'001,
          .attributes = {}};
}

}  // namespace

TEST_CASE("a span is written as OTLP's JSON mapping has it") {
  Span span = some_span();
  span.parent = SpanId{{1, 2, 3, 4, 5, 6, 7, 0xAB}};
  span.state = "a=1";
  span.status = Span::Status::error;
  span.attributes = {{"text", std::string("a \"b\"\n")},
                     {"count", std::int64_t{9'007'199'254'740'993}},
                     {"seconds", 0.25},
                     {"is", true},
                     {"list", std::vector<std::string>{"stop", "length"}}};
  CHECK(to_otlp_json(resource, std::span(&span, 1)) ==
        R"({"resourceSpans":[{"resource":{"attributes":[)"
        R"({"key":"service.name","value":{"stringValue":"metergate"}},)"
        R"({"key":"service.version","value":{"stringValue":"1.2.3"}},)"
        R"({"key":"service.instance.id","value":{"stringValue":"0195b1c0-7a2e-7c31-9d55-3f1a4be2c701"}}]},)"
        R"("scopeSpans":[{"scope":{"name":"metergate","version":"1.2.3"},"spans":[)"
        R"({"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","traceState":"a=1",)"
        R"("parentSpanId":"01020304050607ab","flags":257,"name":"chat gpt-4o","kind":3,)"
        R"("startTimeUnixNano":"1795233960000000000","endTimeUnixNano":"1795233961500000001","attributes":[)"
        R"({"key":"text","value":{"stringValue":"a \"b\"\n"}},)"
        R"({"key":"count","value":{"intValue":"9007199254740993"}},)"
        R"({"key":"seconds","value":{"doubleValue":2.5E-1}},)"
        R"({"key":"is","value":{"boolValue":true}},)"
        R"({"key":"list","value":{"arrayValue":{"values":[{"stringValue":"stop"},{"stringValue":"length"}]}}}],)"
        R"("status":{"code":2}}]}]}]})");
}

TEST_CASE("what a span does not have is not written") {
  const Span span = some_span();
  const std::string text = to_otlp_json(resource, std::span(&span, 1));
  for (const std::string_view member : {"parentSpanId", "traceState", "status"}) CHECK_FALSE(text.contains(member));
}

TEST_CASE("a remote parent shows in the flags") {
  Span span = some_span();
  span.parent_is_remote = true;
  CHECK(to_otlp_json(resource, std::span(&span, 1)).contains(R"("flags":769,)"));
}

TEST_CASE("what clients name is bounded, and is UTF-8 whatever they send") {
  Span span = some_span();
  span.attributes = {{"long", std::string(300, 'x')}, {"cut", std::string(255, 'x') + "é"}, {"broken", "\xFF\xFE"}};
  const std::string text = to_otlp_json(resource, std::span(&span, 1));
  CHECK(text.contains("\"" + std::string(256, 'x') + "\""));
  CHECK(text.contains(std::string(255, 'x') + "\uFFFD\""));
  CHECK(text.contains("\"\uFFFD\uFFFD\""));
  CHECK(base::Json::parse(text).has_value());
}

TEST_CASE("a collector says how many spans it did not take") {
  CHECK(read_rejected(R"({"partialSuccess":{"rejectedSpans":"3","errorMessage":"old"}})").spans == 3);
  CHECK(read_rejected(R"({"partialSuccess":{"rejectedSpans":"3","errorMessage":"old"}})").message == "old");
  CHECK(read_rejected(R"({"partialSuccess":{"rejectedSpans":7}})").spans == 7);
  for (const std::string_view none : {"", "{}", "[]", "null", R"({"partialSuccess":{}})", R"({"partialSuccess":5})",
                                      R"({"partialSuccess":{"rejectedSpans":"-3"}})", "<html>"}) {
    CAPTURE(none);
    CHECK(read_rejected(none).spans == 0);
  }
}
