#include "store/unaccounted.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "base/sha256.h"

namespace store {
namespace {

// Randomness that is a function of what it stands for.
class DigestRandom final : public base::Random {
 public:
  explicit DigestRandom(const base::Sha256& digest) : digest_(digest) {}
  void fill(std::span<std::byte> out) override {
    ASSERT(out.size() <= digest_.size());
    std::ranges::copy(std::as_bytes(std::span(digest_)).first(out.size()), out.begin());
  }

 private:
  const base::Sha256 digest_;
};

}  // namespace

events::UsageRecord unaccounted_record(const Unaccounted& row, base::WallTime now) {
  ASSERT(row.incarnation > 0);
  ASSERT(row.remainder > 0);
  DigestRandom random(
      base::sha256(fmt::format("{} {} {}", row.incarnation, row.counter.limit.to_string(), row.counter.label.ms)));
  events::UsageRecord record;
  record.id = base::ExchangeId::create(now, random);
  record.started = now;
  record.account = row.account;
  record.key = row.key;
  record.outcome = events::Outcome::unaccounted;
  record.holds = {{.limit = row.counter.limit,
                   .label = row.counter.label,
                   .reserved = row.remainder,
                   .spent = 0,
                   .unresolved = row.remainder}};
  return record;
}

}  // namespace store
