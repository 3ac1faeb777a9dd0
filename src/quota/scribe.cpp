#include "quota/scribe.h"

#include <utility>

namespace quota {

namespace {

// Its texts are the record's.
journal::ReserveRecord entry_of(const events::UsageRecord& record, const Reservation::Parts& parts) {
  journal::ReserveRecord reserve{.exchange = record.id,
                                 .stamp = record.started,
                                 .account = record.account,
                                 .key = record.key,
                                 .route = record.route,
                                 .upstream = record.upstream,
                                 .model = record.model,
                                 .price_version = record.price_version,
                                 .tags = record.tags,
                                 .stream = record.stream,
                                 .estimate = record.estimate,
                                 .holds = {}};
  for (const Reservation::Part& part : parts)
    reserve.holds.push_back({.limit = part.lease->counter().limit,
                             .label = part.lease->counter().label,
                             .lease_epoch = part.lease->epoch(),
                             .amount = part.amount});
  return reserve;
}

}  // namespace

base::Result<journal::OpenRecord> Scribe::reserve(const events::UsageRecord& record, const Reservation::Parts& parts) {
  const journal::ReserveRecord reserve = entry_of(record, parts);
  return writer_.reserve(journal::encode(reserve, buffer_), journal::settle_bytes_max(reserve));
}

base::Status Scribe::extend(journal::OpenRecord& open, const events::UsageRecord& record,
                            const Reservation::Parts& parts) {
  const journal::ReserveRecord reserve = entry_of(record, parts);
  return writer_.extend(open, journal::encode(reserve, buffer_), journal::settle_bytes_max(reserve));
}

JournalMark Scribe::settle(journal::OpenRecord open, events::UsageRecord& record) {
  record.served_model.resize(journal::cut_served_model(record.served_model).size());
  const auto payload = journal::encode_settle(record, buffer_);
  return {.worker = worker_, .settled = writer_.settle(std::move(open), payload)};
}

}  // namespace quota
