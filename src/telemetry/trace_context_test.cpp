#include "telemetry/trace_context.h"

#include <doctest/doctest.h>

#include "tests/support/seeded_random.h"

using namespace telemetry;

namespace {

constexpr std::string_view trace = "0af7651916cd43dd8448eb211c80319c";
constexpr std::string_view parent = "b7ad6b7169203331";
const std::string valid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

}  // namespace

TEST_CASE("a traceparent is read as W3C has it, and written as version 00") {
  const auto context = parse_traceparent(valid);
  REQUIRE(context.has_value());
  CHECK(to_hex(context->trace.bytes) == trace);
  CHECK(to_hex(context->span.bytes) == parent);
  CHECK(context->sampled());
  CHECK(to_traceparent(*context) == valid);
  CHECK_FALSE(parse_traceparent(valid.substr(0, 53) + "00")->sampled());
  SUBCASE("of its flags, those that are known are handed on") {
    CHECK(to_traceparent(*parse_traceparent(valid.substr(0, 53) + "ff")) == valid.substr(0, 53) + "03");
  }
  SUBCASE("a later version may have more behind what is known") {
    CHECK(to_traceparent(*parse_traceparent("cc" + valid.substr(2))) == valid);
    CHECK(to_traceparent(*parse_traceparent("cc" + valid.substr(2) + "-what-the-future-brings")) == valid);
  }
}

TEST_CASE("a traceparent that is not valid is none") {
  std::string upper = valid;
  upper[5] = 'A';
  const std::vector<std::string> all_bad{"",
                                         "00",
                                         valid.substr(0, 54),
                                         valid + "0",
                                         valid + "-00",
                                         "ff" + valid.substr(2),
                                         "cc" + valid.substr(2) + "0",
                                         "0g" + valid.substr(2),
                                         upper,
                                         "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                                         "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                                         "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                         "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
                                         "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331_01",
                                         "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0x"};
  for (const std::string& bad : all_bad) {
    CAPTURE(bad);
    CHECK_FALSE(parse_traceparent(bad).has_value());
  }
}

TEST_CASE("a request's context has its state as one list, and none without a parent") {
  using Fields = std::vector<net::Field>;
  const auto read = [](const Fields& fields) { return read_context(fields); };
  const net::Field told{"TraceParent", valid};
  CHECK(read({told, {"tracestate", "a=1, b=2"}, {"accept", "*/*"}, {"Tracestate", " ,c@x=~"}}) ==
        ReceivedContext{parse_traceparent(valid), "a=1,b=2,c@x=~"});
  CHECK(read({}) == ReceivedContext{});
  CHECK(read({{"tracestate", "a=1"}}) == ReceivedContext{});
  CHECK(read({{"traceparent", "x"}, {"tracestate", "a=1"}}) == ReceivedContext{});
  CHECK(read({told, told, {"tracestate", "a=1"}}) == ReceivedContext{});
  for (const std::string_view bad : {"a", "=1", "a=", "A=1", "a=1=2", "a=\x01", "a=\xC3\xA9", "a b=1"}) {
    CAPTURE(bad);
    CHECK(read({told, {"tracestate", bad}}) == ReceivedContext{parse_traceparent(valid), ""});
  }
  std::string long_list;
  for (int i = 0; i < 33; ++i) long_list += "k=v,";
  CHECK(read({told, {"tracestate", long_list}}).state.empty());
  CHECK(read({told, {"tracestate", long_list.substr(4)}}).state.size() == 32 * 4 - 1);
}

TEST_CASE("ids come from the randomness that is given, and are never all zeros") {
  class Zeros final : public base::Random {
   public:
    void fill(std::span<std::byte> out) override {
      for (std::byte& byte : out) byte = static_cast<std::byte>(calls);
      ++calls;
    }
    int calls = 0;
  };
  Zeros random;
  CHECK(to_hex(TraceId::create(random).bytes) == "01010101010101010101010101010101");
  tests::SeededRandom one(7), other(7);
  CHECK(SpanId::create(one) == SpanId::create(other));
}
