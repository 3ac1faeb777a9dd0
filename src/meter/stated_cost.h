#pragma once
// The cost that a provider states in its reply, exactly: from the number's text, never through a double.

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/money.h"

namespace meter {

// A JSON number or a decimal text without exponent and needless zeros: "7.1e-05" is "0.000071". `shift` moves the point
// to the left (xAI writes ticks of 1e-10 dollars: 10). nullopt: not a number, negative, or beyond 60 digits.
std::optional<std::string> plain_decimal(std::string_view number, int shift = 0);

// Dollars as Money, rounded up to the nano-dollar: what a provider bills is never booked as less. `decimal` is one of
// plain_decimal. nullopt: more than Money holds.
std::optional<base::Money> money_above(std::string_view decimal);

// The cost in a usage object, in dollars: "cost" of OpenRouter, "cost.total_cost" of Perplexity,
// "cost_in_usd_ticks" of xAI. nullopt: it states none.
std::optional<std::string> stated_cost(const base::Json& usage);

}  // namespace meter
