#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/window.h"
#include "catalog/limit_filter.h"
#include "catalog/threshold.h"
#include "catalog/unit.h"

namespace catalog {

// Whether an exchange whose worst case does not fit may have its output cap lowered to what fits.
enum class Clamp : std::uint8_t { on, off };
// A limit in shadow counts what the exchanges cost and refuses none: to see what it would do before it does it.
enum class LimitMode : std::uint8_t { enforce, shadow };
// `reserve`: an exchange leaves only with its worst case held, so the limit is never exceeded. `lazy`: it leaves while
// less than the amount is spent, and is counted when its cost is known; all that are on their way may then take the
// limit above its amount.
enum class LimitAdmission : std::uint8_t { reserve, lazy };

// More for a time: up to `until`, and not at it, the amount is this one where it is the larger.
struct Raise {
  std::int64_t amount = 0;  // in the limit's unit
  base::WallTime until;
  bool operator==(const Raise&) const = default;
};

using LimitSubject = std::variant<base::AccountId, base::KeyId>;

// A rule on an account or key: at most `amount` of `unit` per `window`. A hard limit is never exceeded (design.md §2).
// Subject, unit, window and filter are what the limit is: counters are kept by them, so they never change.
struct Limit {
  base::LimitId id;
  LimitSubject subject;
  std::string name;  // "10 usd per day" unless told
  Unit unit = LimitUnit::usd;
  base::WindowPolicy window = {};
  std::int64_t amount = 0;   // nano-dollars, tokens, requests or weights; >= 0
  int refusal_status = 402;  // 402 (SDKs do not retry) or 429
  Clamp clamp = Clamp::on;
  LimitFilter filter = {};
  LimitMode mode = LimitMode::enforce;
  LimitAdmission admission = LimitAdmission::reserve;
  std::optional<Raise> raise = std::nullopt;  // may lie in the past: then it does nothing
  Thresholds thresholds = {};
  base::WallTime created;
  // The template that it is a copy of (limit_template.h): it is changed there, but for a raise.
  std::optional<base::LimitId> from_template = std::nullopt;

  // What may be spent in a window, as of that moment.
  std::int64_t amount_at(base::WallTime now) const {
    return raise && now < raise->until ? std::max(amount, raise->amount) : amount;
  }

  // Hard: what it may spend is leased and reserved before it is spent. The others are counted at settle, never leased,
  // and stand outside "never over" (money-rules.md, "Edits").
  bool leased() const { return mode == LimitMode::enforce && admission == LimitAdmission::reserve; }
  bool operator==(const Limit&) const = default;
};

std::string_view to_string(LimitMode mode) noexcept;
std::string_view to_string(LimitAdmission admission) noexcept;
// The amount as a person writes it: dollars for usd ("0.25"), a whole number otherwise.
std::string amount_text(LimitUnit unit, std::int64_t amount);
base::Result<std::int64_t> parse_amount(LimitUnit unit, std::string_view text);
// "10 usd/day", "100000 tokens/month", "100 requests/rolling:5h", "10 usd in total": a limit in one line, its window in
// UTC.
struct LimitText {
  Unit unit = LimitUnit::usd;
  base::WindowPolicy window = {};
  std::int64_t amount = 0;
};
base::Result<LimitText> parse_limit_text(std::string_view text);
// "per day", "per rolling:5h", "in total".
std::string in_words(const base::WindowPolicy& window);
std::string default_name(const Unit& unit, const base::WindowPolicy& window, std::int64_t amount);
// The same, and what it applies to: "10 usd per day, model gpt-4o*, route openai".
std::string default_name(const Limit& limit);

}  // namespace catalog
