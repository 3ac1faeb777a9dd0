#include "gateway/worker.h"

#include <fmt/format.h>

#include <algorithm>

#include "gateway/exchange.h"

namespace gateway {

base::Result<std::unique_ptr<Worker>> Worker::create(const Parts& parts) {
  std::unique_ptr<Worker> worker(new Worker(parts));
  TRY(worker->upstreams_, Upstreams::create(parts.loop, parts.settings, parts.random, worker->stats_));
  return worker;
}

Worker::Worker(const Parts& parts)
    : loop_(parts.loop),
      settings_(parts.settings),
      keeper_(parts.keeper),
      idempotency_(parts.idempotency),
      deferred_(parts.deferred),
      admission_(parts.keeper, parts.scribe),
      random_(parts.random),
      key_digests_(parts.random),
      snapshot_(parts.snapshot),
      tracer_(parts.tracer) {}

net::Task<void> Worker::serve(net::Incoming& incoming) { return Exchange::serve(*this, incoming); }

base::Status Worker::take_on(std::span<const quota::OpeningLimit> limits,
                             const std::shared_ptr<const catalog::Snapshot>& next) {
  use(next);
  for (UnderWay& one : under_way_) {
    const base::Status taken_on = static_cast<Exchange&>(one).take_on(limits, next);
    if (!taken_on)
      return base::fail(base::ErrorType::unavailable,
                        fmt::format("a call that is under way cannot count on the limit yet: {}; create it once more",
                                    taken_on.error().message));
  }
  return {};
}

std::string Worker::refuse(const base::Error& error) {
  stats_.failures[static_cast<std::size_t>(error.type)].add();
  stats_.faults[static_cast<std::size_t>(base::Source::client)].add();
  const auto id = base::ExchangeId::create(stamp(), random_);
  return error_reply(Failure(error), id.to_string(), false);
}

std::unique_ptr<events::UsageRecord> Worker::new_record() {
  if (spare_records_.empty()) keeper_.take_spares(spare_records_);
  if (spare_records_.empty()) return std::make_unique<events::UsageRecord>();
  auto record = std::move(spare_records_.back());
  spare_records_.pop_back();
  return record;
}

base::WallTime Worker::stamp() { return last_stamp_ = std::max(last_stamp_, loop_.clock().wall_now()); }

}  // namespace gateway
