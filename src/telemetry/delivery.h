#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/random.h"

namespace telemetry {

// What a collector answered to an export.
struct ExportAnswer {
  int status = 0;  // 0: it did not, or not in time
  std::optional<std::string_view> retry_after = std::nullopt;
};

// What becomes of the batch then.
struct Verdict {
  enum class Kind : std::uint8_t { delivered, again, refused, given_up } kind = Kind::delivered;
  std::int64_t wait_ms = 0;  // before it is sent again
  bool operator==(const Verdict&) const = default;
};

// As OTLP over HTTP wants it (opentelemetry-proto, docs/specification.md, "OTLP/HTTP Response"): 429, 502, 503, 504 and
// no answer are worth another try, after Retry-After or else a time that doubles and has chance in it; nothing else is.
// `tries`: how often the batch was sent, this time included.
Verdict judge(const ExportAnswer& answer, int tries, base::Random& random);

inline constexpr int export_tries_max = 8;  // over about a minute and a half

}  // namespace telemetry
