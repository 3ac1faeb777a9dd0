#include "catalog/limit.h"

#include <doctest/doctest.h>

#include "catalog/route.h"

using Kind = base::WindowPolicy::Kind;
using catalog::LimitUnit;

TEST_CASE("a limit is read as a person writes it") {
  struct Row {
    const char* text;
    LimitUnit unit;
    base::WindowPolicy window;
    std::int64_t amount;
    const char* name;
  };
  for (const Row& row :
       {Row{"10 usd/day", LimitUnit::usd, {.kind = Kind::day}, 10'000'000'000, "10 usd per day"},
        Row{"0.25 usd/month", LimitUnit::usd, {.kind = Kind::month}, 250'000'000, "0.25 usd per month"},
        Row{"100000 tokens/month", LimitUnit::tokens, {.kind = Kind::month}, 100'000, "100000 tokens per month"},
        Row{"100 requests/daily", LimitUnit::requests, {.kind = Kind::day}, 100, "100 requests per day"},
        Row{"1 request/day", LimitUnit::requests, {.kind = Kind::day}, 1, "1 requests per day"},
        Row{"  5 usd / day  ", LimitUnit::usd, {.kind = Kind::day}, 5'000'000'000, "5 usd per day"},
        Row{"9 input_tokens/day", LimitUnit::input_tokens, {.kind = Kind::day}, 9, "9 input_tokens per day"},
        Row{"9 output_tokens/day", LimitUnit::output_tokens, {.kind = Kind::day}, 9, "9 output_tokens per day"},
        Row{"10 usd/weekly", LimitUnit::usd, {.kind = Kind::week}, 10'000'000'000, "10 usd per week"},
        Row{"20 usd/cycle:15",
            LimitUnit::usd,
            {.kind = Kind::cycle, .cycle_day = 15},
            20'000'000'000,
            "20 usd per cycle:15"},
        Row{"1000 requests/rolling:5h",
            LimitUnit::requests,
            {.kind = Kind::rolling, .span_ms = 18'000'000},
            1'000,
            "1000 requests per rolling:5h"},
        Row{"500 usd/total", LimitUnit::usd, {.kind = Kind::total}, 500'000'000'000, "500 usd in total"},
        Row{"0 usd/day", LimitUnit::usd, {.kind = Kind::day}, 0, "0 usd per day"}}) {
    CAPTURE(row.text);
    const auto limit = catalog::parse_limit_text(row.text);
    REQUIRE(limit.has_value());
    CHECK(limit->unit == row.unit);
    CHECK(limit->window == row.window);
    CHECK(limit->amount == row.amount);
    const std::string name = catalog::default_name(limit->unit, limit->window, limit->amount);
    CHECK(name == row.name);
    // The name that it gets by default reads back as the same limit.
    const auto again = catalog::parse_limit_text(name);
    REQUIRE(again.has_value());
    CHECK(again->amount == limit->amount);
    CHECK(again->window == limit->window);
  }
}

TEST_CASE("what is not a limit is refused by the part that is wrong") {
  struct Row {
    const char* text;
    const char* field;
  };
  for (const Row& row :
       {Row{"", ""}, Row{"10", ""}, Row{"usd/day", ""}, Row{"10 usd", ""}, Row{"10 usd/fortnight", "window"},
        Row{"10 usd/rolling", "window"}, Row{"10 usd/cycle:32", "window"}, Row{"10 usd/", "window"},
        Row{"10 Eur/day", "unit"}, Row{"10 e-r/day", "unit"}, Row{"10 /day", "unit"}, Row{"-1 usd/day", "amount"},
        Row{"ten usd/day", "amount"}, Row{"1.5 tokens/day", "amount"}, Row{"-1 requests/day", "amount"},
        Row{"0.0000000001 usd/day", "amount"}, Row{"9223372036854775808 tokens/day", "amount"},
        Row{"+5 tokens/day", "amount"}}) {
    CAPTURE(row.text);
    const auto limit = catalog::parse_limit_text(row.text);
    REQUIRE_FALSE(limit.has_value());
    CHECK(limit.error().type == base::ErrorType::invalid_request);
    CHECK(limit.error().field == row.field);
  }
}

TEST_CASE("an amount reads back as it was written") {
  for (const std::int64_t amount : {std::int64_t{0}, std::int64_t{1}, std::int64_t{12'500'000}, INT64_MAX})
    for (const LimitUnit unit :
         {LimitUnit::usd, LimitUnit::tokens, LimitUnit::requests, LimitUnit::input_tokens, LimitUnit::output_tokens}) {
      CAPTURE(amount);
      const auto parsed = catalog::parse_amount(unit, catalog::amount_text(unit, amount));
      REQUIRE(parsed.has_value());
      CHECK(*parsed == amount);
      CHECK(*catalog::unit_from(catalog::to_string(unit)) == unit);
    }
}

TEST_CASE("a unit is one that there always is, or a name") {
  CHECK(*catalog::unit_from("tokens") == LimitUnit::tokens);
  const catalog::Unit images = *catalog::unit_from("images_2");
  CHECK(images == LimitUnit::named);
  CHECK(catalog::to_string(images) == "images_2");
  CHECK(images != *catalog::unit_from("images_3"));
  CHECK(images != catalog::Unit(LimitUnit::tokens));
  CHECK(catalog::unit_from(std::string(64, 'a')).has_value());
  for (const std::string& text : {std::string(), std::string("Images"), std::string("2x"), std::string("_a"),
                                  std::string("a b"), std::string("a-b"), std::string(65, 'a')}) {
    CAPTURE(text);
    CHECK(catalog::unit_from(text).error().field == "unit");
  }
  CHECK_FALSE(catalog::is_unit_name("usd"));
  CHECK_FALSE(catalog::is_unit_name("token"));
  CHECK(catalog::parse_limit_text("5 images/day")->unit == catalog::Unit::named("images"));
}

TEST_CASE("a call takes of a unit what the first entry for its model says") {
  const catalog::UnitWeight weights[] = {{.unit = "images", .model = "dall-e-3*", .weight = 5},
                                         {.unit = "credits", .model = "gpt-4o", .weight = 7},
                                         {.unit = "images", .weight = 1}};
  CHECK(catalog::weight_of(weights, "images", "DALL-E-3-hd") == 5);
  CHECK(catalog::weight_of(weights, "images", "dall-e-2") == 1);
  CHECK(catalog::weight_of(weights, "credits", "gpt-4o") == 7);
  CHECK(catalog::weight_of(weights, "credits", "gpt-4o-mini") == 0);
  CHECK(catalog::weight_of(weights, "none", "gpt-4o") == 0);
  std::vector<catalog::Route> routes(2);
  routes[0].name = "a";
  routes[0].weights = {weights[1]};
  routes[1].name = "b";
  const auto by_route = catalog::weights_of(routes);
  CHECK(by_route.size() == 1);
  CHECK(catalog::has_weight(by_route, "credits", ""));
  CHECK(catalog::has_weight(by_route, "credits", "a"));
  CHECK_FALSE(catalog::has_weight(by_route, "credits", "b"));
  CHECK_FALSE(catalog::has_weight(by_route, "images", ""));
}
