#include "quota/keeper.h"

#include <algorithm>
#include <future>
#include <limits>
#include <ranges>

#include <fmt/format.h>

#include "base/assert.h"
#include "quota/counting.h"

namespace quota {
namespace {

constexpr std::int64_t retry_flush_ms = 100;
constexpr std::int64_t retry_prepare_ms = 1'000;
constexpr std::size_t spares_max = 512;

std::int64_t ms_between(base::Instant from, base::Instant to) { return base::ns_between(from, to) / 1'000'000; }

}  // namespace

Keeper::Keeper(Store& store, const base::Clock& clock, KeeperOptions options, std::function<void()> wake,
               journal::Journal* journal, StoreClock* store_clock)
    : store_(store),
      clock_(clock),
      store_clock_(store_clock),
      options_(options),
      wake_(std::move(wake)),
      journal_(journal),
      ttl_ms_(store.lease_ttl_ms()),
      max_skew_ms_(store.max_skew_ms()) {
  if (!ttl_ms_) return;
  leases_hold_until_ns_ = 0;
  beat_wanted_ = true;
  store_.on_wanted([this] {
    if (!beat_wanted_.exchange(true)) wake_();
  });
}

Keeper::~Keeper() {
  if (ttl_ms_) store_.on_wanted({});
}

void Keeper::submit(Waiter waiter) {
  {
    const std::lock_guard lock(mutex_);
    new_waiters_.push_back(std::move(waiter));
  }
  wake_();
}

Decision Keeper::decide(Waiter waiter) {
  std::promise<Decision> decided;
  waiter.decided = [&decided](Decision decision) { decided.set_value(std::move(decision)); };
  submit(std::move(waiter));
  return decided.get_future().get();
}

void Keeper::ask_refill(std::shared_ptr<Lease> lease) {
  {
    const std::lock_guard lock(mutex_);
    new_refills_.push_back(std::move(lease));
  }
  wake_();
}

void Keeper::push(Settled settled) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    new_records_.push_back(std::move(settled));
    wake = std::exchange(records_wake_, false) || new_records_.size() == options_.flush_records;
  }
  if (wake) wake_();
}

void Keeper::prepare_journal() {
  if (!prepare_wanted_.exchange(true)) wake_();
}

void Keeper::take_spares(std::vector<std::unique_ptr<events::UsageRecord>>& into) {
  const std::lock_guard lock(mutex_);
  const auto taken = std::ranges::subrange(spares_.end() - std::ssize(spares_) / 2, spares_.end());
  std::ranges::move(taken, std::back_inserter(into));
  spares_.erase(taken.begin(), taken.end());
}

void Keeper::run(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(work));
  }
  wake_();
}

void Keeper::run_and_wait(std::function<void()> work) {
  std::promise<void> done;
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back([&] {
      work();
      done.set_value();
    });
  }
  wake_();
  done.get_future().wait();
}

std::optional<base::Instant> Keeper::turn() {
  const base::Instant now = clock_.now();
  if (ttl_ms_) beat(now);
  take_inputs();
  tend_quotes(now);
  serve_waiters(now);
  serve_refills(now);
  flush_due(now);
  run_jobs();
  tend_journal(now);
  return_idle(now);
  return next_turn(now);
}

base::WallTime Keeper::wall_now() {
  wall_ = std::max(wall_, clock_.wall_now());
  return wall_;
}

void Keeper::take_inputs() {
  take_records();
  const std::lock_guard lock(mutex_);
  std::ranges::move(new_waiters_, std::back_inserter(waiters_));
  std::ranges::move(new_refills_, std::back_inserter(refills_));
  retry_waiters_ = retry_waiters_ || !new_waiters_.empty();
  new_waiters_.clear();
  new_refills_.clear();
}

void Keeper::take_records() {
  const std::lock_guard lock(mutex_);
  std::ranges::move(new_records_, std::back_inserter(unflushed_));
  retry_waiters_ = retry_waiters_ || !new_records_.empty();
  new_records_.clear();
}

bool Keeper::run_jobs() {
  std::vector<std::function<void()>> jobs;
  {
    const std::lock_guard lock(mutex_);
    jobs.swap(jobs_);
  }
  for (const auto& job : jobs) job();
  return !jobs.empty();
}

std::optional<base::Instant> Keeper::next_turn(base::Instant now) {
  std::int64_t in_ms = std::numeric_limits<std::int64_t>::max();
  const bool flushing = !unflushed_.empty() || !batch_.empty();
  if (flushing) in_ms = batch_.empty() ? options_.flush_every_ms : retry_flush_ms;
  if (retry_waiters_ && !waiters_.empty()) in_ms = 0;
  for (const Waiter& waiter : waiters_) {
    in_ms = std::min(in_ms, ms_between(now, waiter.deadline) + 1);
    if (waiter.recalled) in_ms = std::min(in_ms, next_recall_in_ms(now));
  }
  if (ttl_ms_) in_ms = std::min(in_ms, next_beat_in_ms(now));
  const bool tending = !retired_.empty() || std::ranges::any_of(leases_, [](const auto& entry) {
    const Lease& lease = *entry.second;
    return lease.free() > 0 || lease.return_pending_ || lease.touched_ || lease.totals_.remainder() != 0;
  });
  if (tending) in_ms = std::min(in_ms, options_.idle_return_ms);
  if (journal_short_) in_ms = std::min(in_ms, retry_prepare_ms);
  if (const auto quote_in_ms = next_quote_in_ms(now)) in_ms = std::min(in_ms, *quote_in_ms);
  const std::lock_guard lock(mutex_);
  if (!new_waiters_.empty() || !new_refills_.empty() || !jobs_.empty() || prepare_wanted_) return now;
  // Records need no wake-up of their own while a flush is due anyway, unless somebody waits for what they free.
  records_wake_ = !waiters_.empty() || !flushing;
  if (!new_records_.empty()) {
    records_wake_ = false;
    in_ms = std::min(in_ms, waiters_.empty() ? options_.flush_every_ms : 0);
  }
  if (in_ms == std::numeric_limits<std::int64_t>::max()) return std::nullopt;
  return now.plus_ms(std::max<std::int64_t>(in_ms, 0));
}

// --- flush and return --------------------------------------------------------------------------------------------

void Keeper::note(const base::Status& status) {
  // Before anybody can reserve from what was granted.
  if (status && journal_ != nullptr)
    for (std::uint32_t worker = 0; worker < journal_->workers(); ++worker)
      journal_->writer(worker).note_store_commit(store_.last_commit());
  const std::lock_guard lock(mutex_);
  health_.last_error = status ? std::string() : status.error().message;
  if (!status) ++health_.flush_failures;
  health_.unflushed = unflushed_.size() + batch_.size();
  // What is leased belongs to whoever has taken over: it would be spent twice.
  if (!status && status.error().type == base::ErrorType::conflict) taken_over_ = true;
  halted_ = taken_over_ || health_.unflushed > options_.unflushed_max;
}

void Keeper::fill_batch() {
  for (std::size_t left = std::min(unflushed_.size(), options_.flush_records); left > 0; --left) {
    Settled& settled = unflushed_.front();
    batch_.push_back(std::move(settled.record));
    if (settled.mark.settled > 0) mark_in_batch(settled.mark);
    unflushed_.pop_front();
  }
}

// A worker's ends come in their order, so the last one stands for those before it.
void Keeper::mark_in_batch(const JournalMark& mark) {
  const auto known = std::ranges::find(batch_marks_, mark.worker, &JournalMark::worker);
  if (known == batch_marks_.end()) {
    batch_marks_.push_back(mark);
  } else {
    ASSERT(known->settled < mark.settled);
    *known = mark;
  }
}

// A batch that failed is offered again as it was: what the store did take of it changes nothing the second time.
base::Status Keeper::offer_batch() {
  std::vector<const events::UsageRecord*> records;
  for (const auto& record : batch_) records.push_back(record.get());
  const base::Instant began = clock_.now();
  auto status = store_.flush({.records = records, .returns = {}, .marks = batch_marks_, .now = wall_now()});
  if (!status) return status;
  const std::int64_t took_ns = base::ns_between(began, clock_.now());
  const std::lock_guard lock(mutex_);
  health_.offered_since.reset();
  ++health_.flushes;
  health_.flushed_records += std::ssize(records);
  health_.flush_ns += took_ns;
  return status;
}

base::Status Keeper::flush_batch() {
  if (batch_.empty()) {
    if (unflushed_.empty()) return {};
    fill_batch();
  }
  {
    const std::lock_guard lock(mutex_);
    if (!health_.offered_since) health_.offered_since = clock_.now();
  }
  if (!batch_offered_) TRY_STATUS(agree_on_taken_on());
  batch_offered_ = true;
  const base::Status status = offer_batch();
  if (status) {
    for (const JournalMark& mark : batch_marks_) journal_->writer(mark.worker).flushed_through(mark.settled);
    batch_marks_.clear();
    for (const auto& record : batch_)
      for (const events::Hold& hold : record->holds) {
        const CounterKey counter{hold.limit, hold.label};
        const auto now = leases_.find(counter);
        if (now != leases_.end()) now->second->touched_ = true;
        const bool current = now != leases_.end() && now->second->epoch() == hold.lease_epoch;
        Lease* const lease = current ? now->second.get() : lease_of(counter, hold.lease_epoch).get();
        if (lease == nullptr) continue;
        if (lease->rolling()) add_use(*record, *lease, lease->read_);
        lease->known_.spent += hold.spent;
        lease->known_.unresolved += hold.unresolved;
        consume(*lease, std::min(hold.reserved, hold.spent + hold.unresolved));
        if (hold.spent > hold.reserved) ++lease->overdrawn_known_;
      }
    use_again(batch_);
    uncovered_.clear();
    batch_offered_ = false;
  }
  note(status);
  return status;
}

// Of what an exchange took on when a limit came into force, some may not have been leased. The store has booked that
// beyond the lease, so nobody owes it any more.
void Keeper::consume(Lease& lease, std::int64_t kept) {
  const std::int64_t remainder = lease.totals_.remainder();
  const std::int64_t moved = std::clamp<std::int64_t>(remainder, 0, kept);
  lease.totals_.consumed += moved;
  if (kept > moved) lease.give(kept - moved);
}

void Keeper::use_again(std::vector<std::unique_ptr<events::UsageRecord>>& records) {
  for (const auto& record : records) record->reset();
  {
    const std::lock_guard lock(mutex_);
    if (spares_.size() < spares_max) std::ranges::move(records, std::back_inserter(spares_));
  }
  records.clear();
}

base::Status Keeper::flush_all() {
  while (!unflushed_.empty() || !batch_.empty()) TRY_STATUS(flush_batch());
  return {};
}

void Keeper::flush_due(base::Instant now) {
  const std::int64_t every = batch_.empty() ? options_.flush_every_ms : retry_flush_ms;
  if (unflushed_.size() < options_.flush_records && ms_between(last_flush_, now) < every) return;
  if (unflushed_.empty() && batch_.empty()) return;
  last_flush_ = now;
  (void)flush_all();  // noted in health(); the batch is kept and offered again
}

void Keeper::tend_journal(base::Instant now) {
  if (journal_ == nullptr) return;
  const bool again = journal_short_ && ms_between(last_prepare_, now) >= retry_prepare_ms;
  if (!prepare_wanted_.exchange(false) && !again) return;
  last_prepare_ = now;
  const base::Status status = journal_->prepare();
  journal_short_ = !status;
  const std::lock_guard lock(mutex_);
  health_.journal_error = status ? std::string() : status.error().message;
}

base::Status Keeper::return_free(Lease& lease) {
  const std::int64_t amount = lease.take_up_to(std::numeric_limits<std::int64_t>::max());
  if (amount == 0 && !lease.return_pending_) return {};
  // The total is monotone, so a return whose answer was lost is repeated without harm.
  lease.totals_.returned += amount;
  lease.return_pending_ = true;
  const LeaseReturn back{lease.counter(), lease.totals_.returned, lease.epoch()};
  const base::Status status = store_.flush({.records = {}, .returns = std::span(&back, 1)});
  if (status) lease.return_pending_ = false;
  note(status);
  return status;
}

void Keeper::return_idle(base::Instant now) {
  if (ms_between(last_tick_, now) < options_.idle_return_ms) return;
  last_tick_ = now;
  const base::WallTime wall = wall_now();
  read_again();
  for (auto at = leases_.begin(); at != leases_.end();) {
    Lease& lease = *at->second;
    if (lease.span().contains(wall) && !lease.usable(wall)) (void)end_raise(lease);
    return_if_idle(lease);
    // A window that is over leaves when the store has nothing leased to us in it any more, and nobody else has the
    // lease: a call that holds nothing of it may still be extended, and a worker's clock be put back into it.
    const bool settled = lease.totals_.remainder() == 0 && !lease.return_pending_ && at->second.use_count() == 1;
    if (settled && lease.span().end <= wall) {
      at = leases_.erase(at);
    } else {
      ++at;
    }
  }
  for (const auto& lease : retired_) (void)return_free(*lease);
  std::erase_if(retired_, [](const auto& lease) { return lease->totals_.remainder() == 0 && !lease->return_pending_; });
}

void Keeper::return_if_idle(Lease& lease) {
  const bool untouched = lease.free() == std::exchange(lease.free_last_tick_, lease.free());
  if ((untouched && lease.free() > 0) || lease.return_pending_) (void)return_free(lease);
}

// No grant tells a limit that is not leased what the store knows: spend that left a rolling window, what an operator
// booked.
void Keeper::read_again() {
  Leases touched;
  std::vector<CounterQuery> queries;
  for (const auto& [key, lease] : leases_) {
    if (!lease->touched_ || lease->totals_.remainder() != 0) continue;
    touched.push_back(lease);
    queries.push_back(query_of(*lease));
  }
  if (queries.empty()) return;
  const auto states = store_.read(queries);
  note(states ? base::Status{} : std::unexpected(states.error()));
  if (!states) return;  // what was settled here is counted in any case
  for (std::size_t i = 0; i < touched.size(); ++i) {
    touched[i]->touched_ = false;
    learn(*touched[i], (*states)[i]);
  }
}

base::Status Keeper::close() {
  take_inputs();
  std::ranges::move(std::exchange(parked_, {}), std::back_inserter(waiters_));
  for (Waiter& waiter : waiters_)
    waiter.decided(Refusal{base::ErrorType::unavailable, {}, "the gateway is shutting down"});
  waiters_.clear();
  while (run_jobs()) {
  }
  TRY_STATUS(flush_all());
  TRY_STATUS(resolve_doubtful_quotes());
  if (ttl_ms_) TRY_STATUS(hear());  // what was granted and never heard of goes back, too
  for (const auto& [key, lease] : leases_) TRY_STATUS(return_free(*lease));
  for (const auto& lease : retired_) TRY_STATUS(return_free(*lease));
  return {};
}

// --- what others may ask -----------------------------------------------------------------------------------------

base::Result<std::vector<FiveNumbers>> Keeper::numbers(const std::vector<catalog::Limit>& limits) {
  base::Result<std::vector<FiveNumbers>> answer;
  run_and_wait([&] { answer = numbers_now(limits); });
  return answer;
}

void Keeper::ask_numbers(std::vector<catalog::Limit> limits,
                         std::function<void(base::Result<std::vector<FiveNumbers>>)> answered) {
  run([this, limits = std::move(limits), answered = std::move(answered)] { answered(numbers_now(limits)); });
}

base::Result<std::vector<FiveNumbers>> Keeper::numbers_now(const std::vector<catalog::Limit>& limits) {
  take_inputs();
  TRY_STATUS(flush_all());
  std::vector<CounterQuery> queries;
  std::vector<FiveNumbers> answer;
  const base::WallTime now = wall_now();
  for (const catalog::Limit& limit : limits) {
    const base::Window window = base::window_at(limit.window, now);
    answer.push_back({.window = shown_window(limit.window, window, now, max_skew_ms_)});
    queries.push_back(quota::query_of(limit.id, limit.window, window, now, max_skew_ms_));
  }
  TRY(const auto states, store_.read(queries));
  for (std::size_t i = 0; i < queries.size(); ++i) {
    FiveNumbers& five = answer[i];
    const auto lease = leases_.find(queries[i].counter);
    five.resets_at = resets_at(limits[i].window, five.window, states[i], max_skew_ms_);
    five.amount = states[i].amount;
    five.spent = states[i].spent;
    five.unresolved = states[i].unresolved;
    if (lease != leases_.end()) {
      // Workers go on settling. Reserved is read first, so what ends meanwhile is counted twice rather than never.
      learn(*lease->second, states[i]);
      five.reserved = lease->second->reserved();
      five.spent = lease->second->spent();
      five.unresolved = lease->second->unresolved();
    }
    // What others have leased may be idle, reserved or spent: they know, and none of it is there to be had here.
    const std::int64_t own = lease == leases_.end() ? 0 : lease->second->totals_.remainder();
    if (ttl_ms_) five.reserved += std::max<std::int64_t>(0, states[i].leased - own);
    five.reserved += states[i].quoted;
    five.available = std::max<std::int64_t>(0, five.amount - five.spent - five.unresolved - five.reserved);
  }
  return answer;
}

void Keeper::limit_changed(base::LimitId limit) {
  run_and_wait([&] { corrected(limit); });
}

void Keeper::corrected(base::LimitId limit) {
  for (const auto& [key, lease] : leases_) {
    if (key.limit != limit) continue;
    lease->doubt();
    lease->note_overdrawn();
    ++lease->overdrawn_known_;
    (void)square(*lease);  // if the store fails, before the next grant
  }
  retry_waiters_ = true;
}

base::Status Keeper::flush_settled() {
  take_inputs();
  return flush_all();
}

Keeper::Health Keeper::health() const {
  const std::lock_guard lock(mutex_);
  return health_;
}

std::string Keeper::halted_because() const {
  if (admitting()) return {};
  if (taken_over_) return "another process has taken over the store; this one admits nothing more";
  if (!leases_hold())
    return fmt::format("the store was not reached in time to keep the leases: {}", health().last_error);
  return fmt::format("the store does not take usage records: {}", health().last_error);
}

}  // namespace quota
