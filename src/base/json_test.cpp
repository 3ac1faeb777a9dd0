#include "base/json.h"

#include <doctest/doctest.h>

using base::Json;
using base::JsonFields;

TEST_CASE("numbers keep their text") {
  const auto json = Json::parse(R"({"amount": 10.00 , "n": -5, "list": ["a", 1e-7]})");
  REQUIRE(json.has_value());
  CHECK(json->find("amount")->text() == "10.00");
  CHECK(json->find("list")->items()[1].text() == "1e-7");
}

TEST_CASE("what is not strictly JSON is refused") {
  for (const char* text : {"", "{", "{\"a\":1,}", "{\"a\":01}", "{\"a\":1} x", "nul", "[1 2]", "{\"a\":\"\\q\"}",
                           "\"\xff\"", "{\"a\":truex}", "{'a':1}"}) {
    CAPTURE(text);
    CHECK_FALSE(Json::parse(text).has_value());
  }
  CHECK_FALSE(Json::parse(std::string(100, '[') + std::string(100, ']')).has_value());
}

TEST_CASE("a duplicate key is refused by its path") {
  const auto json = Json::parse(R"({"limit": {"amount": 1, "amount": 2}})");
  REQUIRE_FALSE(json.has_value());
  CHECK(json.error().field == "limit.amount");
}

TEST_CASE("an unknown field is refused with the nearest known one") {
  const auto json = Json::parse(R"({"name": "alice", "budgt": "10"})");
  auto fields = JsonFields::of(*json, "key");
  REQUIRE(fields.has_value());
  CHECK(fields->required_string("name") == "alice");
  CHECK(fields->decimal("budget")->has_value() == false);
  const auto status = fields->finish();
  REQUIRE_FALSE(status.has_value());
  CHECK(status.error().message == "'key.budgt' is not a known field; did you mean 'budget'?");
}

TEST_CASE("a field of the wrong type is named") {
  const auto json = Json::parse(R"({"n": "5", "b": 1, "s": 2, "l": ["a", 3]})");
  auto fields = *JsonFields::of(*json);
  CHECK(fields.integer("n").error().field == "n");
  CHECK(fields.boolean("b").error().field == "b");
  CHECK(fields.string("s").error().field == "s");
  CHECK(fields.strings("l").error().field == "l");
  CHECK(fields.finish().has_value());
}
