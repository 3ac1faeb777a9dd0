#include "meter/json_sieve.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using meter::JsonPaths;
using meter::JsonSieve;

namespace {

const JsonPaths& some_paths() {
  static const JsonPaths paths{"usage", "a.b", "list[].type", "deep[].x.y", "nums[]"};
  return paths;
}

// What is kept of each object, one a line; the same for every cut.
std::string kept(std::string_view text, std::size_t limit = JsonSieve::kept_bytes_max) {
  std::string whole;
  for (const std::size_t step : {text.size() + 1, std::size_t{1}, std::size_t{3}}) {
    JsonSieve sieve(some_paths(), limit);
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += step)
      sieve.feed(text.substr(at, step), [&](std::string_view object) { out += std::string(object) + "\n"; });
    if (step > text.size()) whole = out;
    CHECK(out == whole);
  }
  return whole;
}

}  // namespace

TEST_CASE("a sieve keeps the members that are asked for, as they are written") {
  CHECK(kept(R"({"x":1,"usage" : { "q": [1, "}"] },"y":{"usage":2}})") == "{\"usage\":{ \"q\": [1, \"}\"] }}\n");
  CHECK(kept(R"({"a":{"b":1,"c":2},"usage":null})") == "{\"a\":{\"b\":1},\"usage\":null}\n");
  CHECK(kept(R"({"list":[{"type":"t","long":"x"},{},7,{"type":2}]})") ==
        "{\"list\":[{\"type\":\"t\"},{},7,{\"type\":2}]}\n");
  CHECK(kept(R"({"deep":[{"x":{"y":true,"z":0}},{"x":[]}]})") == "{\"deep\":[{\"x\":{\"y\":true}},{\"x\":[]}]}\n");
  CHECK(kept(R"({"nums":[1,2.5e3,-4]})") == "{\"nums\":[1,2.5e3,-4]}\n");
  CHECK(kept(R"({"other":"\"usage\":1}","usage":3})") == "{\"usage\":3}\n");
  CHECK(kept(R"({"q\\":{"a\"}":"\\"},"usage":"\\\""})") ==
        "{\"q\\\\\":{\"a\\\"}\":\"\\\\\"},\"usage\":\"\\\\\\\"\"}\n");
  CHECK(kept("{}") == "{}\n");
}

TEST_CASE("a name that is written with escapes is kept for its reader to decide") {
  CHECK(kept(R"({"us\u0061ge":5})") == "{\"us\\u0061ge\":5}\n");
}

TEST_CASE("a series of objects is one after the other, on lines or in a list") {
  CHECK(kept("{\"usage\":1}\n{\"usage\":2}\r\n") == "{\"usage\":1}\n{\"usage\":2}\n");
  CHECK(kept("[{\"usage\":1}\n,\n{\"usage\":2}]") == "{\"usage\":1}\n{\"usage\":2}\n");
  CHECK(kept("{\"usage\":1} oops {\"usage\":2}") == "{\"usage\":1}\n");
}

TEST_CASE("what is no JSON is not kept") {
  for (const std::string_view text :
       {"", "[DONE]", "\"usage\"", "{\"usage\":1", "{\"usage\" 1}", "{usage:1}", "{\"usage\":}", "{\"usage\":1]",
        "{\"list\":[{\"type\":1}}", "{\"a\":{\"b\":1,,}}", "{,\"usage\":1}"})
    CHECK(kept(text) == "");
}

TEST_CASE("what would be too much to keep is left out, and the next object is kept again") {
  const std::string text = R"({"usage":")" + std::string(100, 'x') + R"("}{"usage":1})";
  CHECK(kept(text, 50) == "{\"usage\":1}\n");
  JsonSieve sieve(some_paths(), 50);
  sieve.feed(text, [](std::string_view) {});
  CHECK(sieve.has_overflowed());
  CHECK_FALSE(sieve.is_inside());
}

TEST_CASE("a sieve that is reset begins anew") {
  JsonSieve sieve(some_paths());
  std::vector<std::string> objects;
  const auto sink = [&](std::string_view object) { objects.emplace_back(object); };
  sieve.feed("{\"usage\":{\"a", sink);
  CHECK(sieve.is_inside());
  sieve.reset();
  sieve.feed("[DONE]", sink);
  sieve.reset();
  sieve.feed("{\"usage\":1}", sink);
  CHECK(objects == std::vector<std::string>{"{\"usage\":1}"});
}
