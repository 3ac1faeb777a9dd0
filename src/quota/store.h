#pragma once
// Port: the truth about every counter (a limit in one window). It grants leases and takes the flushed records.
// One conformance suite holds for every implementation (tests/conformance). Called from the store thread only.
//
// Nodes. What stands behind the port may serve many nodes. An object of it is one process's way there: that of one
// incarnation of one node, from recover() on. When a later incarnation of the node has begun, it changes nothing any
// more: every call that would fails with conflict.
//
// Lease rows. There is one for each (node, incarnation, epoch, counter). Its totals `granted, returned, consumed` only
// grow, and messages carry totals; so one that comes twice, late or never, does no harm (money-rules.md, "Lease rows").
//
// Epochs. Where nodes can lose each other, a node's leases hold for a time after each heartbeat. When it has passed,
// the store may expire them: what is left of the rows becomes unresolved, and the node's next epoch begins. That frees
// nothing. The node goes on to settle and to return what it has of the old rows, and takes nothing new from them.
//
// Always true after each call: spent + leased + unresolved + quoted <= amount for every counter, unless an overrun was
// booked or the amount was lowered; for every lease row, granted - returned - consumed >= 0; and `quoted` is the sum of
// what the held quotes hold of the counter.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/window.h"
#include "events/usage_record.h"
#include "quota/counter_key.h"
#include "quota/quote.h"

namespace quota {

// What is asked about a counter. Of a rolling limit's, spend counts from `live_from` on: first_live_sub_label() of the
// moment. It must not be asked for again from more than `sub_windows_kept_ms` earlier: what is older is forgotten.
struct CounterQuery {
  CounterKey counter;
  std::optional<base::WindowLabel> live_from = std::nullopt;  // nullopt: not rolling
  // The moment: a raise of the amount counts until its end, and what is made good by the request is posted then. Where
  // money is asked for in a fleet it must be the store's, but for max_skew_ms(); one that is past is the arrival's.
  base::WallTime at = base::far_future;
};
// Stamps never step back (money-rules.md "Window and stamp"); a day is for clocks that were set by hand meanwhile.
inline constexpr std::int64_t sub_windows_kept_ms = 86'400'000;

// The truth about a counter, in the limit's unit. A counter that nobody touched yet reads as zeros.
struct CounterState {
  std::int64_t amount = 0;      // the limit's, as it stands at the moment that is asked of
  std::int64_t spent = 0;       // that counts
  std::int64_t leased = 0;      // handed to nodes: free, reserved, or settled and not flushed
  std::int64_t unresolved = 0;  // also what is left of rows that have expired
  std::int64_t quoted = 0;      // what held quotes hold whose time is not over at the moment that is asked of
  std::optional<base::WindowLabel> oldest_sub = std::nullopt;  // of a rolling limit's sub-windows, if any spend counts
  std::optional<base::WallTime> raised_until = std::nullopt;   // when a raise that is in `amount` ends
  // What may still be granted; never below zero.
  std::int64_t grantable() const {
    const std::int64_t left = amount - spent - leased - unresolved - quoted;
    return left > 0 ? left : 0;
  }
  bool operator==(const CounterState&) const = default;
};

// The totals of a lease row. They only grow.
struct LeaseTotals {
  std::int64_t granted = 0;
  std::int64_t returned = 0;
  std::int64_t consumed = 0;
  std::int64_t remainder() const { return granted - returned - consumed; }
  bool operator==(const LeaseTotals&) const = default;
};

inline constexpr std::int64_t first_epoch = 1;

struct GrantRequest {
  CounterQuery of;
  std::int64_t at_least = 0;  // below this, nothing is granted
  std::int64_t at_most = 0;
  std::int64_t needed = 0;  // with less than this, other nodes are told that what they have idle is wanted
  std::int64_t epoch = first_epoch;
  // The row's `granted` as far as the node has heard: what the store has granted beyond it was never heard of, and is
  // a part of this grant. nullopt: it has heard of all.
  std::optional<std::int64_t> granted_before = std::nullopt;
};

struct Grant {
  std::int64_t granted = 0;  // beyond what the node had heard of
  CounterState state;        // after the grant
  std::int64_t others = 0;   // of state.leased, what other nodes have
};

// What a node gives back unused; `returned_total` is the lease row's total.
struct LeaseReturn {
  CounterKey counter;
  std::int64_t returned_total = 0;
  std::int64_t epoch = first_epoch;
};

// A lease row as the store has it.
struct LeaseRow {
  CounterKey counter;
  std::int64_t epoch = first_epoch;
  LeaseTotals totals;
};

// A call that a held quote is to pay for. Its counters are those of this moment; what the quote holds elsewhere goes
// back.
struct Redemption {
  base::QuoteId quote;
  base::ExchangeId exchange;
  base::WallTime now;
  std::vector<GrantRequest> limits = {};  // `at_least` is what the call may cost there; the rest of it is not looked at
  std::vector<GrantRequest> grants = {};  // of the balance: those that are usable, in burn order
  std::int64_t charge = 0;                // what all of these have to pay together
};

struct Redeemed {
  bool was_held = false;  // else nothing happened: find_quote() says why
  // Which of the requests cannot be met (in their order; one beyond the last limit: the balance), and its counter as it
  // would be without the quote. Nothing happened then, and the quote is held as before.
  std::optional<std::size_t> short_of = std::nullopt;
  CounterState state = {};
  // For each request. What is granted of a limit is `at_least` and what was never heard of; of grants the charge
  // together.
  std::vector<Grant> limits = {};
  std::vector<Grant> grants = {};
};

struct EndedQuotes {
  std::vector<CounterKey> counters = {};                  // of which something went back
  std::optional<base::WallTime> next_end = std::nullopt;  // the next time that one's is over; nullopt: none is held
};

// How long a quote that has ended is remembered after its time, so that it is not taken for one that never was.
inline constexpr std::int64_t ended_quotes_kept_ms = 86'400'000;

// The answer to a sign of life.
struct Heartbeat {
  std::int64_t epoch = first_epoch;        // the node's; in an earlier one it can be granted nothing any more
  std::int64_t nodes = 1;                  // that are alive
  std::vector<LeaseRow> rows = {};         // of this incarnation, of which something is left
  std::vector<CounterKey> wanted = {};     // others are short of these: what is idle is to go back
  std::optional<base::WallTime> now = {};  // by the store's clock; nullopt: nobody else counts by it
};

// How far the store has one worker's journal: every settle up to this number (journal::Sequence). 0: none.
struct JournalMark {
  std::uint32_t worker = 0;
  std::uint64_t settled = 0;
  bool operator==(const JournalMark&) const = default;
};

struct Flush {
  std::span<const events::UsageRecord* const> records;  // a record whose id is known already changes nothing
  std::span<const LeaseReturn> returns;
  std::span<const JournalMark> marks = {};  // kept with this incarnation; none goes back
  base::WallTime now = {};                  // the time of what happens by it, and of what counts of a rolling limit
};

// The last process of this node, and how far it got.
struct LeftBehind {
  base::Uuid store;                        // the store's own id
  base::Uuid node = {};                    // an embedded store has one node, which goes by the store's id
  std::int64_t incarnation = 0;            // 0: there was none
  std::vector<std::uint64_t> marks;        // by worker; shorter if the last ones flushed nothing
  std::uint64_t commit = 0;                // Store::last_commit
  std::optional<base::WallTime> now = {};  // as in Heartbeat
};

// What the last process's journals say of what it had not flushed.
struct Evidence {
  // Of which incarnation: if another one has begun since, nothing of it is true any more. Not known: no evidence.
  std::optional<std::int64_t> incarnation;
  // Ends that survived, and for each reservation that was open a record that holds all of it as unresolved.
  std::span<const events::UsageRecord> records;
  // Why what else it had leased may not be returned (money-rules.md, "Proof of death"). Empty: all is known of it.
  std::string doubt;
  // The latest incarnation that anything is known of, if it is not the store's: that of a store that was put back.
  std::int64_t seen_incarnation = 0;
};

struct Recovery {
  std::int64_t incarnation = 0;         // this process's number, one above all that are known
  std::int64_t recovered_records = 0;   // of the evidence, that the store did not have
  std::int64_t unaccounted_leases = 0;  // rows of the last incarnation whose rest is unresolved now
};

class Store {
 public:
  virtual ~Store() = default;
  virtual base::Result<LeftBehind> left_behind() = 0;
  // How many commits moved money in this store, ever. A process's journals note it, so that a store that was put back
  // from a backup is known (restore.h).
  virtual std::uint64_t last_commit() const = 0;
  // Closes the last incarnation for ever and opens a new one, in one transaction: books the evidence on the last one's
  // leases; what is then left of them is returned, or with a doubt becomes unresolved, with one `unaccounted` record a
  // lease row. Fails (conflict) if the evidence is of another incarnation than the last one.
  virtual base::Result<Recovery> recover(base::WallTime now, const Evidence& evidence) = 0;
  // The same where no journal was kept.
  base::Result<Recovery> open_incarnation(base::WallTime now) {
    return recover(now, {.incarnation = {}, .records = {}, .doubt = "no journal was kept"});
  }
  // All requests in one transaction, durable against power loss when it returns. Each is granted
  // min(at_most, grantable) if that is >= at_least, else 0; an unknown or removed limit grants 0. What it finds granted
  // beyond `granted_before` counts as a part of it. Where it is less than `needed` and other nodes have leased of the
  // counter, they are told that it is wanted; and so they are where a flush books an overrun. unavailable: the epoch is
  // over. A grant of a balance is a counter under its own id with the label 0 (catalog/grant.h); before it hands out
  // anything it makes good what the account's other grants are below zero, and its amount is less by what is still
  // missing.
  virtual base::Result<std::vector<Grant>> grant(std::span<const GrantRequest> requests) = 0;
  // One transaction: writes the records and their transfers (of holds on grants of a balance: ledger/store.h), moves
  // each hold's reserved amount out of `leased`, `spent` to spent (of its sub-window, if it names one) and `unresolved`
  // to unresolved, and takes back returns. What a hold spent beyond its reservation (overrun) is booked as spent
  // although nobody leased it. Thresholds that this crosses are written as events (events/limit_event.h); so does
  // recover().
  virtual base::Status flush(const Flush& flush) = 0;
  virtual base::Result<std::vector<CounterState>> read(std::span<const CounterQuery> counters) = 0;

  // Held quotes (quote.h); each call is one transaction, durable against power loss when it returns. grant() ends those
  // whose time is over at its moment, and a recover() of a restored store ends all: what was redeemed since the backup
  // would be redeemed once more.
  //
  // Holds a new quote: moves its parts from this node's leases of `epoch` to `quoted`. One whose id is known changes
  // nothing. unavailable: the epoch is over.
  virtual base::Status hold(const Quote& quote, std::int64_t epoch) = 0;
  // How it stands at `now`; an ended one without its parts. nullopt: there is none, or it is not remembered any more.
  virtual base::Result<std::optional<Quote>> find_quote(base::QuoteId id, base::WallTime now) = 0;
  // If it is held: all of it goes back, and the call's requests are granted, or nothing happens. A counter that the
  // quote holds of gives as much whatever else is spent of it; what is more, or in another window, has to be grantable.
  // unavailable: a request's epoch is over.
  virtual base::Result<Redeemed> redeem(const Redemption& redemption) = 0;
  // Ends those whose time is over at `now`, and those that are named in any case: what they hold goes back.
  virtual base::Result<EndedQuotes> end_quotes(base::WallTime now, std::span<const base::QuoteId> also) = 0;

  // How long this node's leases hold, from before a heartbeat was sent; nullopt: for ever. A store that lives in the
  // process does not expire its own leases, and needs no heartbeat.
  virtual std::optional<std::int64_t> lease_ttl_ms() const { return std::nullopt; }
  // How far the clock that a node counts by may be from the store's, and from another node's. What asks for money by a
  // time that is farther off is refused (unavailable): by windows that are not those of the others a cap would hold for
  // nobody. 0: nobody else counts.
  virtual std::int64_t max_skew_ms() const { return 0; }
  // A sign of life. Expires those of others that have given none.
  virtual base::Result<Heartbeat> heartbeat() { return Heartbeat{}; }
  // Called from any thread, from in the middle of others' calls, when something is wanted that this node has leased:
  // the next heartbeat names it. Empty: nobody is called any more.
  virtual void on_wanted(std::function<void()> call) { (void)call; }
};

}  // namespace quota
