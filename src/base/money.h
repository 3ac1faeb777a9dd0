#pragma once
// Money is an integer: signed 64-bit nano-dollars (1 USD = 1'000'000'000), about ±9.2 billion USD.
// Prices are exact decimals and products are exact; rounding happens once, upward, in CostSum::ceil. There is no float.

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace base {

// An amount as text, where a string of its own would cost more than the digits.
class UsdText {
 public:
  operator std::string_view() const { return {chars_, size_}; }  // NOLINT(google-explicit-constructor): it is one

 private:
  friend class Money;
  static constexpr std::size_t chars_max = 24;  // "-9223372036.854775808" has 21
  char chars_[chars_max];
  std::size_t size_ = 0;
};

class Money {
 public:
  static constexpr std::int64_t nanos_per_usd = 1'000'000'000;

  constexpr Money() = default;
  static constexpr Money from_nanos(std::int64_t nanos) { return Money(nanos); }
  static constexpr Money zero() { return Money(0); }
  static constexpr Money max() { return Money(INT64_MAX); }

  // Reads a decimal number of dollars exactly: "10", "0.25", "-3.5", "1e-7". Refuses what is not a number, what is
  // finer than a nano-dollar and what does not fit; never rounds.
  static Result<Money> parse_usd(std::string_view text);

  constexpr std::int64_t nanos() const { return nanos_; }
  constexpr bool is_zero() const { return nanos_ == 0; }
  constexpr bool is_negative() const { return nanos_ < 0; }

  // Shortest exact decimal: "0.0125", "10", "-0.000000001".
  std::string to_usd() const { return std::string(usd_text()); }
  UsdText usd_text() const;

  constexpr auto operator<=>(const Money&) const = default;
  // Overflow is an assertion: amounts are bounded where they enter the system.
  friend Money operator+(Money a, Money b);
  friend Money operator-(Money a, Money b);
  Money& operator+=(Money other) { return *this = *this + other; }
  Money& operator-=(Money other) { return *this = *this - other; }

 private:
  explicit constexpr Money(std::int64_t nanos) : nanos_(nanos) {}
  std::int64_t nanos_ = 0;
};

// A price per unit (token, request, image): non-negative multiples of 1e-18 USD, up to about 9.2 USD per unit.
// Exact for every published price: a token costs some 1e-7 USD, a pixel some 1e-9 with up to seven digits.
class Price {
 public:
  static constexpr std::int64_t attos_per_nano = 1'000'000'000;

  constexpr Price() = default;
  static constexpr Price from_attos(std::int64_t attos) { return Price(attos); }
  // Reads a decimal number of dollars per unit exactly ("2.5e-06"); `per` divides it: parse("2.50", 1'000'000) is
  // $2.50 per million. Refuses negative numbers and what is not a multiple of 1e-18 USD per unit.
  static Result<Price> parse_usd(std::string_view text, std::int64_t per = 1);

  constexpr std::int64_t attos() const { return attos_; }
  constexpr auto operator<=>(const Price&) const = default;

 private:
  explicit constexpr Price(std::int64_t attos) : attos_(attos) {}
  std::int64_t attos_ = 0;
};

// A price per unit as price lists write them, some with more digits than a Price has ("0.0002833333333333333"):
// non-negative multiples of 1e-24 USD, below a billion USD.
class FinePrice {
 public:
  static constexpr std::int64_t yoctos_per_nano = 1'000'000'000'000'000;

  constexpr FinePrice() = default;
  // Reads a decimal number of dollars per unit exactly. Refuses negative numbers, what is not a multiple of 1e-24 USD
  // and what does not fit.
  static Result<FinePrice> parse_usd(std::string_view text);
  static constexpr FinePrice from(Price price) {
    return FinePrice(static_cast<unsigned __int128>(price.attos()) * 1'000'000);
  }

  constexpr unsigned __int128 yoctos() const { return yoctos_; }
  constexpr bool is_zero() const { return yoctos_ == 0; }
  // Shortest exact decimal: "0.0000025".
  std::string to_usd() const;
  constexpr bool operator==(const FinePrice&) const = default;
  constexpr bool operator<(const FinePrice& other) const { return yoctos_ < other.yoctos_; }
  constexpr bool operator>(const FinePrice& other) const { return yoctos_ > other.yoctos_; }

 private:
  explicit constexpr FinePrice(unsigned __int128 yoctos) : yoctos_(yoctos) {}
  unsigned __int128 yoctos_ = 0;
};

// An exact sum of quantity × price products, in 128 bits; turned into Money once, at the end.
class CostSum {
 public:
  // Adds quantity × price. quantity >= 0.
  void add(std::int64_t quantity, Price price);
  // The sum rounded up to the nano-dollar; Money::max() if it does not fit (a bound that cannot be held refuses).
  Money ceil() const;

 private:
  unsigned __int128 attos_ = 0;
};

}  // namespace base
