#include "catalog/limit.h"

#include <fmt/format.h>

#include <charconv>

#include "base/money.h"

namespace catalog {
namespace {

std::string_view without_spaces_around(std::string_view text) {
  const std::size_t first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

base::Result<std::int64_t> parse_count(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (problem == std::errc::result_out_of_range)
    return base::invalid(fmt::format("'{}' is too large; at most 9223372036854775807", text.substr(0, 64)), "amount");
  if (problem != std::errc{} || end != text.data() + text.size())
    return base::invalid(fmt::format("'{}' is not a whole number", text.substr(0, 64)), "amount");
  return count;
}

}  // namespace

std::string_view to_string(LimitMode mode) noexcept { return mode == LimitMode::shadow ? "shadow" : "enforce"; }

std::string_view to_string(LimitAdmission admission) noexcept {
  return admission == LimitAdmission::lazy ? "lazy" : "reserve";
}

std::string amount_text(LimitUnit unit, std::int64_t amount) {
  return unit == LimitUnit::usd ? base::Money::from_nanos(amount).to_usd() : fmt::to_string(amount);
}

base::Result<std::int64_t> parse_amount(LimitUnit unit, std::string_view text) {
  std::int64_t amount = 0;
  if (unit == LimitUnit::usd) {
    auto money = base::Money::parse_usd(text);
    if (!money) return base::invalid(std::move(money).error().message, "amount");
    amount = money->nanos();
  } else {
    TRY(amount, parse_count(text));
  }
  if (amount < 0) return base::invalid(fmt::format("'{}' is negative; a limit is zero or more", text), "amount");
  return amount;
}

base::Result<LimitText> parse_limit_text(std::string_view text) {
  const auto malformed = [&] {
    return base::invalid(
        fmt::format("'{}' is not a limit; write an amount, a unit and a window, such as \"10 usd/day\" or "
                    "\"100000 tokens/month\"",
                    text.substr(0, 64)));
  };
  const std::string_view whole = without_spaces_around(text);
  const std::size_t space = whole.find(' ');
  if (space == std::string_view::npos) return malformed();
  const std::string_view rest = whole.substr(space + 1);

  // "usd/day", or the way default_name says it: "usd per day", "usd in total".
  std::string_view separator = "/";
  for (const std::string_view word : {" per ", " in "})
    if (rest.find(separator) == std::string_view::npos) separator = word;
  const std::size_t at = rest.find(separator);
  if (at == std::string_view::npos) return malformed();

  LimitText limit;
  TRY(limit.unit, unit_from(without_spaces_around(rest.substr(0, at))));
  const std::string_view window_text = without_spaces_around(rest.substr(at + separator.size()));
  TRY(limit.window, base::parse_window(window_text));
  TRY(limit.amount, parse_amount(limit.unit, whole.substr(0, space)));
  return limit;
}

std::string in_words(const base::WindowPolicy& window) {
  return (window.kind == base::WindowPolicy::Kind::total ? "in " : "per ") + base::to_string(window);
}

std::string default_name(const Unit& unit, const base::WindowPolicy& window, std::int64_t amount) {
  return fmt::format("{} {} {}", amount_text(unit, amount), to_string(unit), in_words(window));
}

std::string default_name(const Limit& limit) {
  std::string name = default_name(limit.unit, limit.window, limit.amount);
  if (!limit.filter.model.empty()) name += ", model " + limit.filter.model;
  if (!limit.filter.route.empty()) name += ", route " + limit.filter.route;
  if (!limit.filter.tag.empty()) name += ", tag " + limit.filter.tag;
  return name;
}

}  // namespace catalog
