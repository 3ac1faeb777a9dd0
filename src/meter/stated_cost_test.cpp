#include "meter/stated_cost.h"

#include <doctest/doctest.h>

using meter::money_above;
using meter::plain_decimal;

TEST_CASE("a number keeps every digit without its exponent") {
  CHECK(plain_decimal("7.099999999999999e-05") == "0.00007099999999999999");
  CHECK(plain_decimal("0.0160614") == "0.0160614");
  CHECK(plain_decimal("0") == "0");
  CHECK(plain_decimal("0.000") == "0");
  CHECK(plain_decimal("12") == "12");
  CHECK(plain_decimal("12E2") == "1200");
  CHECK(plain_decimal("0.5e+1") == "5");
  CHECK(plain_decimal("1466250", 10) == "0.000146625");
  CHECK(plain_decimal("00.10") == "0.1");
  for (const char* text : {"", "-1", "1e", "1e999", "abc", "1.2.3", "1 ", "."}) CHECK_FALSE(plain_decimal(text));
  CHECK_FALSE(plain_decimal(std::string(61, '1')));
}

TEST_CASE("a stated cost is rounded up to the nano-dollar") {
  CHECK(money_above("0.00007099999999999999") == base::Money::from_nanos(71'000));
  CHECK(money_above("0.0160614") == base::Money::from_nanos(16'061'400));
  CHECK(money_above("0") == base::Money::zero());
  CHECK(money_above("3") == base::Money::from_nanos(3'000'000'000));
  CHECK(money_above("0.0000000001") == base::Money::from_nanos(1));
  CHECK_FALSE(money_above("99999999999999999999"));
}
