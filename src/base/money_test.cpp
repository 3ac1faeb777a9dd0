#include "base/money.h"

#include <doctest/doctest.h>

using base::CostSum;
using base::Money;
using base::Price;

TEST_CASE("dollars are read exactly and written back in the shortest form") {
  struct Row {
    const char* text;
    std::int64_t nanos;
    const char* written;
  };
  for (const Row& row :
       {Row{"10", 10'000'000'000, "10"}, Row{"0.25", 250'000'000, "0.25"}, Row{"-3.50", -3'500'000'000, "-3.5"},
        Row{"1e-7", 100, "0.0000001"}, Row{"0.000000001", 1, "0.000000001"}, Row{"0", 0, "0"}, Row{"-0", 0, "0"},
        Row{"9223372036.854775807", INT64_MAX, "9223372036.854775807"}, Row{"2.5E+2", 250'000'000'000, "250"}}) {
    CAPTURE(row.text);
    const auto money = Money::parse_usd(row.text);
    REQUIRE(money.has_value());
    CHECK(money->nanos() == row.nanos);
    CHECK(money->to_usd() == row.written);
  }
  CHECK(Money::from_nanos(INT64_MIN).to_usd() == "-9223372036.854775808");
}

TEST_CASE("what is not an exact amount is refused, never rounded") {
  for (const char* text : {"", "-", ".", "ten", "1,5", "1.5 ", "0x10", "1e", "1e+", "nan", "0.0000000001", "1e400",
                           "9223372036.854775808", "99999999999999999999999999999999999999999999", "1..2", "--1"}) {
    CAPTURE(text);
    CHECK_FALSE(Money::parse_usd(text).has_value());
  }
}

TEST_CASE("prices are exact down to 1e-18 dollars per unit") {
  CHECK(Price::parse_usd("2.5e-06")->attos() == 2'500'000'000'000);
  CHECK(Price::parse_usd("2.50", 1'000'000)->attos() == 2'500'000'000'000);
  CHECK(Price::parse_usd("0.0025", 1000)->attos() == 2'500'000'000'000);
  CHECK_FALSE(Price::parse_usd("1.9073486328125e-20").has_value());
  CHECK_FALSE(Price::parse_usd("-1").has_value());
}

TEST_CASE("a list's price keeps up to 24 digits behind the point, and is not rounded") {
  using base::FinePrice;
  CHECK(FinePrice::parse_usd("0.0002833333333333333")->to_usd() == "0.0002833333333333333");
  CHECK(FinePrice::parse_usd("2.5e-06")->to_usd() == "0.0000025");
  CHECK(FinePrice::parse_usd("2.5e-06") == FinePrice::from(*Price::parse_usd("2.5e-06")));
  CHECK(FinePrice::parse_usd("1e-24")->yoctos() == 1);
  CHECK(FinePrice::parse_usd("12")->to_usd() == "12");
  CHECK(FinePrice::parse_usd("0")->is_zero());
  CHECK_FALSE(FinePrice::parse_usd("1e-25").has_value());
  CHECK_FALSE(FinePrice::parse_usd("1000000001").has_value());
  CHECK_FALSE(FinePrice::parse_usd("-0.1").has_value());
  CHECK(*FinePrice::parse_usd("0.1") > *FinePrice::parse_usd("0.09"));
}

TEST_CASE("a cost is exact and rounded once, upward") {
  CostSum sum;
  sum.add(1000, *Price::parse_usd("0.0025", 1000));
  sum.add(1000, *Price::parse_usd("0.01", 1000));
  CHECK(sum.ceil() == *Money::parse_usd("0.0125"));

  CostSum tiny;  // three thirds of a nano-dollar add up before they are rounded
  for (int i = 0; i < 3; ++i) tiny.add(1, Price::from_attos(333'333'333));
  CHECK(tiny.ceil().nanos() == 1);
  tiny.add(1, Price::from_attos(2));
  CHECK(tiny.ceil().nanos() == 2);

  CostSum huge;
  huge.add(INT64_MAX, Price::from_attos(INT64_MAX));
  CHECK(huge.ceil() == Money::max());
}
