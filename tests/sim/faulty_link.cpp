#include "tests/sim/faulty_link.h"

namespace sim {
namespace {

constexpr std::size_t remembered = 6;

}  // namespace

void FaultyLink::maybe_crash() {
  if (!chance(weather.crash)) return;
  ++figures_.crashes_in_store;
  dies();
  throw Crash();
}

template <class Call>
auto FaultyLink::call(bool repeatable, Call work, const std::function<void(bool)>& meanwhile_now) -> decltype(work()) {
  const auto failed = [&] {
    ++failures;
    return base::fail(base::ErrorType::unavailable, "the store does not answer", {}, base::Source::store);
  };
  const bool slow = chance(weather.slow);
  if (slow) ++figures_.slow_calls;
  lost_ = false;
  if (meanwhile_now) meanwhile_now(slow);
  maybe_crash();
  if (chance(weather.refuse)) {
    ++figures_.refused_calls;
    return failed();
  }
  auto answer = work();
  if (repeatable && chance(weather.repeat)) {
    ++figures_.repeated_calls;
    answer = work();
  }
  if (happened) happened();
  const bool lose = chance(weather.lose);
  maybe_crash();
  if (meanwhile_now) meanwhile_now(slow);
  if (lose) {
    ++figures_.lost_replies;
    lost_ = true;
    return failed();
  }
  return answer;
}

void FaultyLink::connect(std::shared_ptr<quota::Store> store) {
  store_ = std::move(store);
  flush_in_doubt = false;
}

void FaultyLink::remember(std::variant<MadeFlush, MadeGrant> what) {
  made_.push_back({store_, std::move(what)});
  if (made_.size() > remembered) made_.erase(made_.begin());
}

base::Result<quota::LeftBehind> FaultyLink::left_behind() { return store_->left_behind(); }

base::Result<quota::Recovery> FaultyLink::recover(base::WallTime now, const quota::Evidence& evidence) {
  // Evidence is of one incarnation: whoever repeats it has looked at the journals again.
  const bool repeatable = !evidence.incarnation;
  return call(repeatable, [&] { return store_->recover(now, evidence); }, {});
}

base::Result<std::vector<quota::Grant>> FaultyLink::grant(std::span<const quota::GrantRequest> requests) {
  std::vector<quota::Grant> granted;
  for (const quota::GrantRequest& request : requests) touched(request.of.counter);
  auto answer = call(
      true,
      [&] {
        auto grants = store_->grant(requests);
        if (grants) granted = *grants;
        return grants;
      },
      meanwhile);
  if (answer || lost_) remember(MadeGrant(requests.begin(), requests.end()));
  if (!lost_) return answer;
  for (std::size_t i = 0; i < granted.size(); ++i) {
    if (granted[i].granted == 0) continue;
    ++figures_.lost_grants;
    grant_lost(requests[i].of.counter, granted[i].granted);
  }
  return answer;
}

base::Status FaultyLink::flush(const quota::Flush& flush) {
  const base::Status status = call(true, [&] { return store_->flush(flush); }, meanwhile);
  flush_in_doubt = !status;
  if (status && flushed) flushed();
  // One that never happened does not arrive later.
  if (!status && !lost_) return status;
  MadeFlush made{{}, {flush.returns.begin(), flush.returns.end()}};
  for (const events::UsageRecord* const record : flush.records) made.records.push_back(*record);
  remember(std::move(made));
  return status;
}

base::Result<std::vector<quota::CounterState>> FaultyLink::read(std::span<const quota::CounterQuery> counters) {
  for (const quota::CounterQuery& query : counters) touched(query.counter);
  return call(true, [&] { return store_->read(counters); }, meanwhile);
}

base::Status FaultyLink::hold(const quota::Quote& quote, std::int64_t epoch) {
  return call(true, [&] { return store_->hold(quote, epoch); }, meanwhile);
}

base::Result<std::optional<quota::Quote>> FaultyLink::find_quote(base::QuoteId id, base::WallTime now) {
  return call(true, [&] { return store_->find_quote(id, now); }, meanwhile);
}

// Not twice: the second one would find it redeemed, as a second call would.
base::Result<quota::Redeemed> FaultyLink::redeem(const quota::Redemption& redemption) {
  quota::Redeemed redeemed;
  auto answer = call(
      false,
      [&] {
        auto done = store_->redeem(redemption);
        if (done) redeemed = *done;
        return done;
      },
      meanwhile);
  if (!lost_) return answer;
  const auto lose = [&](const std::vector<quota::Grant>& granted, const std::vector<quota::GrantRequest>& requests) {
    for (std::size_t i = 0; i < granted.size(); ++i) {
      if (granted[i].granted == 0) continue;
      ++figures_.lost_grants;
      grant_lost(requests[i].of.counter, granted[i].granted);
    }
  };
  lose(redeemed.limits, redemption.limits);
  lose(redeemed.grants, redemption.grants);
  return answer;
}

base::Result<quota::EndedQuotes> FaultyLink::end_quotes(base::WallTime now, std::span<const base::QuoteId> also) {
  return call(true, [&] { return store_->end_quotes(now, also); }, meanwhile);
}

base::Result<quota::Heartbeat> FaultyLink::heartbeat() {
  return call(true, [&] { return store_->heartbeat(); }, meanwhile);
}

base::Result<std::optional<idempotency::Standing>> FaultyLink::claim(const idempotency::ClaimRequest& request) {
  return call(
      true,
      [&] {
        auto found = keys_->claim(request);
        if (found) key_asked(request.exchange, *found);
        return found;
      },
      meanwhile);
}

base::Status FaultyLink::end_key(base::ExchangeId exchange, std::optional<idempotency::State> as,
                                 const std::function<base::Status()>& work) {
  base::Status ended = call(
      true,
      [&] {
        base::Status status = work();
        if (status) key_ended(exchange, as);
        return status;
      },
      meanwhile);
  if (!ended) key_end_lost(exchange);
  return ended;
}

base::Status FaultyLink::finish(const idempotency::Name& name, base::ExchangeId exchange, idempotency::State state,
                                const std::optional<idempotency::KeptReply>& reply) {
  return end_key(exchange, state, [&] { return keys_->finish(name, exchange, state, reply); });
}

base::Status FaultyLink::free(const idempotency::Name& name, base::ExchangeId exchange) {
  return end_key(exchange, std::nullopt, [&] { return keys_->free(name, exchange); });
}

base::Status FaultyLink::change(const std::function<base::Status()>& work) { return call(false, work, meanwhile); }

void FaultyLink::echo(Dice& dice) {
  if (made_.empty()) return;
  const Made& again = dice.any_of(made_);
  base::Status status;
  bool may_be_late = again.store != store_;
  if (const auto* const flush = std::get_if<MadeFlush>(&again.what)) {
    status = again.store->flush({.records = events::pointers_to(flush->records), .returns = flush->returns});
  } else if (again.store->lease_ttl_ms()) {  // an embedded store's grants do not travel
    const auto grants = again.store->grant(std::get<MadeGrant>(again.what));
    if (!grants) status = std::unexpected(grants.error());
    may_be_late = may_be_late || (!grants && grants.error().type == base::ErrorType::unavailable);  // its epoch is over
  }
  ++figures_.repeated_calls;
  if (happened) happened();
  if (!status && !may_be_late) throw Violation("what was sent before is refused: " + status.error().message);
  if (status && again.store != store_) throw Violation("what a closed incarnation has sent is taken");
}

}  // namespace sim
