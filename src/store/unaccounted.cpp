#include "store/unaccounted.h"

#include <fmt/format.h>

#include "base/assert.h"
#include "base/digest_random.h"

namespace store {
events::UsageRecord unaccounted_record(const Unaccounted& row, base::WallTime now) {
  ASSERT(row.incarnation > 0);
  ASSERT(row.remainder > 0);
  base::DigestRandom random(base::sha256(fmt::format("{} {} {} {} {}", row.node.to_string(), row.incarnation, row.epoch,
                                                     row.counter.limit.to_string(), row.counter.label.ms)));
  events::UsageRecord record;
  record.id = base::ExchangeId::create(now, random);
  record.started = now;
  record.account = row.account;
  record.key = row.key;
  record.outcome = events::Outcome::unaccounted;
  record.holds = {{.limit = row.counter.limit,
                   .label = row.counter.label,
                   .reserved = row.remainder,
                   .unresolved = row.remainder,
                   .lease_epoch = row.epoch}};
  return record;
}

}  // namespace store
