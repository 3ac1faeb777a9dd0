#include <fmt/format.h>

#include "meter/bill.h"

namespace meter {

std::string BillLine::price_key() const {
  return tier == 0 ? key.text() : fmt::format("tiered_pricing[{}].{}", tier - 1, key.text());
}

std::optional<std::string> BillLine::exact_usd(std::span<const Factor> factors) const {
  constexpr int yocto_digits = 24;
  constexpr std::int64_t tenths_of_a_half = 5;  // one digit more, and half a price needs no fraction
  unsigned __int128 product = price.yoctos();
  bool overflow = false;
  const auto multiply = [&](std::int64_t by) {
    overflow = __builtin_mul_overflow(product, static_cast<unsigned __int128>(by), &product) || overflow;
  };
  multiply(quantity);
  multiply(halves * tenths_of_a_half);
  int digits = yocto_digits + 1;
  for (std::int64_t left = parts; left > 1; left /= 10) ++digits;  // parts are 1, 1000 or a million
  for (const Factor& factor : multiplied ? factors : std::span<const Factor>()) {
    multiply(factor.thousandths);
    digits += 3;
  }
  if (overflow) return std::nullopt;
  std::string text = fmt::format("{:0{}}", product, digits + 1);
  text.insert(text.size() - static_cast<std::size_t>(digits), ".");
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

}  // namespace meter
