#pragma once
// One process of the gateway without its sockets: a keeper, some workers, and the exchanges they have under way. What
// runs on threads there is a call here, made in the order that the dice say.

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "idempotency/desk.h"
#include "quota/admission.h"
#include "quota/keeper.h"
#include "quota/recovery.h"
#include "quota/scribe.h"
#include "tests/sim/auditor.h"
#include "tests/sim/clock.h"
#include "tests/sim/dice.h"
#include "tests/sim/engine.h"
#include "tests/sim/faulty_link.h"
#include "tests/sim/figures.h"
#include "tests/sim/trace.h"

namespace sim {

// What a worker knows of the catalog. A key is a list of limits.
struct SeenLimit {
  int number = 0;
  catalog::Limit limit;
  int home = 0;  // that it is on; 0: on the account
  bool applies_to(int exchange) const { return limit.filter.matches(model_of(exchange), {}, {}); }
  bool counts_at(int where) const { return home == 0 || home == where; }
};
using Key = std::vector<SeenLimit>;
struct Seen {
  std::vector<Key> keys;
  Key in_force;                        // all limits that are
  catalog::Account account;            // theirs
  int home = 0;                        // where that is
  std::vector<catalog::Grant> grants;  // its own, if it is prepaid, in burn order
  // What pays; nullopt: nothing has to.
  std::optional<catalog::Balance> balance() const {
    return account.credit_only ? std::optional(catalog::Balance{&account, grants}) : std::nullopt;
  }
};
using View = std::shared_ptr<const Seen>;

// A quote that was asked for, whatever became of it.
struct ToldQuote {
  int number = 0;
  base::QuoteId id;
  base::KeyId key;
  Key limits;
  std::int64_t usd = 0, tokens = 0;
};

// What outlives a process: handed to each in turn.
struct Surroundings {
  int node = 0;
  bool is_fleet = false;  // others have the store too
  FaultyLink& link;
  NodeClock& clock;
  Auditor& auditor;
  Figures& figures;
  Trace& trace;
  base::AccountId account;
  std::map<base::LimitId, int>& numbers;  // of every limit there ever was
  int& next_exchange;
  std::map<base::ExchangeId, int>& exchanges;  // their numbers
  std::vector<ToldQuote>& quotes;              // by their numbers
  journal::Calls& bells;
  // Whether the store has expired the node's lease of that epoch.
  std::function<bool(const quota::CounterKey&, std::int64_t epoch)> expired = {};
  std::int64_t coin = 1;  // what the smallest usual amount of money is, in nano-dollars
};

class Process {
 public:
  Process(Surroundings& around, quota::KeeperOptions options, std::size_t workers, View view, quota::Journals journals);
  ~Process();

  // --- what workers do; also while the store works
  void ask(Dice& dice);
  // Exactly this of exactly one limit, or of the balance alone, without waiting and by itself: whether it was admitted.
  // What was admitted is released again.
  bool ask_alone(const SeenLimit& limit, std::int64_t amount);
  bool ask_balance_alone(std::int64_t charge);
  void go_on(Dice& dice);
  void answer(Dice& dice);
  // Every Idempotency-Key of the life is asked for once more, and what is free stays free (process_keys.cpp).
  void rest_keys();
  // A stream needs more than is reserved for it (process_extends.cpp).
  void extend(Dice& dice);
  // A quote is asked for, or one redeemed (process_quotes.cpp).
  void quote(Dice& dice);
  void any_act(Dice& dice);
  // Every exchange that can end does.
  void finish_all(Dice& dice);
  // The journals' threads write through what they were asked to, and those who wait for that are told.
  void write_through();
  bool idle() const { return under_way_.empty() && undecided_ == 0 && inbox_.empty() && extensions_.empty(); }

  // --- the store thread
  // Runs if it was woken or is due.
  void turn();
  bool turning() const { return turning_; }
  std::optional<base::Instant> due() const { return woken_ ? std::optional(around_.clock.now()) : due_; }
  // --- the control thread
  void publish(std::size_t worker, View view) { workers_[worker].view = std::move(view); }
  std::size_t worker_count() const { return workers_.size(); }
  base::Status on_store_thread(const std::function<base::Status()>& work);
  void limit_changed(base::LimitId limit);
  void read_numbers(Dice& dice);
  base::Status close();

  // --- a limit comes into force (process_openings.cpp), in the order of these. Crash: as everywhere.
  base::Result<std::shared_ptr<quota::Lease>> begin_opening(const catalog::Limit& limit);
  // From here on the worker asks for it, and what it has under way takes it on.
  base::Status take_on(std::size_t worker, const SeenLimit& limit, const std::shared_ptr<quota::Lease>& lease,
                       View next);
  base::Status open_limit(base::LimitId limit, const std::function<base::Status(base::WallTime now)>& open);
  void abandon_opening(base::LimitId limit);

 private:
  struct Worker {
    Worker(quota::Keeper& keeper, std::unique_ptr<quota::Scribe> with, View v)
        : scribe(std::move(with)), admission(keeper, scribe.get()), view(std::move(v)) {}
    std::unique_ptr<quota::Scribe> scribe;  // nullptr: there is no journal
    quota::Admission admission;
    View view;
  };
  struct Exchange {
    int number = 0;
    std::size_t worker = 0;
    std::vector<Want> wants = {};
    std::optional<BalanceWant> balance = std::nullopt;
    View view = nullptr;  // that it began with
    std::int64_t asked_at_ms = 0;
    std::optional<quota::Reservation> reservation = std::nullopt;
    bool waits_for_disk = false;
    std::optional<int> quote = std::nullopt;  // that it redeems
    bool was_held = false;                    // the quote, when it was asked for
    bool of_another_key = false;              // than the quote
    Key wanted = {};                          // with a quote
    bool is_extending = false;                // and the keeper was asked
    quota::Amounts bound = {};                // what it may take, in every unit
    std::optional<idempotency::Claim> claim = std::nullopt;
    int call = 0;  // that has claimed it: the number that its key knows
    bool claim_is_sent = false;
  };
  // A call that has asked for its Idempotency-Key.
  struct Keyed {
    KeyBook::Asked asked;
    std::size_t worker = 0;
    std::optional<idempotency::Desk::Answer> answer = std::nullopt;
    bool gone = false;  // nobody waits for the answer any more
  };
  enum class KeyEnd : std::uint8_t { keep, too_large, free, drop };
  struct Answer {
    Exchange exchange;
    quota::Decision decision;
  };
  // That the keeper was asked for, and whose worker has not heard of its decision.
  struct Waiting {
    std::size_t worker = 0;
    int home = 0;
    quota::Amounts bound;
    std::int64_t asked_at_ms = 0;
    std::vector<quota::Reservation::TakenOn> taken_on = {};
  };
  // More for an exchange, as it was asked for.
  struct Extending {
    int exchange = 0;
    std::vector<Money> more;  // by unit of each of its limits, in their order
    std::optional<BalanceWant> balance;
    std::map<Place, Money> own = {};  // what it held of them
    std::int64_t asked_at_ms = 0;
    quota::Amounts whole;   // what the exchange may take then
    std::size_t parts = 0;  // of its reservation
  };
  struct Extended {
    Extending asked;
    quota::Decision decision;
  };

  std::unique_ptr<events::UsageRecord> record_of(int number, const quota::Amounts& bound);
  void reserve(Exchange exchange, Dice& dice);
  void watch_keys();
  void ask_with_key(Dice& dice);
  void claim_key(const KeyBook::Asked& asked, std::size_t worker);
  bool answer_key(Dice& dice);
  void answer_key(Keyed& keyed, Dice* dice);
  // All that the desk has answered.
  void finish_keys(Dice& dice);
  void end_key(Exchange& exchange, KeyEnd how);
  void submit(Exchange exchange, const Key& wanted, const quota::Amounts& amounts, std::int64_t wait_ms);
  void decided(Exchange exchange, quota::Decision decision);
  void check_admitted(const Exchange& exchange, quota::Reservation& reservation);
  void check_refused(const Exchange& exchange, const quota::Refusal& refusal);
  // `own`: what who asked holds already.
  void check_refusal(const quota::Refusal& refusal, const std::optional<BalanceWant>& balance,
                     const std::map<Place, Money>& own = {});
  Extending extending_of(const Exchange& exchange, const quota::Amounts& more, const catalog::Balance* balance,
                         const View& now) const;
  void extension_decided(Extending asked, quota::Decision decision);
  void check_extension(const Extending& asked, const quota::Reservation::Extension& extension);
  void answer_extension(Dice& dice);
  void hold_more(Exchange& exchange, const Extending& asked, quota::Reservation::Extension extension);
  std::optional<BalanceWant> balance_want(const Seen& view, const quota::Amounts& amounts) const;
  bool decided_alone();
  void hold_quote(Dice& dice);
  void quoted(int number, const quota::Decision& decision, const std::optional<BalanceWant>& balance);
  void redeem_quote(Dice& dice);
  base::Status join_taken_on(const Exchange& exchange, quota::Decision& decision);
  void check_unusable(const Exchange& exchange);
  void check_remaining(const Worker& worker, const Key& wanted);
  Exchange take_any(Dice& dice);
  bool may_leave(Exchange& exchange);
  void end_unsent(Exchange exchange, Dice& dice);
  void end_sent(Exchange exchange, Dice& dice);
  void settle(Exchange exchange, quota::Amounts actual, meter::Certainty certainty);
  Place place_of(const quota::CounterKey& counter) const;

  Surroundings& around_;
  std::unique_ptr<journal::Journal> journal_;  // nullptr: none is kept
  std::set<std::uint32_t> to_commit_, to_resume_;
  bool gone_ = false;       // and whatever of it still ends does so unheard
  idempotency::Desk desk_;  // outlives the claims of those who wait for the keeper
  std::unique_ptr<quota::Keeper> keeper_;
  std::vector<Worker> workers_;
  std::vector<Exchange> under_way_;
  std::vector<std::shared_ptr<Keyed>> keyed_;  // that wait for their keys
  std::deque<Answer> inbox_;
  std::map<int, Waiting> waiting_;   // by exchange
  std::deque<Extended> extensions_;  // likewise, of those who asked for more
  int undecided_ = 0;
  bool woken_ = true;  // a store thread begins with a turn
  bool closing_ = false;
  bool abandoning_ = false;      // a limit does not come into force, and who waits for it is told
  bool turning_ = false;         // the store thread is at work
  bool waiting_for_it_ = false;  // and the caller waits until it was
  int failures_before_ = 0;
  std::optional<base::Instant> due_;
};

}  // namespace sim
