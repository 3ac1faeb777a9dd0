#include "base/money.h"

#include <array>
#include <charconv>

#include <fmt/format.h>

#include "base/assert.h"

namespace base {
namespace {

struct Decimal {  // mantissa × 10^exponent
  bool negative = false;
  unsigned __int128 mantissa = 0;
  int exponent = 0;
};

constexpr unsigned __int128 mantissa_max = static_cast<unsigned __int128>(-1) / 100;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// JSON's number grammar, plus leading zeros; digits beyond what 128 bits hold are refused, not dropped.
Result<Decimal> read_decimal(std::string_view text) {
  const auto bad = [&](std::string_view why) {
    return invalid(fmt::format("'{}' is not an amount: {}", text.substr(0, 64), why));
  };
  Decimal out;
  std::size_t at = 0;
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) out.negative = text[at++] == '-';
  std::size_t digits = 0;
  bool fraction = false;
  for (; at < text.size() && (is_digit(text[at]) || (text[at] == '.' && !fraction)); ++at) {
    if (text[at] == '.') {
      fraction = true;
      continue;
    }
    if (out.mantissa > mantissa_max) return bad("it has too many digits");
    out.mantissa = out.mantissa * 10 + static_cast<unsigned>(text[at] - '0');
    if (fraction) --out.exponent;
    ++digits;
  }
  if (digits == 0) return bad("write a decimal number of dollars such as 10 or 0.25");
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    bool minus = false;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) minus = text[at++] == '-';
    int exponent = 0;
    const std::size_t start = at;
    for (; at < text.size() && is_digit(text[at]) && exponent < 1000; ++at) exponent = exponent * 10 + (text[at] - '0');
    if (at == start) return bad("the exponent has no digits");
    out.exponent += minus ? -exponent : exponent;
  }
  if (at != text.size()) return bad("write a decimal number of dollars such as 10 or 0.25");
  return out;
}

// The decimal times 10^digits divided by `divisor` as an exact integer of at most `largest`; an error if it is none.
Result<unsigned __int128> scaled_wide(std::string_view text, const Decimal& decimal, int digits, std::int64_t divisor,
                                      unsigned __int128 largest) {
  unsigned __int128 value = decimal.mantissa;
  int exponent = decimal.exponent + digits;
  if (value == 0) return value;
  for (; exponent > 0; --exponent) {
    if (value > mantissa_max) return invalid(fmt::format("'{}' is too large an amount", text.substr(0, 64)));
    value *= 10;
  }
  unsigned __int128 below = static_cast<unsigned __int128>(divisor);
  for (; exponent < 0; ++exponent) {
    if (value % 10 == 0) {
      value /= 10;
    } else if (below > mantissa_max) {
      return invalid(fmt::format("'{}' is finer than can be kept exactly", text.substr(0, 64)));
    } else {
      below *= 10;
    }
  }
  if (value % below != 0) return invalid(fmt::format("'{}' is finer than can be kept exactly", text.substr(0, 64)));
  value /= below;
  if (value > largest) return invalid(fmt::format("'{}' is too large an amount", text.substr(0, 64)));
  return value;
}

Result<std::int64_t> scaled(std::string_view text, const Decimal& decimal, int digits, std::int64_t divisor) {
  TRY(const unsigned __int128 value, scaled_wide(text, decimal, digits, divisor, INT64_MAX));
  return static_cast<std::int64_t>(value);
}

}  // namespace

Result<Money> Money::parse_usd(std::string_view text) {
  TRY(const Decimal decimal, read_decimal(text));
  TRY(const std::int64_t nanos, scaled(text, decimal, 9, 1));
  return Money(decimal.negative ? -nanos : nanos);
}

UsdText Money::usd_text() const {
  UsdText text;
  char* at = text.chars_;
  char* const end = at + UsdText::chars_max;
  if (nanos_ < 0) *at++ = '-';
  // Through unsigned arithmetic, so that INT64_MIN has a magnitude too.
  const auto magnitude = nanos_ < 0 ? 0 - static_cast<std::uint64_t>(nanos_) : static_cast<std::uint64_t>(nanos_);
  at = std::to_chars(at, end, magnitude / nanos_per_usd).ptr;
  if (const std::uint64_t fraction = magnitude % nanos_per_usd; fraction != 0) {
    char* const point = at;
    at = std::to_chars(at, end, nanos_per_usd + fraction).ptr;  // a one where the point belongs, and all nine digits
    *point = '.';
    while (at[-1] == '0') --at;
  }
  text.size_ = static_cast<std::size_t>(at - text.chars_);
  return text;
}

Money operator+(Money a, Money b) {
  std::int64_t sum = 0;
  const bool overflow = __builtin_add_overflow(a.nanos_, b.nanos_, &sum);
  ASSERT(!overflow);
  return Money(sum);
}

Money operator-(Money a, Money b) {
  std::int64_t difference = 0;
  const bool overflow = __builtin_sub_overflow(a.nanos_, b.nanos_, &difference);
  ASSERT(!overflow);
  return Money(difference);
}

Result<Price> Price::parse_usd(std::string_view text, std::int64_t per) {
  ASSERT(per > 0);
  TRY(const Decimal decimal, read_decimal(text));
  if (decimal.negative && decimal.mantissa != 0) return invalid(fmt::format("'{}' is a negative price", text));
  TRY(const std::int64_t attos, scaled(text, decimal, 18, per));
  return Price(attos);
}

Result<FinePrice> FinePrice::parse_usd(std::string_view text) {
  constexpr int digits = 24;
  constexpr unsigned __int128 a_billion_usd =
      static_cast<unsigned __int128>(yoctos_per_nano) * Money::nanos_per_usd * 1'000'000'000;
  TRY(const Decimal decimal, read_decimal(text));
  if (decimal.negative && decimal.mantissa != 0) return invalid(fmt::format("'{}' is a negative price", text));
  TRY(const unsigned __int128 yoctos, scaled_wide(text, decimal, digits, 1, a_billion_usd));
  return FinePrice(yoctos);
}

std::string FinePrice::to_usd() const {
  constexpr std::size_t digits = 24;
  std::string text = fmt::format("{:025}", yoctos_);
  text.insert(text.size() - digits, ".");
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

void CostSum::add(std::int64_t quantity, Price price) {
  ASSERT(quantity >= 0);
  ASSERT(price.attos() >= 0);
  attos_ += static_cast<unsigned __int128>(quantity) * static_cast<unsigned __int128>(price.attos());
}

Money CostSum::ceil() const {
  const unsigned __int128 nanos = (attos_ + (Price::attos_per_nano - 1)) / Price::attos_per_nano;
  if (nanos > static_cast<unsigned __int128>(INT64_MAX)) return Money::max();
  return Money::from_nanos(static_cast<std::int64_t>(nanos));
}

}  // namespace base
