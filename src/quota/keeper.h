#pragma once
// quota: may this exchange be afforded, and what is held meanwhile. Escrow with leases (design.md §4):
//
//   Admission    one per worker thread. Reserves from leases in memory: a compare-and-subtract per limit, undone if a
//                later one fails. No lock, no I/O.
//   Keeper       one per process, on the store thread. Gets leases from the store, hands grants to those who wait,
//                flushes settled records, returns what lies idle. The only one that refuses.
//   Reservation  the receipt; ends exactly once.
//
// It owns no truth: the store does (quota/store.h). It knows no clock, thread or socket: time is an argument, waking
// the store thread and answering a worker are callbacks.
//
// Always: a reservation holds on all its limits or on none; what is handed out never exceeds what the store has leased
// to this process; a refusal is pronounced only by the keeper, after it asked the store.

#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "catalog/snapshot.h"
#include "journal/journal.h"
#include "quota/balance.h"
#include "quota/decision.h"
#include "quota/numbers.h"
#include "quota/reservation.h"
#include "quota/store.h"
#include "quota/store_clock.h"

namespace quota {

// An exchange that could not be paid from free lease money, or that wants more than it has reserved. `wants` and
// `record` describe it; `decided` is called once, on the store thread.
struct Waiter {
  struct Want {
    catalog::Limit limit;
    std::int64_t amount = 0;
    // Of an extension: where the reservation holds some already, in the window of its own stamp, and how much.
    std::shared_ptr<Lease> lease = nullptr;
    std::int64_t held = 0;
  };
  std::vector<Want> wants;
  std::optional<BalanceWant> balance = std::nullopt;  // of a prepaid account
  base::WallTime stamp;                               // decides the windows
  base::Instant deadline;    // when waiting for others' reservations ends with limit_busy; past: do not wait
  bool recalled = false;     // other nodes were told what it misses
  bool asked_again = false;  // of its balance's grants, now that more is known of them
  std::unique_ptr<events::UsageRecord> record;  // none: an extension is wanted, or a quote; not a reservation
  std::function<void(Decision)> decided;
  // Not a reservation, but a quote that holds the wants for a time (quote.h).
  struct Hold {
    base::QuoteId id;
    base::KeyId key;
    std::int64_t ttl_ms = 0;
  };
  std::optional<Hold> holds = std::nullopt;
  std::optional<base::QuoteId> redeems = std::nullopt;  // that pays for it
};

struct KeeperOptions {
  std::int64_t flush_every_ms = 20;
  // So many are flushed before flush_every_ms is over, and at most so many in one transaction. Records that wait stand
  // in the processor's cache and in memory.
  std::size_t flush_records = 512;
  std::int64_t idle_return_ms = 1'000;  // a lease that nobody touched for this long goes back
  std::size_t unflushed_max = 200'000;  // records kept while the store is down; then nothing is admitted
  // Where other nodes have leased what is missing: how long a refusal waits at least for them to give it back, and how
  // often the store is asked meanwhile.
  std::int64_t recall_wait_ms = 100;
  std::int64_t recall_every_ms = 10;
};

// The limits that this process has counters of, each in the window of this moment.
struct InUse {
  struct One {
    catalog::Limit limit;
    FiveNumbers numbers;
  };
  std::vector<One> limits;   // those with the least part of their amount left, the least first
  std::size_t left_out = 0;  // how many others there are
};

class Keeper final : public Inspector, public SettleQueue {
 public:
  // `wake` is called from any thread when there is work for turn(); it must not call back.
  // `journal`: told what is flushed, and tended; nullptr where none is kept.
  // `store_clock`: of a node of a fleet `clock` itself, which is set by each heartbeat; nullptr: nobody else counts.
  Keeper(Store& store, const base::Clock& clock, KeeperOptions options, std::function<void()> wake,
         journal::Journal* journal = nullptr, StoreClock* store_clock = nullptr);
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;
  ~Keeper() override;

  // From any thread.
  void submit(Waiter waiter);
  // The same, and waits for the decision. Not from the store thread.
  Decision decide(Waiter waiter);
  void ask_refill(std::shared_ptr<Lease> lease);
  void push(Settled settled) override;
  // The journal runs low on segments.
  void prepare_journal();
  // Empty records to be used again: memory that one thread takes and another gives back is slow, and the heap grows.
  // Moves half of what there is, so that several workers share it.
  void take_spares(std::vector<std::unique_ptr<events::UsageRecord>>& into);
  // Whether more may be admitted from leases: false while the store cannot take what was settled, and when too long has
  // passed since a heartbeat.
  bool admitting() const { return !halted_.load(std::memory_order_relaxed) && leases_hold(); }
  base::Result<std::vector<FiveNumbers>> numbers(const std::vector<catalog::Limit>& limits) override;
  // The same for who cannot wait: `answered` is called once, on the store thread.
  void ask_numbers(std::vector<catalog::Limit> limits,
                   std::function<void(base::Result<std::vector<FiveNumbers>>)> answered);
  // Of the catalog's limits those in use: at most so many, chosen by what is known here and read as numbers() reads
  // them. A limit that was neither created nor asked of since the start is not among them: only the store knows it.
  // `answered` is called once, on the store thread.
  void ask_in_use(std::shared_ptr<const catalog::Snapshot> catalog, std::size_t most,
                  std::function<void(base::Result<InUse>)> answered);
  // The amount of a limit changed: idle lease money goes back at once, so that a lowered amount holds from here on.
  void limit_changed(base::LimitId limit);
  // The same on the store thread, in work that run() was given: the store has moved what was unresolved of the limit.
  void corrected(base::LimitId limit);
  // On the store thread, in such work: all that was settled until now is in the store when this returns.
  base::Status flush_settled();

  // A limit comes into force (docs/internals/leases.md, "A limit that is created"), in three steps. From
  // begin_opening() on whoever asks for it waits. Gives its lease in the window of this moment: what is under way in
  // that window is to take it on.
  base::Result<std::shared_ptr<Lease>> begin_opening(const catalog::Limit& limit);
  // When no worker admits anything without these limits any more: flushes what was settled, has `open` store them all
  // with what their windows' records say, and leases what exchanges have taken on. Fails as `open` does, and where a
  // window has turned meanwhile. Without begin_opening() nobody waits, and nothing is under way.
  base::Status open_limits(std::span<const base::LimitId> limits,
                           const std::function<base::Status(base::WallTime now)>& open);
  // It does not come into force: those who wait for it are refused. After a failure of the others.
  void abandon_opening(base::LimitId limit);

  // Has `work` done on the store thread, after grants and flushes, in the order in which it was asked for. What is
  // asked for before close() is done by it.
  void run(std::function<void()> work);
  // Runs `work` on the store thread, after grants and flushes, and waits for it: how others get at the store.
  void run_and_wait(std::function<void()> work);

  // On the store thread: does what is due and says when it wants to be called again, unless woken.
  // nullopt: only when woken.
  std::optional<base::Instant> turn();
  // On the store thread: everything settled is flushed and every lease returned, if the store lets us.
  base::Status close();

  struct Health {
    std::size_t unflushed = 0;
    std::int64_t flush_failures = 0;
    std::int64_t flushes = 0;  // that the store took
    std::int64_t flushed_records = 0;
    std::int64_t flush_ns = 0;                   // that it needed for them, all together
    std::optional<base::Instant> offered_since;  // of the records that it was given and has not taken yet
    std::string last_error;                      // empty: the last call of the store succeeded
    std::string journal_error;                   // empty: segments could be made when they were last needed
  };
  Health health() const;
  // Why nothing is admitted, or empty.
  std::string halted_because() const;

 private:
  using Leases = std::vector<std::shared_ptr<Lease>>;
  // In the order of their counters, so that the same life is lived again from the same seed.
  struct ByCounter {
    bool operator()(const Lease* a, const Lease* b) const { return a->counter() < b->counter(); }
  };
  using InHand = std::map<Lease*, std::int64_t, ByCounter>;

  // Stamps never step back, whatever the clock does: a window that was left behind, its lease forgotten, is not entered
  // again, or the totals of its lease row would begin again at zero (money-rules.md "Window and stamp").
  base::WallTime wall_now();
  bool leases_hold() const {
    const std::int64_t until = leases_hold_until_ns_.load(std::memory_order_relaxed);
    return until == for_ever || clock_.now().ns < until;
  }
  // Where leases hold for a time only (heartbeat.cpp).
  void beat(base::Instant now);
  base::Status hear();
  base::Status read_clock(base::Instant asked, base::WallTime told);
  void look_at_the_clock();
  void enter_epoch(std::int64_t epoch);
  void retire(const std::shared_ptr<Lease>& lease);
  void adopt(const LeaseRow& row);
  void find_unquoted(Lease& lease, const LeaseTotals& row);
  // Of earlier epochs' leases of the counters that are needed: what was settled of them, and what is idle.
  base::Status give_back_retired(const InHand& need);
  void give_back_wanted(const std::vector<CounterKey>& wanted);
  std::shared_ptr<Lease> lease_of(const CounterKey& counter, std::int64_t epoch) const;
  std::int64_t next_beat_in_ms(base::Instant now) const;
  std::int64_t next_recall_in_ms(base::Instant now) const;
  void take_inputs();
  void take_records();
  bool run_jobs();  // whether there were any
  // A waiter with the leases that its wants are counted on, in the windows of this moment.
  struct Asking {
    Waiter waiter;
    Leases leases;
    Leases grants;            // of the balance: those that are usable, in burn order
    std::vector<bool> stops;  // by lease: the store says too that it admits nothing more
    bool all_asked = false;   // each grant for the whole charge: what the store then has not is not there
  };
  void serve_waiters(base::Instant now);
  void look_again(InHand& in_hand, base::Status& fetched);
  void serve(Asking& asking, InHand& in_hand, const base::Status& fetched, base::Instant now);
  base::Status find_leases(Asking& asking);
  base::Result<std::shared_ptr<Lease>> lease_for(const catalog::Limit& limit, base::WallTime stamp);
  base::Result<std::shared_ptr<Lease>> lease_in(base::LimitId limit, const base::WindowPolicy& policy,
                                                const base::Window& window, base::WallTime stamp);
  // What a balance's charge needs of each of its grants.
  static void need_of_balance(Asking& asking, InHand& need);
  // How much of the charge is missing when each grant gives what is in hand.
  static std::int64_t missing_of_balance(const Asking& asking, InHand& in_hand);
  // What to ask of a lease's counter at this moment.
  CounterQuery query_of(const Lease& lease);
  // Takes what is free and asks the store for the rest of what the waiters need and some more.
  base::Status fetch(std::span<Asking> asking, InHand& in_hand, base::Instant now);
  // Tells the store what was settled and gives it what came back to an overdrawn lease. The lease stays overdrawn while
  // the counter stands above its amount.
  base::Status square(Lease& lease);
  // The same of a balance's grants: what one of them is below zero the others make good, and nothing of them is handed
  // out before.
  base::Status square_balance(const Leases& grants);
  // What the store is to be asked for. How much was heard of before it is told at the moment of the call and not when
  // the wish came up: a flush in between may hear of more, and nothing may be heard of twice.
  struct Wish {
    Lease* lease;
    std::int64_t at_least = 0, at_most = 0, needed = 0;  // as in GrantRequest
  };
  base::Result<std::vector<Grant>> ask_for(std::span<const Wish> wishes);
  base::Status end_raise(Lease& lease);
  // The lease of a limit that is coming into force; nullptr: none is.
  std::shared_ptr<Lease> opening_lease(base::LimitId limit) const;
  base::Status open_now(std::span<const base::LimitId> limits,
                        const std::function<base::Status(base::WallTime now)>& open);
  base::Status lease_taken_on(const Leases& leases);
  base::Status agree_on_taken_on();
  Leases kept_beyond_leased() const;
  bool is_uncovered(const Lease* lease) const;
  // Whether all of it is in hand, with what others gave back to the lease meanwhile.
  static bool take_wanted(Lease& lease, const Waiter::Want& want, InHand& in_hand);
  // Whether an overrun was settled of it that the store was not told of: it is to be asked before anything is handed
  // out, and before anybody is refused.
  static bool owes_more(const Lease& lease);
  // Whether a balance's grants are to be asked once more before they are drawn on, or refuse: once.
  static bool is_to_ask_again(const Asking& asking, const InHand& in_hand, bool is_short);
  // nullopt: only others' reservations stand in the way, and there is time to wait.
  std::optional<Decision> try_serve(Asking& asking, InHand& in_hand, base::Instant now);
  // Whether other nodes have leased what is missing, and may give it back yet.
  bool may_be_recalled(Asking& asking, base::Instant now) const;
  // Held quotes (quotes.cpp). What was taken becomes one; where the store did not say so, nobody may have it before it
  // is known.
  Decision hold_quote(const Waiter& waiter, Reservation::Parts parts);
  static void move_to_quote(const Reservation::Part& part);
  // The waiter is paid by the quote that it names. nullopt: it cannot be yet, and there is time to wait.
  std::optional<Decision> redeem(Asking& asking, base::Instant now);
  static std::vector<Lease*> overdrawn_of(const Quote& quote, const Asking& asking, const Redeemed* redeemed);
  base::Result<Redeemed> redeem_now(const Redemption& redemption, const Asking& asking);
  std::string why_not_usable(const std::optional<Quote>& quote, const Waiter& waiter);
  base::Result<std::string> why_stopped(const Quote& quote, const Asking& asking);
  Redemption redemption_of(const Asking& asking);
  GrantRequest request_of(Lease& lease, std::int64_t amount);
  std::optional<Decision> short_of(const Redeemed& redeemed, const Redemption& redemption, const Asking& asking,
                                   base::Instant now) const;
  Reservation reservation_from(Asking& asking, const Redeemed& redeemed, base::Instant now);
  void take_granted(Lease& lease, const Grant& grant, std::int64_t taken, base::Instant now);
  void tend_quotes(base::Instant now);
  void take_for_quoted(Lease& lease, std::int64_t amount);
  base::Status resolve_doubtful_quotes();
  base::Status end_due_quotes();
  std::optional<std::int64_t> next_quote_in_ms(base::Instant now);
  // Why it is refused (refusals.cpp).
  Refusal refusal_of(const Asking& asking, const InHand& in_hand);
  static std::int64_t left_of_balance(const Leases& grants);
  base::Status look_at_balance(const Leases& grants);
  base::Status refuse_balance(const Asking& asking, const InHand& in_hand, Refusal& refusal);
  // What certainly counts at this moment. Of a rolling limit the lease may have more: what was settled after its
  // sub-window had left, and while a batch is in doubt, that batch, what has left and what was decided meanwhile.
  Lease::Use certain_use(const Lease& lease);
  // Adds what of a record counts on a rolling limit's lease at this moment.
  void add_use(const events::UsageRecord& record, const Lease& lease, Lease::Use& use);

  void serve_refills(base::Instant now);
  // How much more than is needed a grant should bring: grows while demand lasts, shrinks to nothing near the limit.
  std::int64_t surplus_of(Lease& lease, std::int64_t need, base::Instant now) const;
  void learn(Lease& lease, const Grant& grant, base::Instant now);
  void learn(Lease& lease, const CounterState& state);

  base::Result<std::vector<FiveNumbers>> numbers_now(const std::vector<catalog::Limit>& limits);
  base::Result<InUse> in_use_now(const catalog::Snapshot& catalog, std::size_t most);
  void flush_due(base::Instant now);
  void fill_batch();
  void mark_in_batch(const JournalMark& mark);
  // Empties them into the spares.
  void use_again(std::vector<std::unique_ptr<events::UsageRecord>>& records);
  base::Status flush_batch();
  base::Status offer_batch();
  base::Status flush_all();
  static void consume(Lease& lease, std::int64_t kept);
  void tend_journal(base::Instant now);
  void return_idle(base::Instant now);
  void return_if_idle(Lease& lease);
  void read_again();
  base::Status return_free(Lease& lease);
  // After every call of the store that commits something.
  void note(const base::Status& status);
  std::optional<base::Instant> next_turn(base::Instant now);

  Store& store_;
  const base::Clock& clock_;
  StoreClock* const store_clock_;
  const KeeperOptions options_;
  const std::function<void()> wake_;
  journal::Journal* const journal_;
  std::atomic<bool> prepare_wanted_ = false;
  bool journal_short_ = false;  // the last attempt to prepare it failed
  base::Instant last_prepare_{};
  std::atomic<bool> halted_ = false;
  std::atomic<bool> taken_over_ = false;  // for good
  static constexpr std::int64_t for_ever = std::numeric_limits<std::int64_t>::max();
  std::atomic<std::int64_t> leases_hold_until_ns_ = for_ever;  // by the clock; counted from before the heartbeat
  std::atomic<bool> beat_wanted_ = false;

  mutable std::mutex mutex_;  // over what follows, up to the blank line
  std::vector<Waiter> new_waiters_;
  std::vector<std::shared_ptr<Lease>> new_refills_;
  std::vector<Settled> new_records_;
  std::vector<std::unique_ptr<events::UsageRecord>> spares_;
  std::vector<std::function<void()>> jobs_;
  bool records_wake_ = true;  // false while a turn is due soon anyway
  Health health_;

  // The store thread's alone.
  std::map<CounterKey, std::shared_ptr<Lease>> leases_;
  Leases retired_;  // of earlier epochs, until all of it is settled or given back
  const std::optional<std::int64_t> ttl_ms_;
  const std::int64_t max_skew_ms_;
  std::int64_t epoch_ = first_epoch;
  std::int64_t nodes_ = 1;
  std::optional<base::Instant> last_beat_;  // that was tried
  base::Instant last_recall_{};             // when those who wait for other nodes were last tried
  std::deque<Waiter> waiters_;
  std::vector<Waiter> parked_;  // until the limit that they ask for has come into force, or will not
  Leases refills_;
  std::deque<Settled> unflushed_;
  std::vector<std::unique_ptr<events::UsageRecord>> batch_;  // in the store's hands, until it says that it took them
  base::WallTime wall_{};                                    // the latest that was seen
  std::vector<JournalMark> batch_marks_;
  bool batch_offered_ = false;
  // Of these the batch that was offered keeps more than was leased. Nothing is granted of them before the store has
  // confirmed it: what it took off a lease depends on what had been granted.
  Leases uncovered_;
  base::Instant last_flush_{};
  base::Instant last_tick_{};
  bool retry_waiters_ = false;  // something was settled since they were tried
  // What was taken for quotes of which the store did not say whether it holds them. No parts: it does, and they are to
  // be ended.
  struct DoubtfulQuote {
    base::QuoteId id;
    base::WallTime expires;
    Reservation::Parts parts;
  };
  std::vector<DoubtfulQuote> doubtful_quotes_;
  base::WallTime next_quote_end_{};             // when quotes are looked at again; far_future: none is held
  std::optional<base::Instant> quotes_failed_;  // the last attempt, if the store failed
};

}  // namespace quota
