// A limit comes into force while exchanges are under way, as the gateway and its program do it
// (src/gateway/exchange.cpp, Exchange::take_on; src/app/program.cpp, Program::prepare).
#include "tests/sim/process.h"

namespace sim {
namespace {

quota::Reservation::Part part_of(const catalog::Limit& limit, const std::shared_ptr<quota::Lease>& lease,
                                 const quota::Amounts& bound, base::WallTime stamp) {
  const std::int64_t amount = limit.leased() ? bound.in(limit.unit) : 0;
  return {lease, limit.unit, amount, lease->sub_window(stamp)};
}

}  // namespace

base::Result<std::shared_ptr<quota::Lease>> Process::begin_opening(const catalog::Limit& limit) {
  waiting_for_it_ = true;
  return keeper_->begin_opening(limit);
}

base::Status Process::open_limit(base::LimitId limit, const std::function<base::Status(base::WallTime now)>& open) {
  waiting_for_it_ = true;
  return keeper_->open_limits(std::span(&limit, 1), open);
}

void Process::abandon_opening(base::LimitId limit) {
  waiting_for_it_ = abandoning_ = true;
  keeper_->abandon_opening(limit);
  abandoning_ = false;
}

base::Status Process::take_on(std::size_t worker, const SeenLimit& limit, const std::shared_ptr<quota::Lease>& lease,
                              View next) {
  publish(worker, std::move(next));
  const auto& span = lease->span();
  const auto taking_of = [&](const quota::Reservation::Part& part) {
    return Taking{.place = place_of(lease->counter()),
                  .span = {.start = span.start.ms, .end = span.end.ms},
                  .amount = Money::from_nanos(part.amount),
                  .epoch = lease->epoch()};
  };
  for (Exchange& exchange : under_way_) {
    quota::Reservation& reservation = *exchange.reservation;
    const base::WallTime stamp = reservation.record().started;
    if (exchange.worker != worker || !limit.applies_to(exchange.number) || !span.contains(stamp)) continue;
    if (!limit.counts_at(exchange.view->home)) continue;
    const std::size_t parts = reservation.parts().size();
    const quota::Reservation::Part part = part_of(limit.limit, lease, exchange.bound, stamp);
    TRY_STATUS(reservation.take_on(part));
    if (reservation.parts().size() == parts) continue;
    ++around_.figures.taken_on;
    around_.trace.say("  exchange {} takes on {} of limit {}", exchange.number, part.amount, limit.number);
    around_.auditor.took_on(exchange.number, taking_of(part));
  }
  for (auto& [number, waiting] : waiting_) {
    if (waiting.worker != worker || !limit.applies_to(number) || !limit.counts_at(waiting.home)) continue;
    quota::Reservation::Part part = part_of(limit.limit, lease, waiting.bound, {waiting.asked_at_ms});
    around_.trace.say("  exchange {} is to hold {} of limit {}", number, part.amount, limit.number);
    around_.auditor.is_to_take_on(number, around_.node, taking_of(part));
    waiting.taken_on.emplace_back(std::move(part));
  }
  return {};
}

// The keeper's word reaches the worker.
base::Status Process::join_taken_on(const Exchange& exchange, quota::Decision& decision) {
  const auto waiting = waiting_.extract(exchange.number);
  auto* const reservation = std::get_if<quota::Reservation>(&decision);
  base::Status status;
  std::vector<Place> places;
  if (reservation != nullptr) {
    for (quota::Reservation::TakenOn& one : waiting.mapped().taken_on) {
      status = reservation->join(std::move(one));
      if (!status) break;
    }
    for (const quota::Reservation::Part& part : reservation->parts())
      if (!part.of_balance) places.push_back(place_of(part.lease->counter()));
  }
  around_.auditor.joined(exchange.number, places, reservation != nullptr && status);
  return status;
}

}  // namespace sim
