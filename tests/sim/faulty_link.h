#pragma once
// The way from a process to its store. It is slow, loses answers, says no, makes calls twice, and processes die on it;
// and while the store works, the rest of the process goes on: what the workers do in the middle of a keeper's turn
// happens here.

#include <functional>
#include <memory>
#include <variant>

#include "idempotency/store.h"
#include "quota/store.h"
#include "tests/sim/dice.h"
#include "tests/sim/engine.h"
#include "tests/sim/figures.h"
#include "tests/sim/trouble.h"

namespace sim {

// How often each thing happens to a call, in a thousand.
struct Weather {
  int refuse = 0;  // nothing happens, an error is answered
  int lose = 0;    // it happens, and an error is answered
  int repeat = 0;  // it happens twice
  int crash = 0;   // the process dies before or after it happens
  int slow = 0;
  bool clear() const { return refuse + lose + repeat + crash + slow == 0; }
};

class FaultyLink final : public quota::Store, public idempotency::Store {
 public:
  explicit FaultyLink(Figures& figures) : figures_(figures) {}

  // The store's end of the way, of one process. Where a node has a new one for each process, what the last ones have
  // sent may still arrive.
  void connect(std::shared_ptr<quota::Store> store);
  // Likewise, once its incarnation is open.
  void connect_keys(std::shared_ptr<idempotency::Store> keys) { keys_ = std::move(keys); }
  // Of what was sent nothing arrives any more.
  void forget() { made_.clear(); }

  Weather weather;
  // Called in the middle of every call, before it happens and after; `slow` calls take long.
  std::function<void(bool slow)> meanwhile;
  std::function<void(const quota::CounterKey&, std::int64_t granted)> grant_lost;
  std::function<void(const quota::CounterKey&)> touched;
  // What the store says of an Idempotency-Key, and does with one, when it does; and where it did not say that it has.
  std::function<void(base::ExchangeId, const std::optional<idempotency::Standing>&)> key_asked;
  std::function<void(base::ExchangeId, std::optional<idempotency::State>)> key_ended;
  std::function<void(base::ExchangeId)> key_end_lost;
  std::function<void()> happened;  // something, in the store
  std::function<void()> dies;      // called where the process dies, before anything of it is undone
  int failures = 0;                // calls that answered with an error, ever
  std::function<void()> flushed;   // the process is told so
  bool flush_in_doubt = false;     // the last one, to the process

  // What decides from here on; must outlive the calls.
  void roll_with(Dice& dice) { dice_ = &dice; }

  base::Result<quota::LeftBehind> left_behind() override;
  std::uint64_t last_commit() const override { return store_->last_commit(); }
  base::Result<quota::Recovery> recover(base::WallTime now, const quota::Evidence& evidence) override;
  base::Result<std::vector<quota::Grant>> grant(std::span<const quota::GrantRequest> requests) override;
  base::Status flush(const quota::Flush& flush) override;
  base::Result<std::vector<quota::CounterState>> read(std::span<const quota::CounterQuery> counters) override;
  base::Status hold(const quota::Quote& quote, std::int64_t epoch) override;
  base::Result<std::optional<quota::Quote>> find_quote(base::QuoteId id, base::WallTime now) override;
  base::Result<quota::Redeemed> redeem(const quota::Redemption& redemption) override;
  base::Result<quota::EndedQuotes> end_quotes(base::WallTime now, std::span<const base::QuoteId> also) override;
  std::optional<std::int64_t> lease_ttl_ms() const override { return store_->lease_ttl_ms(); }
  std::int64_t max_skew_ms() const override { return store_->max_skew_ms(); }
  base::Result<quota::Heartbeat> heartbeat() override;
  void on_wanted(std::function<void()> call) override { store_->on_wanted(std::move(call)); }
  base::Result<std::optional<idempotency::Standing>> claim(const idempotency::ClaimRequest& request) override;
  base::Status finish(const idempotency::Name& name, base::ExchangeId exchange, idempotency::State state,
                      const std::optional<idempotency::KeptReply>& reply) override;
  base::Status free(const idempotency::Name& name, base::ExchangeId exchange) override;
  // A change of the catalog, in the same weather.
  base::Status change(const std::function<base::Status()>& work);

  // One of the last flushes or grants arrives again.
  void echo(Dice& dice);

 private:
  template <class Call>
  auto call(bool repeatable, Call work, const std::function<void(bool)>& meanwhile_now) -> decltype(work());
  base::Status end_key(base::ExchangeId exchange, std::optional<idempotency::State> as,
                       const std::function<base::Status()>& work);
  bool chance(int per_mille) { return per_mille > 0 && dice_->between(1, 1'000) <= per_mille; }
  void maybe_crash();

  struct MadeFlush {
    std::vector<events::UsageRecord> records;
    std::vector<quota::LeaseReturn> returns;
  };
  using MadeGrant = std::vector<quota::GrantRequest>;
  struct Made {
    std::shared_ptr<quota::Store> store;  // of the process that made it
    std::variant<MadeFlush, MadeGrant> what;
  };
  void remember(std::variant<MadeFlush, MadeGrant> what);

  std::shared_ptr<quota::Store> store_;
  std::shared_ptr<idempotency::Store> keys_;
  Figures& figures_;
  Dice* dice_ = nullptr;
  std::vector<Made> made_;  // the last few
  bool lost_ = false;       // the call that just ended happened, and its answer was lost
};

}  // namespace sim
