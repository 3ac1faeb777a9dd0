#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/window.h"

namespace catalog {

enum class LimitUnit : std::uint8_t {
  usd,
  tokens,  // input and output together
  requests,
  input_tokens,
  output_tokens,
};
// Whether an exchange whose worst case does not fit may have its output cap lowered to what fits.
enum class Clamp : std::uint8_t { on, off };

using LimitSubject = std::variant<base::AccountId, base::KeyId>;

// A rule on an account or key: at most `amount` of `unit` per `window`. A hard limit is never exceeded (design.md §2).
// Subject, unit and window are what the limit is: counters are kept by them, so they never change.
struct Limit {
  base::LimitId id;
  LimitSubject subject;
  std::string name;  // "10 usd per day" unless told
  LimitUnit unit = LimitUnit::usd;
  base::WindowPolicy window = {};
  std::int64_t amount = 0;   // nano-dollars, tokens or requests; >= 0
  int refusal_status = 402;  // 402 (SDKs do not retry) or 429
  Clamp clamp = Clamp::on;
  base::WallTime created;

  bool operator==(const Limit&) const = default;
};

std::string_view to_string(LimitUnit unit) noexcept;
base::Result<LimitUnit> limit_unit_from(std::string_view text);
// The amount as a person writes it: dollars for usd ("0.25"), a whole number otherwise.
std::string amount_text(LimitUnit unit, std::int64_t amount);
base::Result<std::int64_t> parse_amount(LimitUnit unit, std::string_view text);
// "10 usd/day", "100000 tokens/month", "100 requests/rolling:5h", "10 usd in total": a limit in one line, its window in
// UTC.
struct LimitText {
  LimitUnit unit = LimitUnit::usd;
  base::WindowPolicy window = {};
  std::int64_t amount = 0;
};
base::Result<LimitText> parse_limit_text(std::string_view text);
// "per day", "per rolling:5h", "in total".
std::string in_words(const base::WindowPolicy& window);
std::string default_name(LimitUnit unit, const base::WindowPolicy& window, std::int64_t amount);

}  // namespace catalog
