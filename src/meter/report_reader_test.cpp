#include "meter/report_reader.h"

#include <doctest/doctest.h>

#include <string>

namespace {

// The same for every cut.
std::optional<std::int64_t> found(std::string_view member, std::string_view body) {
  std::optional<std::int64_t> whole;
  for (const std::size_t step : {body.size() + 1, std::size_t{1}, std::size_t{7}}) {
    meter::ReportReader reader(member);
    for (std::size_t at = 0; at < body.size(); at += step) reader.feed(body.substr(at, step));
    if (step > body.size()) whole = reader.billionths();
    CHECK(reader.billionths() == whole);
  }
  return whole;
}

}  // namespace

TEST_CASE("a reported number is read exactly and rounded up to a billionth") {
  CHECK(meter::billionths_of("28") == 28'000'000'000);
  CHECK(meter::billionths_of("0") == 0);
  CHECK(meter::billionths_of("0.0031") == 3'100'000);
  CHECK(meter::billionths_of("7.1e-05") == 71'000);
  CHECK(meter::billionths_of("0.0000000001") == 1);
  for (const char* text : {"", "-1", "x", "1 usd", "1,5", "0x10", "99999999999", "NaN"}) {
    CAPTURE(text);
    CHECK(meter::billionths_of(text) == std::nullopt);
  }
}

TEST_CASE("a report is found wherever its member stands, and nowhere else") {
  CHECK(found("credits", R"({"credits":2})") == 2'000'000'000);
  CHECK(found("usage.credits", R"({"results":[{"usage":{"credits":9}}],"usage":{"x":1,"credits":1.5}})") ==
        1'500'000'000);
  CHECK(found("usage.credits", R"({"usage":{"credits":"3"}})") == 3'000'000'000);
  CHECK(found("usage.credits", "{\"usage\":{\"credits\":1}}\n{\"usage\":{\"credits\":2}}\n") == 2'000'000'000);
  for (const char* body :
       {"", "{}", R"({"usage":null})", R"({"usage":{"credits":null}})", R"({"usage":{"credits":-1}})",
        R"({"usage":{"credits":[1]}})", R"({"usage":{"credits":1)", "<html>", R"([{"usage":{}}])"}) {
    CAPTURE(body);
    CHECK(found("usage.credits", body) == std::nullopt);
  }
}
