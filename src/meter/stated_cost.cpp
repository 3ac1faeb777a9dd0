#include "meter/stated_cost.h"

#include <algorithm>
#include <charconv>

namespace meter {
namespace {

constexpr std::size_t digits_max = 60;
constexpr std::size_t decimals_of_nanos = 9;
constexpr int ticks_decimals = 10;

bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

}  // namespace

std::optional<std::string> plain_decimal(std::string_view number, int shift) {
  std::string digits;
  int decimals = shift;
  std::size_t at = 0;
  bool point = false;
  for (; at < number.size() && (is_digit(number[at]) || (number[at] == '.' && !point)); ++at) {
    if (number[at] == '.') {
      point = true;
      continue;
    }
    digits += number[at];
    if (point) ++decimals;
  }
  if (digits.empty() || digits.size() > digits_max) return std::nullopt;
  if (at < number.size()) {
    if ((number[at] | 0x20) != 'e') return std::nullopt;
    std::string_view text = number.substr(at + 1);
    if (text.starts_with('+')) text.remove_prefix(1);
    int exponent = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), exponent);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    if (exponent > static_cast<int>(digits_max) || exponent < -static_cast<int>(digits_max)) return std::nullopt;
    decimals -= exponent;
  }
  if (decimals < 0) digits.append(static_cast<std::size_t>(-decimals), '0');
  const auto places = static_cast<std::size_t>(std::max(decimals, 0));
  if (digits.size() <= places) digits.insert(0, places + 1 - digits.size(), '0');
  std::string whole = digits.substr(0, digits.size() - places);
  whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size() - 1));
  std::string fraction = digits.substr(digits.size() - places);
  fraction.erase(fraction.find_last_not_of('0') + 1);
  return fraction.empty() ? whole : whole + "." + fraction;
}

std::optional<base::Money> money_above(std::string_view decimal) {
  const std::size_t point = std::min(decimal.find('.'), decimal.size());
  std::string nanos(decimal.substr(0, point));
  std::string_view fraction = decimal.substr(std::min(point + 1, decimal.size()));
  nanos += fraction.substr(0, decimals_of_nanos);
  nanos.append(decimals_of_nanos - std::min(fraction.size(), decimals_of_nanos), '0');
  const bool beyond = fraction.find_first_not_of('0', decimals_of_nanos) != std::string_view::npos;
  std::int64_t amount = 0;
  const auto [end, error] = std::from_chars(nanos.data(), nanos.data() + nanos.size(), amount);
  if (error != std::errc() || end != nanos.data() + nanos.size() || amount == INT64_MAX) return std::nullopt;
  return base::Money::from_nanos(amount + (beyond ? 1 : 0));
}

std::optional<std::string> stated_cost(const base::Json& usage) {
  if (const base::Json* ticks = usage.find("cost_in_usd_ticks"); ticks != nullptr)
    return plain_decimal(ticks->text(), ticks_decimals);
  const base::Json* cost = usage.find("cost");
  if (cost != nullptr && cost->is_object()) cost = cost->find("total_cost");
  return cost == nullptr ? std::nullopt : plain_decimal(cost->text());
}

}  // namespace meter
