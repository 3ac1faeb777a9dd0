#include "telemetry/delivery.h"

#include <algorithm>
#include <charconv>

namespace telemetry {
namespace {

constexpr std::int64_t first_wait_ms = 1'000;
constexpr std::int64_t longest_wait_ms = 30'000;
constexpr std::int64_t longest_asked_wait_s = 300;

bool is_worth_another(int status) {
  return status == 0 || status == 429 || status == 502 || status == 503 || status == 504;
}

// Whole seconds; a date says nothing that a backoff does not say as well.
std::optional<std::int64_t> seconds_in(std::string_view text) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds < 0) return std::nullopt;
  return seconds;
}

// Between a half and the whole of what it would be without chance.
std::int64_t backoff_ms(int tries, base::Random& random) {
  const std::int64_t whole = std::min(first_wait_ms << (tries - 1), longest_wait_ms);
  std::uint32_t drawn = 0;
  random.fill(std::as_writable_bytes(std::span(&drawn, 1)));
  return whole / 2 + static_cast<std::int64_t>(drawn % static_cast<std::uint32_t>(whole / 2 + 1));
}

}  // namespace

Verdict judge(const ExportAnswer& answer, int tries, base::Random& random) {
  if (answer.status >= 200 && answer.status < 300) return {Verdict::Kind::delivered};
  if (!is_worth_another(answer.status)) return {Verdict::Kind::refused};
  if (tries >= export_tries_max) return {Verdict::Kind::given_up};
  const auto asked = answer.retry_after ? seconds_in(*answer.retry_after) : std::nullopt;
  if (asked) return {Verdict::Kind::again, std::min(*asked, longest_asked_wait_s) * 1'000};
  return {Verdict::Kind::again, backoff_ms(tries, random)};
}

}  // namespace telemetry
