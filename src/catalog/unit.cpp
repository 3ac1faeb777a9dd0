#include "catalog/unit.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace catalog {
namespace {

constexpr std::size_t name_length_max = 64;

std::optional<LimitUnit> built_in(std::string_view text) {
  if (text == "usd") return LimitUnit::usd;
  if (text == "tokens" || text == "token") return LimitUnit::tokens;
  if (text == "requests" || text == "request") return LimitUnit::requests;
  if (text == "input_tokens" || text == "input_token") return LimitUnit::input_tokens;
  if (text == "output_tokens" || text == "output_token") return LimitUnit::output_tokens;
  return std::nullopt;
}

}  // namespace

bool is_unit_name(std::string_view text) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  return !text.empty() && text.size() <= name_length_max && text.front() >= 'a' && text.front() <= 'z' &&
         std::ranges::all_of(text, fits) && !built_in(text);
}

std::string_view to_string(const Unit& unit) noexcept {
  switch (unit) {
    case LimitUnit::usd: return "usd";
    case LimitUnit::tokens: return "tokens";
    case LimitUnit::requests: return "requests";
    case LimitUnit::input_tokens: return "input_tokens";
    case LimitUnit::output_tokens: return "output_tokens";
    case LimitUnit::named: return unit.name();
  }
  return "usd";
}

base::Result<Unit> unit_from(std::string_view text) {
  if (const auto unit = built_in(text)) return *unit;
  if (is_unit_name(text)) return Unit::named(std::string(text));
  return base::invalid(fmt::format("'{}' is not a unit; units are usd, tokens, input_tokens, output_tokens, requests, "
                                   "and names of small letters, digits and '_' that a route gives a weight",
                                   text.substr(0, 64)),
                       "unit");
}

}  // namespace catalog
