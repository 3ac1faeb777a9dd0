#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <string>

#include "events/usage_record.h"
#include "tests/support/seeded_random.h"

namespace tests {

// Usage records in which every field takes each of its shapes now and then, the largest numbers included.
class RandomUsage {
 public:
  static constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
  static constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();

  explicit RandomUsage(std::uint64_t seed = 7) : random_(seed) {}

  events::UsageRecord record() {
    events::UsageRecord record;
    record.id = id<base::ExchangeId>();
    record.started = {number()};
    record.duration_us = number();
    record.first_byte_us = number();
    record.account =
        random_.between(0, 3) == 0 ? base::AccountId{} : accounts_[static_cast<std::size_t>(random_.between(0, 2))];
    record.key = random_.between(0, 3) == 0 ? base::KeyId{} : id<base::KeyId>();
    for (std::string* text :
         {&record.route, &record.upstream, &record.model, &record.served_model, &record.price_version})
      *text = this->text();
    if (random_.between(0, 2) == 0) record.tags = this->text();
    record.stream = random_.between(0, 1) == 1;
    record.outcome = static_cast<events::Outcome>(random_.between(0, 6));
    record.status = static_cast<int>(random_.between(-1, 599));
    if (random_.between(0, 1) == 1)
      record.error = static_cast<base::ErrorType>(random_.between(0, static_cast<int>(base::last_error_type)));
    if (random_.between(0, 1) == 1)
      record.fault = static_cast<base::Source>(random_.between(0, static_cast<int>(base::Source::store)));
    if (random_.between(0, 3) > 0) record.usage = usage();
    record.estimate = base::Money::from_nanos(number());
    record.cost = base::Money::from_nanos(number());
    const std::int64_t holds = random_.between(0, 9) == 0 ? 40 : random_.between(0, 3);
    for (std::int64_t i = 0; i < holds; ++i)
      record.holds.push_back({id<base::LimitId>(),
                              {number()},
                              number(),
                              number(),
                              number(),
                              random_.between(0, 3) == 0 ? std::optional(base::WindowLabel{number()}) : std::nullopt});
    for (std::int64_t left = random_.between(-3, 3); left > 0; --left)
      record.attempts.push_back({.upstream = text().substr(0, 64),
                                 .status = static_cast<int>(random_.between(0, 599)),
                                 .error = static_cast<base::ErrorType>(random_.between(0, 3)),
                                 .fault = static_cast<base::Source>(random_.between(0, 3)),
                                 .duration_us = number()});
    return record;
  }

  template <class Id>
  Id id() {
    return Id::create({1'795'219'200'000}, random_);
  }
  std::int64_t number() {
    switch (random_.between(0, 5)) {
      case 0: return 0;
      case 1: return least;
      case 2: return most;
      case 3: return random_.between(-200, 200);
      default: return random_.between(0, 4'000'000'000'000);
    }
  }
  std::string text() {
    if (random_.between(0, 2) == 0) return "gpt-4o-mini";
    std::string text(static_cast<std::size_t>(random_.between(0, 200)), '\0');
    random_.fill(std::as_writable_bytes(std::span(text)));
    return text;
  }

 private:
  meter::Usage usage() {
    meter::Usage usage;
    for (const auto& [name, count] : meter::usage_counts)
      if (random_.between(0, 1) == 1) usage.*count = number();
    if (random_.between(0, 1) == 1) usage.provider_cost = base::Money::from_nanos(number());
    if (random_.between(0, 1) == 1) usage.certainty = meter::Certainty::at_least;
    return usage;
  }

  SeededRandom random_;
  std::array<base::AccountId, 3> accounts_{id<base::AccountId>(), id<base::AccountId>(), id<base::AccountId>()};
};

}  // namespace tests
