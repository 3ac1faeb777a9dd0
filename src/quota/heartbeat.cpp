// The keeper where leases hold for a time only: signs of life, epochs, and what other nodes want back.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "quota/keeper.h"

namespace quota {
namespace {

constexpr std::int64_t beats_per_ttl = 3;

}  // namespace

std::int64_t Keeper::next_beat_in_ms(base::Instant now) const {
  if (beat_wanted_ || !last_beat_) return 0;
  return std::max<std::int64_t>(0, *ttl_ms_ / beats_per_ttl - base::ns_between(*last_beat_, now) / 1'000'000);
}

// Two nodes that miss what the other has would else take it from each other as fast as they can.
std::int64_t Keeper::next_recall_in_ms(base::Instant now) const {
  return std::max<std::int64_t>(0, options_.recall_every_ms - base::ns_between(last_recall_, now) / 1'000'000);
}

void Keeper::beat(base::Instant now) {
  if (next_beat_in_ms(now) > 0) return;
  last_beat_ = now;
  beat_wanted_ = false;
  // From before it was sent: the store counts from a later moment.
  if (hear()) leases_hold_until_ns_ = now.plus_ms(*ttl_ms_).ns;
}

base::Status Keeper::hear() {
  const base::Instant asked = clock_.now();
  const auto heard = store_.heartbeat();
  base::Status status = heard ? base::Status{} : std::unexpected(heard.error());
  if (heard && heard->now) status = read_clock(asked, *heard->now);
  note(status);
  if (!status) return status;
  nodes_ = std::max<std::int64_t>(heard->nodes, 1);
  if (heard->epoch != epoch_) enter_epoch(heard->epoch);
  for (const LeaseRow& row : heard->rows) adopt(row);
  give_back_wanted(heard->wanted);
  return {};
}

base::Status Keeper::read_clock(base::Instant asked, base::WallTime told) {
  if (store_clock_ == nullptr) return {};
  const std::int64_t took_ms = base::ns_between(asked, clock_.now()) / 1'000'000;
  store_clock_->read(asked, told);
  if (took_ms <= max_skew_ms_) return {};
  return base::fail(
      base::ErrorType::unavailable,
      fmt::format("the store took {} ms to say what time it is, and the clocks of nodes must agree within "
                  "{} ms (max_skew)",
                  took_ms, max_skew_ms_),
      {}, base::Source::store);
}

// The store grants nothing to whoever counts by another time.
void Keeper::look_at_the_clock() {
  if (store_clock_ != nullptr) beat_wanted_ = true;
}

// The store has expired what was leased. It goes back, but for what is reserved; that settles against its old rows.
void Keeper::enter_epoch(std::int64_t epoch) {
  epoch_ = epoch;
  Leases known;
  for (const auto& [counter, lease] : leases_) known.push_back(lease);
  for (const auto& lease : known)
    if (!lease->opening_) retire(lease);  // whoever brings its limit into force finds that it is too late
  retry_waiters_ = true;
}

void Keeper::retire(const std::shared_ptr<Lease>& lease) {
  leases_.erase(lease->counter());
  lease->doubt();
  (void)return_free(*lease);
  retired_.push_back(lease);
}

std::shared_ptr<Lease> Keeper::lease_of(const CounterKey& counter, std::int64_t epoch) const {
  const auto known = leases_.find(counter);
  if (known != leases_.end() && known->second->epoch() == epoch) return known->second;
  const auto retired = std::ranges::find_if(
      retired_, [&](const auto& lease) { return lease->counter() == counter && lease->epoch() == epoch; });
  return retired == retired_.end() ? nullptr : *retired;
}

// What was granted and never heard of is free; of a counter that nothing is known of any more it goes back.
void Keeper::adopt(const LeaseRow& row) {
  if (const auto lease = lease_of(row.counter, row.epoch)) {
    find_unquoted(*lease, row.totals);
    const std::int64_t unheard = row.totals.granted - lease->totals_.granted;
    if (unheard <= 0) return;
    lease->totals_.granted += unheard;
    lease->give(unheard);
    retry_waiters_ = true;
    return;
  }
  const LeaseReturn back{row.counter, row.totals.returned + row.totals.remainder(), row.epoch};
  note(store_.flush({.records = {}, .returns = std::span(&back, 1)}));
}

// What a quote that the store has forgotten might have taken, and what is in the row still, it never had. That is seen
// while everything else that this process has flushed or held is confirmed, so that nothing else differs.
void Keeper::find_unquoted(Lease& lease, const LeaseTotals& row) {
  if (lease.maybe_quoted_ == 0 || batch_offered_ || !doubtful_quotes_.empty()) return;
  const std::int64_t unquoted =
      std::clamp<std::int64_t>(lease.totals_.consumed - row.consumed, 0, std::exchange(lease.maybe_quoted_, 0));
  lease.totals_.consumed -= unquoted;
  lease.give(unquoted);
  retry_waiters_ = true;
}

base::Status Keeper::give_back_retired(const InHand& need) {
  const auto needed = [&](const auto& lease) {
    return std::ranges::any_of(need, [&](const auto& one) { return one.first->counter() == lease->counter(); });
  };
  if (std::ranges::none_of(retired_, needed)) return {};
  take_records();
  TRY_STATUS(flush_all());
  for (const auto& lease : retired_)
    if (needed(lease)) TRY_STATUS(return_free(*lease));
  return {};
}

void Keeper::give_back_wanted(const std::vector<CounterKey>& wanted) {
  for (const CounterKey& counter : wanted) {
    const auto known = leases_.find(counter);
    if (known == leases_.end()) continue;
    known->second->size_ = 0;
    (void)return_free(*known->second);
  }
}

}  // namespace quota
